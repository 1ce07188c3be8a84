// Runs a check on every compiled target that this CPU can run.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/common/cpu_target.h"

namespace kinglet::testing {

// The one that the environment variable KINGLET_TARGET names, runnable or not; every runnable one
// where it is unset.
inline std::vector<std::string_view> TargetsUnderTest() {
  const char* only = std::getenv("KINGLET_TARGET");
  if (only != nullptr && *only != '\0') return {only};
  return kernels::RunnableTargets();
}

// Forces each target under test in turn, proves that it is the one that dispatch reaches, and calls
// `check`. The first of them, the best, is active again afterwards.
template <typename Check>
void ForEachTarget(Check&& check) {
  const auto targets = TargetsUnderTest();
  for (const std::string_view target : targets) {
    SCOPED_TRACE("target " + std::string(target));
    ASSERT_TRUE(kernels::ForceTarget(target));
    ASSERT_EQ(kernels::ActiveTarget(), target);
    check();
    if (::testing::Test::HasFatalFailure()) break;
  }
  kernels::ForceTarget(targets.front());
}

}  // namespace kinglet::testing
