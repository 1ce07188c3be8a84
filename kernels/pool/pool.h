// Pooling of float32 images: maximum and average over windows, and over whole maps.
//
// y[n][c][oy][ox] = op over the taps (ky, kx) with 0 <= iy < in_h and 0 <= ix < in_w of
// x[n][c][iy][ix], where iy = oy * stride_h - pad_top + ky * dilation_h, ix likewise.
// Maximum: the largest tap. Average: the sum divided by the number of those taps, or, with
// `include_pad`, by the number of taps within the padded extent [-pad_top, in_h + pad_bottom) x
// [-pad_left, in_w + pad_right): a window that ceil_mode lets hang over that extent never counts
// what lies beyond (ONNX MaxPool and AveragePool, opsets 7 to 22).
// A window without any tap gives the lowest float as a maximum and 0 as an average.
// Volumes are plain: {n, c, in_d, in_h, in_w}, with windows of kernel_d maps.
//
// Layouts: blocked (NCHW16c; pad lanes stay zero) or plain (NCHW).
// Work units: (n, 16-channel block, output row) for blocked, (n, c, output map, output row) for
// plain; (n, 16-channel block) and (n, c) for global pools. Disjoint ranges write disjoint memory.
// Alignment: any (64 bytes is best). Over-read, over-write: none. Aliasing: none.
// Bounds: a maximum is exact; NaN in a window makes NaN or the maximum of the rest. An average of k
// taps is within (k + 2) * 2^-24 * mean|x| of the exact one; NaN and infinity follow IEEE sums.
#pragma once

#include <cstdint>

#include "kernels/common/work.h"

namespace kinglet::kernels {

struct Pool {
  int64_t n, c, in_h, in_w, out_h, out_w;
  int64_t kernel_h, kernel_w;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool include_pad = false;  // averages only: ONNX count_include_pad
  // Elements between images; either side may be a slice of a larger tensor.
  int64_t in_batch_stride = 0, out_batch_stride = 0;
  // The first dimension of volumes, plain ones only.
  int64_t in_d = 1, out_d = 1, kernel_d = 1, stride_d = 1, dilation_d = 1;
  int64_t pad_front = 0, pad_back = 0;
};

// Global pools: {n, c, pixels} to {n, c, 1}.
struct GlobalPool {
  int64_t n, c, pixels;
  int64_t in_batch_stride = 0, out_batch_stride = 0;
};

int64_t BlockedUnitCount(const Pool& p) noexcept;
int64_t PlainUnitCount(const Pool& p) noexcept;
int64_t BlockedUnitCount(const GlobalPool& p) noexcept;
int64_t PlainUnitCount(const GlobalPool& p) noexcept;

// Whether the windows of a blocked pool are reduced by parts, rows first, where that can be: those
// that are large, and overlap.
bool GoesByParts(const Pool& p) noexcept;

// What a pool does to images of either layout; a maximum or an average.
Work PoolWork(const Pool& p, bool maximum, bool blocked, int threads);

using PoolFn = void (*)(const Pool& p, const float* x, float* y, int64_t begin,
                        int64_t end) noexcept;
using GlobalPoolFn = void (*)(const GlobalPool& p, const float* x, float* y, int64_t begin,
                              int64_t end) noexcept;

// Functions for the active target. Fetch them at plan time.
struct PoolTable {
  PoolFn max_blocked, average_blocked, max_plain, average_plain;
  GlobalPoolFn global_max_blocked, global_average_blocked, global_max_plain, global_average_plain;
};
const PoolTable& GetPoolTable() noexcept;

}  // namespace kinglet::kernels
