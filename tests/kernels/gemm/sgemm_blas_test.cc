#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "kernels/gemm/blas.h"
#include "tests/support/gemm_reference.h"
#include "tests/support/guarded.h"
#include "tests/support/random.h"

namespace kinglet::kernels {
namespace {

using testing::Guarded;
using testing::NaiveProduct;
using testing::Product;
using testing::Random;

TEST(BlasGemm, BothTransposesAndScales) {
  Random random(5);
  constexpr int64_t kM = 7, kN = 9, kK = 11;
  const auto a = random.Floats(kM * kK);
  const auto b = random.Floats(kK * kN);
  const auto before = random.Floats(kM * kN);
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const float beta : {0.0f, 1.0f, -0.5f}) {
        Guarded c(before);
        if (beta == 0.0f) std::fill_n(c.data(), c.size(), std::nanf(""));
        BlasGemm(ta, tb, kM, kN, kK, 2.0f, a.data(), ta ? kM : kK, b.data(), tb ? kK : kN, beta,
                 c.data(), kN);
        for (int64_t m = 0; m < kM; ++m) {
          for (int64_t n = 0; n < kN; ++n) {
            const Product want = NaiveProduct(a.data() + m * (ta ? 1 : kK), ta ? kM : 1,
                                              b.data() + n * (tb ? kK : 1), tb ? 1 : kN, kK);
            const auto at = static_cast<size_t>(m * kN + n);
            ASSERT_NEAR(c[at], 2 * want.value + beta * before[at],
                        (kK + 2) * 0x1p-23 * (want.magnitude + 1));
          }
        }
        EXPECT_TRUE(c.FencesIntact());
      }
    }
  }
}

TEST(BlasGemm, CallsOfSeveralThreadsDoNotMix) {
  constexpr int64_t kM = 24, kN = 200, kK = 150;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (uint32_t t = 0; t < 3; ++t) {
    threads.emplace_back([t, &wrong] {
      Random random(t + 1);
      const auto a = random.Floats(kM * kK);
      const auto b = random.Floats(kK * kN);
      std::vector<float> c(kM * kN);
      const Product want = NaiveProduct(a.data(), 1, b.data(), kN, kK);
      for (int run = 0; run < 500; ++run) {
        BlasGemm(false, false, kM, kN, kK, 1.0f, a.data(), kK, b.data(), kN, 0.0f, c.data(), kN);
        const double error = std::abs(static_cast<double>(c[0]) - want.value);
        if (!(error <= (kK + 2) * 0x1p-23 * (want.magnitude + 1))) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(BlasGemm, WantsKernelsForAvx512WhereNobodyChose) {
  EXPECT_STREQ(BetterBlasCore(true, false, "Haswell"), "SkylakeX");
  EXPECT_STREQ(BetterBlasCore(true, false, "Prescott"), "SkylakeX");
  EXPECT_STREQ(BetterBlasCore(true, false, ""), "SkylakeX");
  EXPECT_EQ(BetterBlasCore(true, false, "SKYLAKEX"), nullptr);
  EXPECT_EQ(BetterBlasCore(true, false, "Cooperlake"), nullptr);
  EXPECT_EQ(BetterBlasCore(true, false, "SapphireRapids"), nullptr);
  EXPECT_EQ(BetterBlasCore(true, true, "Haswell"), nullptr);
  EXPECT_EQ(BetterBlasCore(false, false, "Haswell"), nullptr);
  EXPECT_EQ(BetterBlasCore(false, false, "Zen"), nullptr);
}

TEST(BlasGemm, SelectingKernelsKeepsWhatTheUserSet) {
  PrepareBlas();
  const std::string before = BlasCoreName();
  if (!SelectBlasCore("Nehalem")) GTEST_SKIP() << "this OpenBLAS has one set of kernels";
  setenv("OPENBLAS_CORETYPE", "Haswell", 1);
  EXPECT_TRUE(SelectBlasCore(before.c_str()));
  EXPECT_STREQ(std::getenv("OPENBLAS_CORETYPE"), "Haswell");
  unsetenv("OPENBLAS_CORETYPE");
}

TEST(BlasGemm, ChoosesKernelsByName) {
  PrepareBlas();
  const std::string before = BlasCoreName();
  if (!SelectBlasCore("Nehalem")) GTEST_SKIP() << "this OpenBLAS has one set of kernels";
  EXPECT_STREQ(BlasCoreName(), "Nehalem");
  EXPECT_FALSE(SelectBlasCore("no such core"));
  EXPECT_STREQ(BlasCoreName(), "Nehalem");
  EXPECT_TRUE(SelectBlasCore(before.c_str()));
  EXPECT_EQ(std::getenv("OPENBLAS_CORETYPE"), nullptr);
}

}  // namespace
}  // namespace kinglet::kernels
