// Kinglet without OpenBLAS: its functions, by kernels of our own.
#include "kernels/gemm/blas.h"
#include "kernels/gemm/sgemm.h"

namespace kinglet::kernels {

void BlasGemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
              const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c,
              int64_t ldc) noexcept {
  Sgemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

int BlasThreads(int threads) noexcept { return threads; }
void PrepareBlas() noexcept {}
const char* BlasCoreName() noexcept { return ""; }
const char* BetterBlasCore(bool, bool, std::string_view) noexcept { return nullptr; }
bool SelectBlasCore(const char*) noexcept { return false; }

}  // namespace kinglet::kernels
