// A stage of an Einsum as a stack of float32 matrix products.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/ops/einsum_stages.h"
#include "kernels/gemm/product.h"

namespace kinglet {

// C[m, n] = sum over k of A[m, k] B[k, n] for each combination of `outer`. What does not lie in
// evenly spaced rows or columns is copied to scratch before, or from there afterwards.
class EinsumProduct {
 public:
  // Whether a stage of two operands is worth it: a plain loop does small ones.
  static bool Suits(const EinsumStage& stage);
  explicit EinsumProduct(const EinsumStage& stage);

  std::int64_t units() const { return CountOf(outer_) * row_parts_; }
  std::size_t scratch_bytes() const;
  // What all units do together.
  kernels::Work WorkOf(int threads) const {
    return product_.WorkOf(CountOf(outer_), units(), threads);
  }
  std::int64_t m() const { return m_; }
  std::int64_t n() const { return n_; }
  std::int64_t k() const { return k_; }
  // Operands 0 and 1 of the stage change places, so that rows of the result lie in memory.
  bool swapped() const { return swapped_; }
  // One product of whole matrices as they lie in memory, A and C with dense rows; B perhaps
  // transposed, dense as well.
  bool IsPlain() const;
  bool b_transposed() const { return b_.transposed; }

  // Units [begin, end); a and b are the operands of the stage.
  void Run(const float* a, const float* b, float* c, std::byte* scratch, std::int64_t begin,
           std::int64_t end) const;

 private:
  // How a matrix lies in memory.
  struct View {
    bool direct = false;
    bool transposed = false;
    std::int64_t stride = 0;  // of its rows, or of its columns when transposed
  };
  static View ViewOf(const EinsumLoops& rows, const EinsumLoops& columns, std::size_t operand);
  void Split(EinsumLoops rows, EinsumLoops columns);
  void Scatter(const float* from, std::int64_t first, std::int64_t count, float* c) const;
  const float* Copied(const float* from, const EinsumLoops& rows, const EinsumLoops& columns,
                      std::size_t operand, std::int64_t first, std::int64_t count, float* to) const;

  bool swapped_ = false;
  EinsumLoops outer_, rows_, columns_, depth_;
  std::int64_t m_ = 1, n_ = 1, k_ = 1;
  std::int64_t part_ = 1, row_parts_ = 1;
  View a_, b_, c_;
  kernels::MatrixProduct product_;
};

}  // namespace kinglet
