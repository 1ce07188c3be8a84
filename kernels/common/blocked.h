// The blocked activation layout: a tensor {N,C,H,W} is stored as [N][ceil(C/B)][H][W][B], where the
// B channels of a pixel are one cache line and pixels have unit stride: B is 16 for float32
// (NCHW16c), 32 for bfloat16, 64 for bytes. Lanes beyond C in the last block are zero, always:
// every operator that writes a blocked tensor keeps them so. The base address is 64-byte aligned.
#pragma once

#include <cstdint>

#include "kernels/common/element_type.h"
#include "kernels/common/tensor_desc.h"

namespace kinglet::kernels {

inline constexpr int64_t kPixelBytes = 64;

// Channels of a pixel block: B. Not of kUndefined.
constexpr int64_t PixelBlock(ElementType type) { return kPixelBytes / ElementBytes(type); }

// That of float32, for which the functions below count unless told otherwise.
inline constexpr int64_t kBlock = PixelBlock(ElementType::kFloat32);

constexpr int64_t BlockCount(int64_t channels, int64_t block = kBlock) {
  return (channels + block - 1) / block;
}
constexpr int64_t RoundUpToBlock(int64_t channels, int64_t block = kBlock) {
  return BlockCount(channels, block) * block;
}

// Elements of a blocked tensor, and the index of one of them.
constexpr int64_t BlockedCount(int64_t n, int64_t c, int64_t h, int64_t w, int64_t block = kBlock) {
  return n * RoundUpToBlock(c, block) * h * w;
}
constexpr int64_t BlockedIndex(int64_t n, int64_t c, int64_t y, int64_t x, int64_t channels,
                               int64_t height, int64_t width, int64_t block = kBlock) {
  return (((n * BlockCount(channels, block) + c / block) * height + y) * width + x) * block +
         c % block;
}

// Elements of a tensor {N,C,H,W} as it is stored.
constexpr int64_t StoredCount(TensorDesc desc, int64_t n, int64_t c, int64_t h, int64_t w) {
  return desc.blocked() ? BlockedCount(n, c, h, w, PixelBlock(desc.type)) : n * c * h * w;
}

}  // namespace kinglet::kernels
