// Products of two matrices that are known when the network runs, many of one shape: what MatMul of
// activations, Einsum and attention consist of. B is laid out in panels once for all rows of A that
// a thread multiplies with it; vectors are not copied at all; what is too large for the caches goes
// to BlasGemm.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/work.h"
#include "kernels/gemm/panels.h"
#include "kernels/gemm/vector.h"

namespace kinglet::kernels {

// C[m,n] = alpha * op(A) * op(B), row-major; op transposes when the flag is set, so that A is {m,k}
// or {k,m} and B {k,n} or {n,k} in memory, with the given row strides.
struct ProductShape {
  int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  int64_t lda = 0, ldb = 0, ldc = 0;
  float alpha = 1;
};

// Any alignment; C overlaps neither A nor B. Each row of C has the same bits however the rows are
// cut among calls. Numerical bound: that of BlasGemm.
class MatrixProduct {
 public:
  MatrixProduct() = default;
  // Fetches the functions of the active target: at plan time.
  explicit MatrixProduct(const ProductShape& shape);

  // What a thread needs for one B at a time.
  size_t scratch_bytes() const noexcept { return scratch_bytes_; }
  // Whether B is copied, so that it pays to multiply many rows with it.
  bool copies() const noexcept { return way_ == Way::kPanels; }

  // Makes `b` the right operand of Multiply with this scratch.
  void TakeRight(const float* b, void* scratch) const noexcept;
  // Rows [first, first + rows) of C, or that much more of them where it adds. `b`: the one that was
  // taken last.
  void Multiply(const float* a, const float* b, float* c, int64_t first, int64_t rows, bool adds,
                void* scratch) const noexcept;

  // What `count` such products do, whose units threads share.
  Work WorkOf(int64_t count, int64_t units, int threads) const noexcept;

 private:
  enum class Way {
    kPanels,
    kRows,          // few rows of A, each the weights of B's rows
    kDots,          // few rows of A, each with B's columns, which are rows in memory
    kColumn,        // B is one column
    kColumnOfRows,  // the same, and A's columns are rows in memory
    kBlas
  };
  static Way WayOf(const ProductShape& shape) noexcept;
  MatrixView Left(const float* a) const noexcept;

  ProductShape shape_;
  Way way_ = Way::kBlas;
  size_t scratch_bytes_ = 0;
  PanelFns panels_;
  const VectorFns* vectors_ = nullptr;
};

}  // namespace kinglet::kernels
