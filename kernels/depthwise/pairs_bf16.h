// Depthwise convolutions of bfloat16, a block of 32 channels at a time as pairs of them.
#pragma once

#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/depthwise/rows.h"

namespace kinglet::kernels {

// The bias of a block of which `channels` exist, `bias` or zeros, those of even channels before
// those of odd ones.
inline void SplitBias(const float* bias, int64_t channels, float* to) {
  constexpr int64_t kChannels = PixelBlock(ElementType::kBFloat16);
  for (int64_t c = 0; c < kChannels; ++c) {
    to[c % 2 * kChannels / 2 + c / 2] = bias != nullptr && c < channels ? bias[c] : 0.0f;
  }
}

// Weights of a block of conv/depthwise_pairs_bf16, in pairs.
inline constexpr int64_t kDepthwisePairs = 2 * 3 * PixelBlock(ElementType::kBFloat16);

// What conv/depthwise_pairs_bf16 takes, and its rows for the active target and a CPU with
// avx512_bf16: blocks of 32 channels, pairs of which are counted as floats are elsewhere.
bool DepthwisePairsSupport(const ConvShape& s) noexcept;
DepthwiseRowsFn ResolveDepthwisePairRows();
// The same by multiply-adds of float32, for tests: on every CPU.
DepthwiseRowsFn ResolveWidenedDepthwisePairRows();

// conv/depthwise_pairs_bf16 by multiply-adds of float32, for tests where no CPU has the
// instruction: the form of the weights and all around the products are those of the variant.
ConvVariant WidenedDepthwisePairsConvBf16();

}  // namespace kinglet::kernels
