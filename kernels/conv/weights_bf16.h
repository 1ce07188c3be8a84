// Weights of convolutions in bfloat16: rounded to nearest even, as matrix tiles and the direct
// kernel read them. Inputs that are stored as bfloat16 have zero pad lanes: these are multiplied,
// by zeros.
#pragma once

#include <cstddef>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"

namespace kinglet::kernels {

inline constexpr int64_t kBlockBf16 = PixelBlock(ElementType::kBFloat16);

// [group][oc / 32][ic / 32][tap][2][16 pairs of ic][16 oc][2], zeros where there is no channel.
size_t PackedBytesBf16(const ConvShape& s);
void PackBf16(const ConvShape& s, const void* oihw, void* packed);
PackedFormat FormatBf16(const ConvShape& s);

// Of weight i of the 32 x 32 of a step: [2][16 pairs of inputs][16 outputs][2].
struct InStep {
  int64_t in, out;
};
constexpr InStep PlaceInStep(int64_t i) {
  return {i % 512 / 32 * 2 + i % 2, i / 512 * 16 + i % 32 / 2};
}

// One group, or groups of whole blocks.
bool HasWideGroups(const ConvShape& s, int64_t block);

}  // namespace kinglet::kernels
