#include "kernels/gemm/sgemm.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "kernels/common/blocked.h"
#include "kernels/gemm/gather_gemm.h"

namespace kinglet::kernels {
namespace {

// A panel of B stays in the second-level cache while all rows of A pass by, a strip of A in the
// first-level cache.
constexpr int64_t kDepth = 256;
constexpr int64_t kBlocks = 4;  // of 16 columns
constexpr int64_t kRows = 24;

struct Matrix {
  const float* data;
  int64_t row_stride, column_stride;

  const float* At(int64_t row, int64_t column) const {
    return data + row * row_stride + column * column_stride;
  }
};

// alpha * `b` from row k on: [block][depth][16], the columns behind the last one zeros.
void PackPanel(const Matrix& b, int64_t k, int64_t depth, int64_t first_column, int64_t columns,
               float alpha, float* to) {
  for (int64_t column = 0; column < columns; column += kBlock) {
    const int64_t lanes = std::min(kBlock, columns - column);
    for (int64_t i = 0; i < depth; ++i, to += kBlock) {
      const float* from = b.At(k + i, first_column + column);
      for (int64_t lane = 0; lane < lanes; ++lane) to[lane] = alpha * from[lane * b.column_stride];
      std::fill(to + lanes, to + kBlock, 0.0f);
    }
  }
}

void Scale(float beta, int64_t m, int64_t n, float* c, int64_t ldc) {
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < n; ++column) {
      float& value = c[row * ldc + column];
      value = beta == 0 ? 0.0f : beta * value;
    }
  }
}

// Columns [first, first + columns) of C.
class Panel {
 public:
  Panel(const Matrix& a, const Matrix& b, int64_t m, float* c, int64_t ldc) noexcept
      : a_(a), b_(b), m_(m), c_(c), ldc_(ldc), gemm_(ResolveGatherGemm()) {
    for (size_t i = 0; i < steps_.size(); ++i) steps_[i] = static_cast<int64_t>(i) * kBlock;
  }

  // Adds to what C holds, or overwrites it.
  void Multiply(int64_t first, int64_t columns, int64_t k, int64_t depth, float alpha,
                bool adds) noexcept {
    PackPanel(b_, k, depth, first, columns, alpha, packed_);
    GatherGemm job;
    job.pixel_offsets = rows_.data();
    job.step_offsets = steps_.data();
    job.full_steps = depth / kBlock;
    job.tail_channels = depth % kBlock;
    job.tail_steps = job.tail_channels == 0 ? 0 : 1;
    job.weights = packed_;
    job.out_pixel_stride = ldc_;
    job.out_block_stride = kBlock;
    job.blocks = BlockCount(columns);
    job.last_lanes = columns - (job.blocks - 1) * kBlock;
    job.store_pad_lanes = false;
    for (int64_t row = 0; row < m_; row += job.pixels) {
      job.pixels = std::min(kRows, m_ - row);
      job.in = Rows(row, job.pixels, k, depth);
      job.out = c_ + row * ldc_ + first;
      job.residual = adds ? job.out : nullptr;
      gemm_(job);
    }
  }

 private:
  // Rows of A with their elements side by side: where they are, or copied.
  const float* Rows(int64_t row, int64_t rows, int64_t k, int64_t depth) noexcept {
    const bool copied = a_.column_stride != 1;
    for (int64_t i = 0; i < rows; ++i) {
      rows_[static_cast<size_t>(i)] = i * (copied ? kDepth : a_.row_stride);
    }
    if (!copied) return a_.At(row, k);
    for (int64_t j = 0; j < depth; ++j) {
      const float* from = a_.At(row, k + j);
      for (int64_t i = 0; i < rows; ++i) strip_[i * kDepth + j] = from[i * a_.row_stride];
    }
    return strip_;
  }

  const Matrix a_, b_;
  const int64_t m_;
  float* const c_;
  const int64_t ldc_;
  const GatherGemmFn gemm_;
  std::array<int64_t, kDepth / kBlock> steps_;
  std::array<int64_t, kRows> rows_;
  alignas(64) float packed_[kBlocks * kBlock * kDepth];
  alignas(64) float strip_[kRows * kDepth];
};

}  // namespace

void Sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
           const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c,
           int64_t ldc) noexcept {
  if (m == 0 || n == 0) return;
  if (k == 0 || (beta != 0 && beta != 1)) Scale(beta, m, n, c, ldc);
  Panel panel(transpose_a ? Matrix{a, 1, lda} : Matrix{a, lda, 1},
              transpose_b ? Matrix{b, 1, ldb} : Matrix{b, ldb, 1}, m, c, ldc);
  for (int64_t column = 0; column < n; column += kBlocks * kBlock) {
    const int64_t columns = std::min(kBlocks * kBlock, n - column);
    for (int64_t depth = 0; depth < k; depth += kDepth) {
      panel.Multiply(column, columns, depth, std::min(kDepth, k - depth), alpha,
                     depth > 0 || beta != 0);
    }
  }
}

}  // namespace kinglet::kernels
