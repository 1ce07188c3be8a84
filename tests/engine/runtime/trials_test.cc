// A network with other kernels than those that are chosen.
#include "kinglet/trials.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "kinglet/error.h"
#include "tests/engine/runtime/small_net.h"

namespace kinglet::trials_test {
namespace {

using testing::SliceNet;
using testing::SmallNet;

const InputShapes kShapes = {{"x", {2, 3, 40, 40}}};

Model Compiled() { return Model::Compile(SmallNet(), {.threads = 1, .use_cache = false}); }

std::set<std::string> KernelsOf(const PlanInfo& plan) {
  std::set<std::string> kernels;
  for (const StepInfo& step : plan.steps) kernels.insert(step.name + " " + step.kernel);
  return kernels;
}

TEST(KernelTrials, TheFirstIsWhatIsChosen) {
  const Model model = Compiled();
  for (const int threads : {1, 2}) {
    const KernelTrials trials(model, kShapes, threads, 1);
    ASSERT_EQ(trials.size(), 1u);
    const OutlinedPlan chosen = Outline(model).At(kShapes, threads);
    EXPECT_EQ(KernelsOf(trials.plan(0).plan), KernelsOf(chosen.plan));
    ASSERT_EQ(trials.plan(0).times.size(), chosen.times.size());
    for (std::size_t s = 0; s < chosen.times.size(); ++s) {
      EXPECT_EQ(trials.plan(0).times[s].total, chosen.times[s].total);
    }
  }
}

TEST(KernelTrials, OthersHaveOtherKernelsAndTheirTimes) {
  KernelTrials trials(Compiled(), kShapes, 1, 3);
  ASSERT_GE(trials.size(), 2u);
  EXPECT_NE(KernelsOf(trials.plan(1).plan), KernelsOf(trials.plan(0).plan));
  for (std::size_t t = 0; t < trials.size(); ++t) {
    const std::vector<double> seconds = trials.Run(t);
    ASSERT_EQ(seconds.size(), trials.plan(t).plan.steps.size());
    ASSERT_EQ(seconds.size(), trials.plan(t).times.size());
    double sum = 0;
    for (const double each : seconds) {
      EXPECT_GE(each, 0);
      sum += each;
    }
    EXPECT_GT(sum, 0);
  }
}

TEST(KernelTrials, WhatWaitsForDataTakesNothing) {
  const Model model = Model::Compile(SliceNet(), {.threads = 1, .use_cache = false});
  KernelTrials trials(model, {{"x", {3, 8, 6, 6}}, {"n", {1}}}, 1, 2);
  const std::vector<double> seconds = trials.Run(0);
  ASSERT_EQ(seconds.size(), trials.plan(0).plan.steps.size());
  EXPECT_TRUE(trials.plan(0).plan.steps.back().waits);
  EXPECT_EQ(seconds.back(), 0.0);
}

TEST(KernelTrials, MistakesAreNamed) {
  EXPECT_THROW(KernelTrials(Compiled(), {}, 1, 2), Error);
  EXPECT_THROW(KernelTrials(Compiled(), kShapes, -1, 2), Error);
}

}  // namespace
}  // namespace kinglet::trials_test
