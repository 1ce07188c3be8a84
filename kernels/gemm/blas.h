// Products of two matrices that are known when the network runs: by OpenBLAS, called on one thread
// because the engine owns the threads, or by kernels of our own where Kinglet is built without it
// (KINGLET_BLAS=off).
#pragma once

#include <cstdint>
#include <string_view>

namespace kinglet::kernels {

// C[m,n] = alpha * op(A) * op(B) + beta * C, row-major; op transposes when the flag is set, so that
// A is {m,k} or {k,m} and B {k,n} or {n,k} in memory, with the given row strides. beta = 0 ignores
// what C holds. Sizes and strides fit 31 bits. Any alignment; C overlaps neither A nor B.
// OpenBLAS runs one call at a time, the others wait (BlasThreads).
// Numerical bound: (k + 2) * 2^-24 * sum |alpha * a * b| around the exact sum.
void BlasGemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
              const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c,
              int64_t ldc) noexcept;

// How many of `threads` multiply at a time.
int BlasThreads(int threads) noexcept;

// Lets OpenBLAS use its AVX-512 kernels on CPUs that it does not know by name, unless the user has
// chosen by OPENBLAS_CORETYPE. Done once; call it at plan time, before threads multiply. BlasGemm
// computes the same without it.
void PrepareBlas() noexcept;

// Name of the kernels that OpenBLAS uses ("Haswell"), or "" where it does not say or is not there.
const char* BlasCoreName() noexcept;

// The kernels that PrepareBlas selects on a CPU with AVX-512 or without, while OpenBLAS uses those
// named `current`; null: it leaves them.
const char* BetterBlasCore(bool avx512, bool chosen_by_user, std::string_view current) noexcept;

// Makes OpenBLAS choose its kernels again as if OPENBLAS_CORETYPE were `core`. False, and no
// change, where the library has one set of kernels only or does not know the name. No other thread
// may be in OpenBLAS.
bool SelectBlasCore(const char* core) noexcept;

}  // namespace kinglet::kernels
