#include "kernels/gemm/blas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "kernels/gemm/sgemm.h"
#include "tests/support/gemm_reference.h"
#include "tests/support/guarded.h"
#include "tests/support/random.h"

namespace kinglet::kernels::blas_test {
namespace {

using testing::Guarded;
using testing::NaiveProduct;
using testing::Product;
using testing::Random;

// OpenBLAS, where it is there, and what stands for it where it is not.
using SgemmFn = decltype(&BlasGemm);
class SgemmTest : public ::testing::TestWithParam<SgemmFn> {};
INSTANTIATE_TEST_SUITE_P(All, SgemmTest, ::testing::Values(&BlasGemm, &Sgemm),
                         [](const auto& which) { return which.index == 0 ? "Blas" : "Own"; });

struct Sizes {
  int64_t m, n, k;
};

void ExpectProduct(SgemmFn sgemm, const Sizes& sizes, bool ta, bool tb, float beta) {
  const auto [m, n, k] = sizes;
  const int64_t lda = (ta ? m : k) + 3;
  const int64_t ldb = (tb ? k : n) + 1;
  const int64_t ldc = n + 2;
  Random random(5);
  const auto a = random.Floats(static_cast<size_t>((ta ? k : m) * lda));
  const auto b = random.Floats(static_cast<size_t>((tb ? n : k) * ldb));
  auto before = random.Floats(static_cast<size_t>(m * ldc));
  Guarded c(before);
  if (beta == 0.0f) {
    for (int64_t row = 0; row < m; ++row) std::fill_n(c.data() + row * ldc, n, std::nanf(""));
  }
  sgemm(ta, tb, m, n, k, 2.0f, a.data(), lda, b.data(), ldb, beta, c.data(), ldc);
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < ldc; ++column) {
      const auto at = static_cast<size_t>(row * ldc + column);
      if (column >= n) {  // between the rows
        ASSERT_EQ(c[at], before[at]);
        continue;
      }
      const Product want = NaiveProduct(a.data() + row * (ta ? 1 : lda), ta ? lda : 1,
                                        b.data() + column * (tb ? ldb : 1), tb ? 1 : ldb, k);
      ASSERT_NEAR(c[at], 2 * want.value + beta * before[at],
                  static_cast<double>(k + 2) * 0x1p-23 * (want.magnitude + 1))
          << m << "x" << n << "x" << k << ", row " << row << ", column " << column;
    }
  }
  EXPECT_TRUE(c.FencesIntact());
}

TEST_P(SgemmTest, BothTransposesAndScales) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const float beta : {0.0f, 1.0f, -0.5f}) {
        ExpectProduct(GetParam(), {7, 9, 11}, ta, tb, beta);
      }
    }
  }
}

TEST_P(SgemmTest, SizesAroundPanelsAndTiles) {
  const Sizes sizes[] = {{1, 1, 1},     {1, 17, 16},  {24, 64, 256}, {25, 65, 257},
                         {49, 130, 31}, {3, 16, 600}, {100, 5, 48}};
  for (const Sizes& each : sizes) {
    for (const bool transposed : {false, true}) {
      ExpectProduct(GetParam(), each, transposed, transposed, 0);
      ExpectProduct(GetParam(), each, transposed, !transposed, 1);
    }
  }
}

TEST_P(SgemmTest, NothingToAddUp) {
  std::vector<float> c = {1, 2, 3, 4};
  const float none[1] = {};
  GetParam()(false, false, 2, 2, 0, 1.0f, none, 0, none, 2, 1.0f, c.data(), 2);
  EXPECT_THAT(c, ::testing::ElementsAre(1, 2, 3, 4));
  GetParam()(false, false, 2, 2, 0, 1.0f, none, 0, none, 2, 0.0f, c.data(), 2);
  EXPECT_THAT(c, ::testing::Each(0.0f));
  GetParam()(false, false, 0, 2, 1, 1.0f, none, 1, none, 2, 0.0f, nullptr, 2);
}

TEST_P(SgemmTest, CallsOfSeveralThreadsDoNotMix) {
  const SgemmFn sgemm = GetParam();
  constexpr int64_t kM = 24, kN = 200, kK = 150;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (uint32_t t = 0; t < 3; ++t) {
    threads.emplace_back([t, sgemm, &wrong] {
      Random random(t + 1);
      const auto a = random.Floats(kM * kK);
      const auto b = random.Floats(kK * kN);
      std::vector<float> c(kM * kN);
      const Product want = NaiveProduct(a.data(), 1, b.data(), kN, kK);
      for (int run = 0; run < 500; ++run) {
        sgemm(false, false, kM, kN, kK, 1.0f, a.data(), kK, b.data(), kN, 0.0f, c.data(), kN);
        const double error = std::abs(static_cast<double>(c[0]) - want.value);
        if (!(error <= (kK + 2) * 0x1p-23 * (want.magnitude + 1))) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(BlasCore, WantsKernelsForAvx512WhereNobodyChose) {
  if (std::string(BlasCoreName()).empty()) GTEST_SKIP() << "no OpenBLAS that tells its kernels";
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

TEST(BlasCore, SelectingKernelsKeepsWhatTheUserSet) {
  PrepareBlas();
  const std::string before = BlasCoreName();
  if (!SelectBlasCore("Nehalem")) GTEST_SKIP() << "this OpenBLAS has one set of kernels";
  setenv("OPENBLAS_CORETYPE", "Haswell", 1);
  EXPECT_TRUE(SelectBlasCore(before.c_str()));
  EXPECT_STREQ(std::getenv("OPENBLAS_CORETYPE"), "Haswell");
  unsetenv("OPENBLAS_CORETYPE");
}

TEST(BlasCore, ChoosesKernelsByName) {
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
}  // namespace kinglet::kernels::blas_test
