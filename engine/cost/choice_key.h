// A question that kernels are chosen for: what measured times of them are kept by.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/common/element_type.h"

namespace kinglet {

// All that decides how long a kernel takes on a machine, and no more: equal keys mean that what was
// measured of one holds for the other.
struct ChoiceKey {
  std::string family;                       // of kernels: "conv"
  std::vector<std::int64_t> shape;          // the numbers of the family's shape, in their order
  std::vector<kernels::ElementType> types;  // of input, weights and output
  std::string activation = "none";          // fused behind it, by its operator's name
  bool residual = false;                    // fused before that
  int threads = 1;                          // that share the step
  // Other threads that are busy with steps of their own meanwhile: they take their part of the
  // shared cache, of memory's bandwidth and of the clock.
  int neighbours = 0;

  auto operator<=>(const ChoiceKey&) const = default;
};

// "conv 1,16,12 float32,float32,float32 activation=Relu residual=0 threads=2 neighbours=0".
std::string ToString(const ChoiceKey& key);
// The key of such a text; none where it is no such text.
std::optional<ChoiceKey> ParseChoiceKey(std::string_view text);

}  // namespace kinglet
