#include "kernels/gemm/blas.h"

#include <cblas.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>

#include "kernels/common/cpu_target.h"

// Present in OpenBLAS builds with run-time choice of kernels; weak, so that others link as well.
extern "C" {
__attribute__((weak)) void gotoblas_dynamic_init(void);
__attribute__((weak)) void gotoblas_dynamic_quit(void);
__attribute__((weak)) char* gotoblas_corename(void);
}

namespace kinglet::kernels {
namespace {

constexpr const char* kCoreVariable = "OPENBLAS_CORETYPE";

bool SameName(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Chooses again with the environment as it is.
void Choose() {
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
}

bool PrepareOnce() {
  const auto targets = RunnableTargets();
  const bool avx512 = std::find(targets.begin(), targets.end(), "avx512") != targets.end();
  const bool chosen_by_user = std::getenv(kCoreVariable) != nullptr;
  const char* better = BetterBlasCore(avx512, chosen_by_user, BlasCoreName());
  return better == nullptr || SelectBlasCore(better);
}

}  // namespace

const char* BlasCoreName() noexcept {
  return gotoblas_corename != nullptr ? gotoblas_corename() : "";
}

const char* BetterBlasCore(bool avx512, bool chosen_by_user, std::string_view current) noexcept {
  if (!avx512 || chosen_by_user) return nullptr;
  for (const char* core : {"SkylakeX", "Cooperlake", "SapphireRapids"}) {
    if (SameName(current, core)) return nullptr;
  }
  return "SkylakeX";
}

bool SelectBlasCore(const char* core) noexcept {
  if (gotoblas_dynamic_init == nullptr || gotoblas_dynamic_quit == nullptr ||
      gotoblas_corename == nullptr) {
    return false;
  }
  const char* set = std::getenv(kCoreVariable);
  const std::string before = set == nullptr ? "" : set;
  const std::string previous = BlasCoreName();
  setenv(kCoreVariable, core, 1);
  Choose();
  const bool chosen = SameName(BlasCoreName(), core);
  if (!chosen) {
    setenv(kCoreVariable, previous.c_str(), 1);
    Choose();
  }
  if (set == nullptr) {
    unsetenv(kCoreVariable);
  } else {
    setenv(kCoreVariable, before.c_str(), 1);
  }
  return chosen;
}

int BlasThreads(int) noexcept { return 1; }

void PrepareBlas() noexcept { [[maybe_unused]] static const bool done = PrepareOnce(); }

void BlasGemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
              const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c,
              int64_t ldc) noexcept {
  if (m == 0 || n == 0) return;
  const auto size = [](int64_t value) { return static_cast<blasint>(value); };
  // The serial OpenBLAS hands out its packing buffers without a lock: two calls at once could work
  // in the same one.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  // BLAS wants strides of at least one, also where no element is read.
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
              transpose_b ? CblasTrans : CblasNoTrans, size(m), size(n), size(k), alpha, a,
              size(std::max<int64_t>(lda, 1)), b, size(std::max<int64_t>(ldb, 1)), beta, c,
              size(std::max<int64_t>(ldc, 1)));
}

}  // namespace kinglet::kernels
