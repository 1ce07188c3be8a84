// The blocked activation layout NCHW16c: a float32 tensor {N,C,H,W} is stored as
// [N][ceil(C/16)][H][W][16], so the 16 channels of a pixel are one cache line and pixels have unit
// stride. Lanes beyond C in the last block are zero, always: every operator that writes a blocked
// tensor keeps them so. The base address is 64-byte aligned.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

inline constexpr int64_t kBlock = 16;

constexpr int64_t BlockCount(int64_t channels) { return (channels + kBlock - 1) / kBlock; }
constexpr int64_t RoundUpToBlock(int64_t channels) { return BlockCount(channels) * kBlock; }

// Floats of a blocked tensor, and the index of one of its elements.
constexpr int64_t BlockedCount(int64_t n, int64_t c, int64_t h, int64_t w) {
  return n * RoundUpToBlock(c) * h * w;
}
constexpr int64_t BlockedIndex(int64_t n, int64_t c, int64_t y, int64_t x, int64_t channels,
                               int64_t height, int64_t width) {
  return (((n * BlockCount(channels) + c / kBlock) * height + y) * width + x) * kBlock + c % kBlock;
}

}  // namespace kinglet::kernels
