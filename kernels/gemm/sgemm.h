// The product of two matrices that are known when the network runs, by the tiles of GatherGemm.
// What BlasGemm (kernels/gemm/blas.h) does without OpenBLAS; any number of threads at a time.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

// C[m,n] = alpha * op(A) * op(B) + beta * C, with the arguments and the bound of BlasGemm. Needs no
// memory but some 130 kB of the stack.
void Sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
           const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c,
           int64_t ldc) noexcept;

}  // namespace kinglet::kernels
