#include "kernels/gemm/product.h"

#include <algorithm>

#include "kernels/gemm/blas.h"

namespace kinglet::kernels {
namespace {

// Panels of B beyond that leave the second-level cache, and BLAS cuts them better.
constexpr int64_t kMostPanelBytes = 768 << 10;
constexpr int64_t kFewRows = 2;  // that are not worth a copy of B

int64_t PanelBytes(const ProductShape& s) {
  return RoundUpToBlock(s.n) * s.k * static_cast<int64_t>(sizeof(float));
}

}  // namespace

MatrixProduct::Way MatrixProduct::WayOf(const ProductShape& s) noexcept {
  const bool a_rows = !s.transpose_a || s.lda == 1;  // the elements of a row are side by side
  const bool b_column = s.transpose_b || s.ldb == 1;
  if (s.n == 1 && b_column) {
    if (!s.transpose_a) return Way::kColumn;
    if (s.ldc == 1) return Way::kColumnOfRows;
  }
  if (s.m <= kFewRows && a_rows) return s.transpose_b ? Way::kDots : Way::kRows;
  return PanelBytes(s) <= kMostPanelBytes ? Way::kPanels : Way::kBlas;
}

MatrixProduct::MatrixProduct(const ProductShape& shape)
    : shape_(shape), way_(WayOf(shape)), vectors_(&GetVectorFns()) {
  if (way_ == Way::kPanels) scratch_bytes_ = static_cast<size_t>(PanelBytes(shape));
  if (way_ == Way::kBlas) PrepareBlas();
}

MatrixView MatrixProduct::Left(const float* a) const noexcept {
  return shape_.transpose_a ? MatrixView{a, 1, shape_.lda} : MatrixView{a, shape_.lda, 1};
}

void MatrixProduct::TakeRight(const float* b, void* scratch) const noexcept {
  if (way_ != Way::kPanels) return;
  const MatrixView right =
      shape_.transpose_b ? MatrixView{b, 1, shape_.ldb} : MatrixView{b, shape_.ldb, 1};
  auto* to = static_cast<float*>(scratch);
  for (int64_t k = 0; k < shape_.k; k += kPanelDepth) {
    const int64_t depth = std::min(kPanelDepth, shape_.k - k);
    PackPanels(panels_, {right.At(k, 0), right.row_stride, right.column_stride}, depth, shape_.n,
               shape_.alpha, to);
    to += RoundUpToBlock(shape_.n) * depth;
  }
}

void MatrixProduct::Multiply(const float* a, const float* b, float* c, int64_t first, int64_t rows,
                             bool adds, void* scratch) const noexcept {
  const auto [m, n, k, transpose_a, transpose_b, lda, ldb, ldc, alpha] = shape_;
  const MatrixView all = Left(a);
  const MatrixView left = {all.At(first, 0), all.row_stride, all.column_stride};
  c += first * ldc;
  if (k == 0 && !adds) {
    for (int64_t i = 0; i < rows; ++i) std::fill_n(c + i * ldc, n, 0.0f);
  }
  if (k == 0) return;
  switch (way_) {
    case Way::kPanels: {
      const auto* panels = static_cast<const float*>(scratch);
      for (int64_t from = 0; from < k; from += kPanelDepth) {
        const int64_t depth = std::min(kPanelDepth, k - from);
        const MatrixView part = {left.At(0, from), left.row_stride, left.column_stride};
        MultiplyPanels(panels_, part, rows, panels, depth, n, adds || from > 0, c, ldc);
        panels += RoundUpToBlock(n) * depth;
      }
      return;
    }
    case Way::kRows:
      for (int64_t i = 0; i < rows; ++i) {
        vectors_->weighted_rows({b, k, n, ldb}, left.At(i, 0), alpha, adds, c + i * ldc);
      }
      return;
    case Way::kDots:
      for (int64_t i = 0; i < rows; ++i) {
        vectors_->dots({b, n, k, ldb}, left.At(i, 0), alpha, adds, c + i * ldc, 1);
      }
      return;
    case Way::kColumn:
      vectors_->dots({left.data, rows, k, lda}, b, alpha, adds, c, ldc);
      return;
    case Way::kColumnOfRows:
      vectors_->weighted_rows({left.data, k, rows, lda}, b, alpha, adds, c);
      return;
    case Way::kBlas:
      BlasGemm(transpose_a, transpose_b, rows, n, k, alpha, left.data, lda, b, ldb,
               adds ? 1.0f : 0.0f, c, ldc);
  }
}

Work MatrixProduct::WorkOf(int64_t count, int64_t units, int threads) const noexcept {
  const auto products = static_cast<double>(count), m = static_cast<double>(shape_.m),
             n = static_cast<double>(shape_.n), k = static_cast<double>(shape_.k);
  WorkStage stage;
  stage.Add({.kind = way_ == Way::kBlas ? WorkKind::kBlas : WorkKind::kTile,
             .count = 2 * products * m * n * k});
  stage.read_bytes = 4 * products * k * (m + n);
  stage.write_bytes = 4 * products * m * n;
  return SharedWork(stage, units, way_ == Way::kBlas ? BlasThreads(threads) : threads);
}

}  // namespace kinglet::kernels
