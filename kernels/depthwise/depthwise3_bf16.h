// Depthwise convolutions of bfloat16, a block of 32 channels at a time as pairs of them.
#pragma once

#include <cstddef>
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

// Weights of both variants of bfloat16: floats, [ic / 32][tap][even channels, odd ones][16].
PackedFormat DepthwisePairsFormat(const ConvShape& s);
size_t DepthwisePairsBytes(const ConvShape& s);
void PackDepthwisePairs(const ConvShape& s, const void* oihw, void* packed);

// What conv/depthwise3_bf16 takes, and its rows for the active target and a CPU with avx512_bf16:
// blocks of 32 channels, pairs of which are counted as floats are elsewhere.
bool Depthwise3Supports(const ConvShape& s) noexcept;
DepthwiseRowsFn ResolveDepthwise3Rows();
// The rows and the variant without that, for tests: on every CPU.
DepthwiseRowsFn ResolvePlainDepthwise3Rows();
ConvVariant PlainDepthwise3ConvBf16();

}  // namespace kinglet::kernels
