// Pooling of plain tensors of one to three spatial dimensions and any number type, for what the
// float32 image kernels do not cover: volumes, integers, indices of the maxima, Lp norms.
//
// As kernels/pool/pool.h, with y = (sum |tap|^p)^(1/p) for the norm (ONNX LpPool). Work units: (n *
// c, first output dimension, second output dimension) with dimensions of size 1 added in front.
// Alignment: that of the element. Over-read, over-write, aliasing: none. Scalar code; sums in
// double.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

enum class PoolNdKind : uint8_t { kMax, kAverage, kAverageWithPad, kLpNorm };

struct PoolNd {
  PoolNdKind kind = PoolNdKind::kMax;
  int64_t maps = 1;  // n * c
  // Fewer than three spatial dimensions are the last ones; the others stay as they are here.
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
  int64_t pad_begin[3] = {0, 0, 0}, pad_end[3] = {0, 0, 0};
  int64_t norm = 2;           // kLpNorm: p >= 1
  bool column_major = false;  // of the indices: ONNX storage_order 1
};

int64_t UnitCount(const PoolNd& p) noexcept;

// T is float, double, int8_t or uint8_t; the integers with kMax only. `indices` (null: not wanted)
// takes for each maximum its index in the flat input tensor, the first of equal ones; -1 for a
// window without a tap.
template <typename T>
void RunPoolNd(const PoolNd& p, const T* x, T* y, int64_t* indices, int64_t begin,
               int64_t end) noexcept;

}  // namespace kinglet::kernels
