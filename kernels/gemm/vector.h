// Products of a matrix and a vector that are known when the network runs: bound by reading the
// matrix, which nothing is copied of.
//
// Each result is a sum in an order that depends on the sizes alone, however the results are cut
// among calls (of WeightedRows: at multiples of 16 columns). Alignment: any. Over-read, over-write:
// none. Aliasing: y overlaps nothing else. Bound: (k + 2) * 2^-24 * sum |alpha * a * b|.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

// `rows` rows of `columns` floats, `stride` apart.
struct RowMatrix {
  const float* data;
  int64_t rows, columns, stride;
};

struct VectorFns {
  // y[i * y_stride] = alpha * sum over j of m[i][j] * x[j], or that much more where it adds.
  void (*dots)(const RowMatrix& m, const float* x, float alpha, bool adds, float* y,
               int64_t y_stride) noexcept;
  // y[j] = alpha * sum over i of x[i] * m[i][j], or that much more where it adds.
  void (*weighted_rows)(const RowMatrix& m, const float* x, float alpha, bool adds,
                        float* y) noexcept;
};

// Functions for the active target. Fetch them at plan time.
const VectorFns& GetVectorFns() noexcept;

}  // namespace kinglet::kernels
