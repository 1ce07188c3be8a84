// Moving images between plain and blocked layout, and channels between blocked images.
//
// Plain:   x[n][c][h][w], the layout of ONNX (NCHW).
// Blocked: x[n][C/16 rounded up][h][w][16] (NCHW16c). Channel c is lane c % 16 of block c / 16. The
//          lanes of the last block at and after C are pad lanes and hold zero. (Of elements of two
//          and of one byte a block has 32 and 64 channels.)
//
// Work units: every function does the units [begin, end) of unit = (n, block of the destination,
// row), rows innermost; their number is UnitCount(). Consecutive rows of a block are one run of
// memory. Two disjoint ranges write disjoint memory.
// Alignment: any (64 bytes is best). Over-read, over-write: none. Aliasing: source and destination
// must not overlap. Values are copied bit by bit.
#pragma once

#include <cstdint>

#include "kernels/common/tensor_desc.h"
#include "kernels/common/work.h"

namespace kinglet::kernels {

// Between plain and blocked. Batch strides are in elements, so that either side may be a slice of
// a larger tensor.
struct Reorder {
  int64_t n, c, h, w;
  int64_t plain_batch_stride;    // usually c * h * w
  int64_t blocked_batch_stride;  // usually ceil(c / 16) * 16 * h * w
  int64_t block = 16;            // channels of a block, PixelBlock of the type
};
int64_t UnitCount(const Reorder& r) noexcept;
// What either way takes, of elements of that many bytes.
Work ReorderWork(int64_t n, int64_t c, int64_t h, int64_t w, int threads,
                 int64_t element_bytes = 4) noexcept;

// dst[n][dst_begin + i] = src[n][src_begin + i] for i in [0, count), both blocked with h x w
// pixels. Lanes of other channels of dst are untouched, but when dst_begin + count == dst_c the
// pad lanes of its last block become zero. Units count the blocks of dst that are touched.
struct ChannelCopy {
  int64_t n, h, w;
  int64_t src_c, src_begin;
  int64_t dst_c, dst_begin;
  int64_t count;
  int64_t src_batch_stride, dst_batch_stride;
  int64_t block = 16;  // channels of a block, which says how large elements are
};
int64_t UnitCount(const ChannelCopy& p) noexcept;

// Channel shuffle of ShuffleNet (Zhang et al. 2017, arXiv:1707.01083): the c = groups * per_group
// channels seen as a matrix [groups][per_group] and transposed:
// dst[n][i * groups + g] = src[n][g * per_group + i]. Both blocked and dense.
struct ChannelShuffle {
  int64_t n, c, h, w;
  int64_t groups;  // divides c
};
int64_t UnitCount(const ChannelShuffle& p) noexcept;

// Moves the units [begin, end) of UnitCount(r) from one of the two forms into the other.
using ReorderFn = void (*)(const Reorder& r, const void* from, void* to, int64_t begin,
                           int64_t end) noexcept;

// Does the units [begin, end) of UnitCount(p).
using ChannelCopyFn = void (*)(const ChannelCopy& p, const void* src, void* dst, int64_t begin,
                               int64_t end) noexcept;

// Functions of float32, but for those that say otherwise, for the active target. Fetch them at plan
// time, after the target has been chosen.
struct LayoutTable {
  ReorderFn to_blocked;
  ReorderFn to_plain;
  ChannelCopyFn copy_channels;  // of any type
  void (*shuffle_channels)(const ChannelShuffle& p, const float* src, float* dst, int64_t begin,
                           int64_t end) noexcept;
  // dst[r * dst_stride + c] = src[c * src_stride + r] for r < rows, c < cols.
  void (*transpose32)(const uint32_t* src, int64_t src_stride, uint32_t* dst, int64_t dst_stride,
                      int64_t rows, int64_t cols) noexcept;
  // dst[i] = src[2 * i], i < count.
  void (*every_other32)(const uint32_t* src, uint32_t* dst, int64_t count) noexcept;
};
const LayoutTable& GetLayoutTable() noexcept;

// For the active target.
struct Reordering {
  const char* id = nullptr;  // "layout/to_blocked_f32"
  ReorderFn run = nullptr;   // null: there is none between these two
};
Reordering FindReordering(const TensorDesc& from, const TensorDesc& to) noexcept;

}  // namespace kinglet::kernels
