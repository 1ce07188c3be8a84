// Weights of convolutions in bfloat16: rounded to nearest even, as matrix tiles and the direct
// kernel read them. Inputs that are stored as bfloat16 have zero pad lanes: these are multiplied,
// by zeros.
#pragma once

#include <cstddef>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/tile_weights.h"

namespace kinglet::kernels {

inline constexpr int64_t kBlockBf16 = PixelBlock(ElementType::kBFloat16);

// [group][oc / 32][ic / 32][tap][2][16 pairs of ic][16 oc][2], zeros where there is no channel
// (kernels/conv/tile_weights.h).
size_t PackedBytesBf16(const ConvShape& s);
void PackBf16(const ConvShape& s, const void* oihw, void* packed);
PackedFormat FormatBf16(const ConvShape& s);

}  // namespace kinglet::kernels
