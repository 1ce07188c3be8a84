#include "kernels/gemm/sgemm.h"

#include <algorithm>

#include "kernels/gemm/panels.h"

namespace kinglet::kernels {
namespace {

// Panels of B stay in the second-level cache while all rows of A pass by, a strip of A in the
// first-level cache.
constexpr int64_t kDepth = 256;
constexpr int64_t kColumns = 64;

void Scale(float beta, int64_t m, int64_t n, float* c, int64_t ldc) {
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < n; ++column) {
      float& value = c[row * ldc + column];
      value = beta == 0 ? 0.0f : beta * value;
    }
  }
}

}  // namespace

void Sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
           const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c,
           int64_t ldc) noexcept {
  if (m == 0 || n == 0) return;
  if (k == 0 || (beta != 0 && beta != 1)) Scale(beta, m, n, c, ldc);
  const MatrixView left = transpose_a ? MatrixView{a, 1, lda} : MatrixView{a, lda, 1};
  const MatrixView right = transpose_b ? MatrixView{b, 1, ldb} : MatrixView{b, ldb, 1};
  const PanelFns fns;
  alignas(64) float panels[kColumns * kDepth];
  for (int64_t column = 0; column < n; column += kColumns) {
    const int64_t columns = std::min(kColumns, n - column);
    for (int64_t first = 0; first < k; first += kDepth) {
      const int64_t depth = std::min(kDepth, k - first);
      const MatrixView from = {right.At(first, column), right.row_stride, right.column_stride};
      const MatrixView rows = {left.At(0, first), left.row_stride, left.column_stride};
      PackPanels(fns, from, depth, columns, alpha, panels);
      MultiplyPanels(fns, rows, m, panels, depth, columns, first > 0 || beta != 0, c + column, ldc);
    }
  }
}

}  // namespace kinglet::kernels
