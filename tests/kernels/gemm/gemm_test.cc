// Every matrix product variant on every target against the definition in double.
#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/common/blocked.h"
#include "kernels/common/cpu_target.h"
#include "kernels/common/machine_model.h"
#include "kernels/common/predict.h"
#include "tests/support/activation.h"
#include "tests/support/gemm_reference.h"
#include "tests/support/guarded.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::gemm_test {
namespace {

using testing::Guarded;
using testing::NaiveProduct;
using testing::Product;
using testing::Random;

struct Case {
  GemmShape shape = {};
  Epilogue epilogue = {};
  bool bias = true;
  bool transposed = false;  // weights as {N,K}
  int64_t extra_stride = 0;
  int64_t units_per_call = 0;  // 0: all in one call
};

void Check(const GemmVariant& variant, const Case& test) {
  const GemmShape& s = test.shape;
  if (!variant.supports(s)) return;
  Random random(29);
  const auto count = [](int64_t n) { return static_cast<size_t>(n); };
  const int64_t lda = s.k + test.extra_stride;
  const int64_t ldc = s.n + test.extra_stride;
  const Guarded a(random.Floats(count((s.m - 1) * lda + s.k)), 1);
  const auto b = random.Floats(count(s.k * s.n));
  std::vector<float> bias(count(RoundUpToBlock(s.n)), 0.0f);
  if (test.bias) {
    for (int64_t n = 0; n < s.n; ++n) bias[count(n)] = random.Float();
  }
  const Guarded padded_bias(bias);
  const GemmWeights weights =
      test.transposed ? GemmWeights{b.data(), 1, s.k} : GemmWeights{b.data(), s.n, 1};
  Guarded packed(variant.packed_bytes(s) / sizeof(float));
  variant.pack(s, weights, packed.data());
  ASSERT_TRUE(packed.FencesIntact());
  Guarded c(count((s.m - 1) * ldc + s.n), 3);
  const Guarded untouched = Guarded(c.size(), 3);
  Guarded scratch((variant.scratch_bytes(s) + sizeof(float) - 1) / sizeof(float));
  GemmArgs args;
  args.a = a.data();
  args.lda = lda;
  args.packed = packed.data();
  args.bias = test.bias ? padded_bias.data() : nullptr;
  args.c = c.data();
  args.ldc = ldc;
  args.epilogue = test.epilogue;
  const int64_t units = variant.units(s);
  const int64_t step = test.units_per_call == 0 ? units : test.units_per_call;
  for (int64_t begin = 0; begin < units; begin += step) {
    variant.run(s, args, begin, std::min(begin + step, units), scratch.data());
  }
  ASSERT_TRUE(c.FencesIntact()) << "C";
  ASSERT_TRUE(scratch.FencesIntact()) << "scratch";
  for (int64_t m = 0; m < s.m; ++m) {
    for (int64_t n = 0; n < s.n; ++n) {
      Product want = NaiveProduct(a.data() + m * lda, 1, b.data() + n * weights.n_stride,
                                  weights.k_stride, s.k);
      want.value = testing::Activate(test.epilogue, want.value + bias[count(n)]);
      want.magnitude += std::abs(bias[count(n)]);
      const double bound = 1.5 * static_cast<double>(s.k + 3) * 0x1p-24 * want.magnitude +
                           1e-6 * std::abs(want.value);
      ASSERT_NEAR(c[count(m * ldc + n)], want.value, bound + 1e-7)
          << "row " << m << " column " << n;
    }
    for (int64_t n = s.n; n < ldc && m + 1 < s.m; ++n) {
      const auto at = count(m * ldc + n);
      ASSERT_EQ(std::memcmp(c.data() + at, untouched.data() + at, sizeof(float)), 0)
          << "between rows " << m << " and " << m + 1;
    }
  }
}

void CheckAll(const std::vector<Case>& cases) {
  testing::ForEachTarget([&] {
    for (const GemmVariant& variant : GemmVariants()) {
      if (!UsableFeatures().Contains(variant.needs)) continue;
      for (const Case& test : cases) {
        SCOPED_TRACE(std::string(variant.id) + " m " + std::to_string(test.shape.m) + " n " +
                     std::to_string(test.shape.n) + " k " + std::to_string(test.shape.k));
        Check(variant, test);
        if (::testing::Test::HasFailure()) return;
      }
    }
  });
}

TEST(Gemm, EveryTail) {
  std::vector<Case> cases;
  for (int64_t m = 1; m <= 14; ++m) {
    for (const int64_t n : {1, 2, 3, 4, 15, 16, 17, 31, 33, 64, 65, 83}) {
      for (const int64_t k : {1, 5, 16, 35}) cases.push_back({.shape = {m, n, k}});
    }
  }
  CheckAll(cases);
}

TEST(Gemm, StridesLayoutsAndEpilogues) {
  std::vector<Case> cases;
  for (const Epilogue& e : testing::AllEpilogues()) {
    for (const bool bias : {false, true}) {
      cases.push_back({.shape = {5, 37, 20},
                       .epilogue = e,
                       .bias = bias,
                       .transposed = bias,
                       .extra_stride = 3});
      cases.push_back({.shape = {1, 90, 33}, .epilogue = e, .bias = bias, .transposed = !bias});
      for (const int64_t n : {1, 2, 3, 4}) {
        cases.push_back({.shape = {19, n, 77},
                         .epilogue = e,
                         .bias = bias,
                         .transposed = bias,
                         .extra_stride = 2});
      }
    }
  }
  CheckAll(cases);
}

TEST(Gemm, UnitsInAnyPartition) {
  std::vector<Case> cases;
  for (const GemmShape& s : {GemmShape{1, 1000, 256}, GemmShape{130, 70, 64},
                             GemmShape{300, 200, 96}, GemmShape{500, 3, 301}}) {
    for (const int64_t units : {0, 1, 2, 3, 7}) {
      cases.push_back({.shape = s, .units_per_call = units});
    }
  }
  CheckAll(cases);
}

TEST(Gemm, Deep) {
  CheckAll({{.shape = {1, 2, 20000}},
            {.shape = {1, 20, 5000}},
            {.shape = {40, 20, 3000}},
            {.shape = {250, 40, 1500}}});
}

// However vectors overlap at the end of K, a weight counts once: twice, once by zero, would be NaN.
TEST(Gemm, InfiniteWeightsSpoilTheirColumnAlone) {
  constexpr GemmShape s{2, 3, 35};
  constexpr int64_t kSpoilt = 1;
  const Guarded a(std::vector<float>(static_cast<size_t>(s.m * s.k), 1.0f));
  std::vector<float> b(static_cast<size_t>(s.k * s.n), 0.5f);
  b[31 * s.n + kSpoilt] = std::numeric_limits<float>::infinity();
  testing::ForEachTarget([&] {
    for (const GemmVariant& variant : GemmVariants()) {
      if (!UsableFeatures().Contains(variant.needs) || !variant.supports(s)) continue;
      Guarded packed(variant.packed_bytes(s) / sizeof(float));
      variant.pack(s, {b.data(), s.n, 1}, packed.data());
      Guarded c(static_cast<size_t>(s.m * s.n));
      Guarded scratch((variant.scratch_bytes(s) + sizeof(float) - 1) / sizeof(float));
      GemmArgs args;
      args.a = a.data();
      args.lda = s.k;
      args.packed = packed.data();
      args.c = c.data();
      args.ldc = s.n;
      variant.run(s, args, 0, variant.units(s), scratch.data());
      for (int64_t i = 0; i < s.m * s.n; ++i) {
        const float want = i % s.n == kSpoilt ? std::numeric_limits<float>::infinity() : 17.5f;
        EXPECT_EQ(c[static_cast<size_t>(i)], want) << variant.id << " element " << i;
      }
    }
  });
}

TEST(Gemm, VariantsAreFoundById) {
  for (const GemmVariant& variant : GemmVariants()) {
    EXPECT_EQ(FindGemmVariant(variant.id), &variant);
  }
  EXPECT_EQ(FindGemmVariant("gemm/none"), nullptr);
}

TEST(Gemm, SecondsGrowWithTheWork) {
  const MachineModel machine = DefaultMachineModel();
  for (const GemmVariant& variant : GemmVariants()) {
    const int64_t columns = variant.supports({64, 256, 256}) ? 256 : 2;
    const auto seconds = [&](int64_t rows, int threads) {
      const GemmShape s{rows, columns, 256 * 256 / columns};
      return PredictSeconds(variant.work(s, threads), machine);
    };
    const double small = seconds(64, 1);
    EXPECT_GT(small, 0) << variant.id;
    EXPECT_GT(seconds(256, 1), 2 * small) << variant.id;
    // OpenBLAS runs one call at a time, so threads do not help it.
    const bool blas = std::string_view(variant.id).find("blas") != std::string_view::npos;
    const double speedup = seconds(256, 1) / seconds(256, 4);
    EXPECT_EQ(speedup > 1, !blas) << variant.id;
  }
}

TEST(Gemm, WorkCountsTheProduct) {
  for (const GemmVariant& variant : GemmVariants()) {
    for (const GemmShape& s : {GemmShape{1, 1000, 256}, GemmShape{130, 70, 64}}) {
      if (!variant.supports(s)) continue;
      const Work work = variant.work(s, 2);
      const double n = static_cast<double>(s.n);
      const double padded = static_cast<double>(RoundUpToBlock(s.n));
      const double per_column = 2 * static_cast<double>(s.m * s.k);
      EXPECT_EQ(work.Count(WorkKind::kTile) + work.Count(WorkKind::kBlas),
                per_column * (work.Count(WorkKind::kTile) > 0 ? padded : n))
          << variant.id;
      EXPECT_EQ(work.read_bytes(), 4.0 * static_cast<double>(s.m * s.k)) << variant.id;
      EXPECT_EQ(work.write_bytes(), 4.0 * static_cast<double>(s.m * s.n)) << variant.id;
      EXPECT_EQ(work.weight_bytes(), 4.0 * static_cast<double>(s.k * s.n)) << variant.id;
      EXPECT_EQ(work.units, variant.units(s)) << variant.id;
    }
  }
}

}  // namespace
}  // namespace kinglet::kernels::gemm_test
