// Depthwise convolutions of bfloat16, a block of 32 channels at a time as pairs of them.
#pragma once

#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"

namespace kinglet::kernels {

// The bias of a block, `bias` or zeros, those of even channels before those of odd ones.
inline void SplitBias(const ConvShape& s, const float* bias, int64_t block, float* to) {
  constexpr int64_t kChannels = PixelBlock(ElementType::kBFloat16);
  for (int64_t lane = 0; lane < kChannels; ++lane) {
    const int64_t c = block * kChannels + lane;
    to[lane % 2 * kChannels / 2 + lane / 2] = bias != nullptr && c < s.oc ? bias[c] : 0.0f;
  }
}

// conv/depthwise_pairs_bf16 by multiply-adds of float32, for tests where no CPU has the instruction:
// the form of the weights and all around the products are those of the variant.
ConvVariant WidenedDepthwisePairsConvBf16();

}  // namespace kinglet::kernels
