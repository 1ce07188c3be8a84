#include "measure/common/machine_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kinglet::measure::machine_watch_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Limits that no machine is beyond, and ones that every machine is.
constexpr WatchLimits kWide = {.host_share = 0, .steal = 2, .others = 1e9};

TEST(MachineWatch, WhatIsWithinTheLimitsCounts) {
  MachineWatch watch(kWide);
  EXPECT_THAT(watch.Look(), IsEmpty());
  EXPECT_THAT(watch.LookBack(), IsEmpty());
}

TEST(MachineWatch, TheReferenceLoopSaysWhatItReached) {
  WatchLimits limits = kWide;
  limits.host_share = 2;
  MachineWatch watch(limits);
  EXPECT_THAT(watch.Look(), HasSubstr("the reference loop ran at "));
  EXPECT_THAT(watch.LookBack(), IsEmpty());
}

TEST(MachineWatch, StolenTimeIsThatOfAWholeTurn) {
  WatchLimits limits = kWide;
  limits.steal = -1;
  MachineWatch watch(limits);
  EXPECT_THAT(watch.Look(), IsEmpty());
  EXPECT_THAT(watch.LookBack(), HasSubstr("of the CPU time away"));
}

}  // namespace
}  // namespace kinglet::measure::machine_watch_test
