// A target that the environment forces stays the one of every kernel file, whatever a network makes
// the engine ask for: plans, products by BLAS, runs.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "kernels/common/cpu_target.h"
#include "kinglet/model.h"
#include "tests/support/dispatched.h"
#include "tests/support/graph_builder.h"

namespace kinglet::target_test {
namespace {

using testing::FilesOnOtherTargets;
using testing::GraphBuilder;
using testing::RandomTensor;

ValueId Conv(GraphBuilder& b, ValueId x, const Shape& weights, std::int64_t group) {
  Attributes attributes;
  attributes.Set("group", group);
  const std::int64_t pad = weights[2] / 2;
  attributes.Set("pads", std::vector<std::int64_t>{pad, pad, pad, pad});
  return b.Op("Conv", {x, b.Constant(RandomTensor(weights, 1))}, attributes);
}

// First, depthwise and direct convolutions, a chain, and a product of two computed matrices.
Graph Net() {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 12, 12});
  ValueId y = Conv(b, x, {32, 3, 3, 3}, 1);
  y = Conv(b, y, {32, 1, 3, 3}, 32);
  y = Conv(b, y, {32, 32, 1, 1}, 1);
  y = Conv(b, y, {48, 32, 3, 3}, 1);
  y = b.Op("Reshape", {y, b.Ints({48, 144})});
  b.Output(b.Op("MatMul", {y, b.Op("Transpose", {y})}));
  return b.Take();
}

void CompileAndRun() {
  const Model model = Model::Compile(Net(), {.threads = 1, .use_cache = false});
  Session session = model.NewSession();
  session.Run({{"x", RandomTensor({1, 3, 12, 12}, 7)}});
}

TEST(TargetDeathTest, TheEnvironmentForcesWhatANetworkRuns) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const char* variable = std::getenv("KINGLET_TARGET");
  const std::string before = variable == nullptr ? "" : variable;
  for (const std::string_view target : kernels::RunnableTargets()) {
    setenv("KINGLET_TARGET", std::string(target).c_str(), 1);
    const auto check = [target] {
      CompileAndRun();
      const std::string found = FilesOnOtherTargets(target);
      std::fputs((found + "checked\n").c_str(), stderr);
      std::exit(found.empty() ? 0 : 1);
    };
    EXPECT_EXIT(check(), ::testing::ExitedWithCode(0), "^checked") << target;
  }
  setenv("KINGLET_TARGET", before.c_str(), 1);
  if (variable == nullptr) unsetenv("KINGLET_TARGET");
}

}  // namespace
}  // namespace kinglet::target_test
