// Runs a check on every compiled target that this CPU can run.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "kernels/common/cpu_target.h"

namespace kinglet::testing {

// Forces each runnable target in turn, proves that it is the one that dispatch reaches, and calls
// `check`. The best target is active again afterwards.
template <typename Check>
void ForEachTarget(Check&& check) {
  const auto targets = kernels::RunnableTargets();
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
