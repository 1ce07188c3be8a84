// Weights of convolutions in bfloat16: rounded to nearest even, as matrix tiles and the direct
// kernel read them.
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

// One group, or groups of whole blocks.
bool HasWideGroups(const ConvShape& s, int64_t block);

}  // namespace kinglet::kernels
