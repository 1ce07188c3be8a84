#include "kernels/common/cpu_target.h"

#include <gmock/gmock.h>

#include "kernels/common/measure.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::cpu_target_test {
namespace {

TEST(CpuTarget, EachRunnableTargetCanBeForced) {
  int count = 0;
  testing::ForEachTarget([&] { ++count; });
  EXPECT_EQ(count, static_cast<int>(testing::TargetsUnderTest().size()));
  EXPECT_GE(count, 1);
}

TEST(CpuTarget, NamesAreDistinctAndKnown) {
  const auto targets = RunnableTargets();
  EXPECT_THAT(targets, ::testing::Each(::testing::AnyOf("baseline", "avx2", "avx512", "neon")));
  for (size_t i = 1; i < targets.size(); ++i) EXPECT_NE(targets[i - 1], targets[i]);
}

TEST(CpuTarget, UnknownNameChangesNothing) {
  const auto before = ActiveTarget();
  EXPECT_FALSE(ForceTarget("sse9"));
  EXPECT_FALSE(ForceTarget(""));
  EXPECT_EQ(ActiveTarget(), before);
}

TEST(Measure, PeakIsThatOfTheTarget) {
  testing::ForEachTarget([] {
    const double peak = MeasurePeakGflops();
    EXPECT_GT(peak, 0.1);   // an emulator is slow
    EXPECT_LT(peak, 2000);  // one core
  });
}

}  // namespace
}  // namespace kinglet::kernels::cpu_target_test
