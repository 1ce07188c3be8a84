// How constants lie in memory for the kernels that read them: weights in panels, bias in lanes.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "kernels/common/element_type.h"

namespace kinglet::kernels {

// Equal formats of the same constant are the same bytes, on every instruction set. Variants that
// read the same bytes have equal formats.
struct PackedFormat {
  std::string family;   // "conv": which constants these are
  std::string variant;  // "direct": how they lie, by the variant that it was made for
  int64_t block = 1;    // output channels or columns that lie side by side
  ElementType type = ElementType::kFloat32;
  int revision = 1;         // one more whenever the same format comes to mean other bytes
  int64_t groups = 1;       // of a convolution
  bool transposed = false;  // the constant is {N, K}, not {K, N}
  float scale = 1;          // what the constant is multiplied with

  friend std::strong_ordering operator<=>(const PackedFormat& a, const PackedFormat& b) {
    return a.Fields() <=> b.Fields();
  }
  friend bool operator==(const PackedFormat& a, const PackedFormat& b) {
    return a.Fields() == b.Fields();
  }

 private:
  // A scale that is no number equals itself.
  std::tuple<std::string_view, std::string_view, int64_t, ElementType, int, int64_t, bool, uint32_t>
  Fields() const {
    return {family,   variant, block,      type,
            revision, groups,  transposed, std::bit_cast<uint32_t>(scale)};
  }
};

// "conv/direct block=16 type=float32 revision=1 groups=1 transposed=0 scale=1".
std::string ToString(const PackedFormat& format);
// The format of such a text; none where it is no such text.
std::optional<PackedFormat> ParsePackedFormat(std::string_view text);

// One float32 for each channel, rounded up to a block with zeros.
PackedFormat ChannelLanesFormat();

}  // namespace kinglet::kernels
