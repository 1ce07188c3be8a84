#include "kernels/common/epilogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/activation.h"
#include "tests/support/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/kernels/common/epilogue_test.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

void ActivateForTest(const Epilogue& e, float* values, size_t count) {
  ActivateSpan(e, values, count);
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {
namespace {

HWY_EXPORT(ActivateForTest);

std::vector<float> Grid() {
  std::vector<float> x;
  for (int i = -2000; i <= 2000; ++i) x.push_back(static_cast<float>(i) * 0.0511f);
  for (int i = -200; i <= 200; ++i) x.push_back(static_cast<float>(i) * 1e-3f);
  for (float big : {1e4f, 1e30f}) x.insert(x.end(), {big, -big});
  x.insert(x.end(), {0.0f, -0.0f, 1e-38f, -1e-38f});
  x.resize((x.size() + 15) / 16 * 16);
  return x;
}

TEST(Epilogue, ActivationsMatchTheFormula) {
  testing::ForEachTarget([] {
    for (const Epilogue& e : testing::AllEpilogues()) {
      const std::vector<float> x = Grid();
      std::vector<float> y = x;
      KINGLET_RESOLVE(ActivateForTest)(e, y.data(), y.size());
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = testing::Activate(e, x[i]);
        // The gates of the hard functions cancel near their lower corner.
        const bool hard =
            e.activation == Activation::kHardSigmoid || e.activation == Activation::kHardSwish;
        const double cancelled = hard ? 3e-7 * std::min(std::abs(x[i]) + 0.5f, 4.0f) : 0.0;
        ASSERT_NEAR(y[i], want,
                    1.5e-6 * std::abs(want) + cancelled + 1e-36 * std::max(1.0f, std::abs(x[i])))
            << "activation " << static_cast<int>(e.activation) << " of " << x[i];
      }
    }
  });
}

TEST(Epilogue, NanStaysNan) {
  testing::ForEachTarget([] {
    for (const Epilogue& e : testing::AllEpilogues()) {
      std::vector<float> y(16, std::nanf(""));
      KINGLET_RESOLVE(ActivateForTest)(e, y.data(), y.size());
      for (float v : y) ASSERT_TRUE(std::isnan(v)) << static_cast<int>(e.activation);
    }
  });
}

TEST(Epilogue, KeepsZeroSaysWhatTheFormulaDoes) {
  for (const Epilogue& e : testing::AllEpilogues()) {
    EXPECT_EQ(KeepsZero(e), testing::Activate(e, 0.0) == 0.0) << static_cast<int>(e.activation);
  }
}

}  // namespace
}  // namespace kinglet::kernels
#endif  // HWY_ONCE
