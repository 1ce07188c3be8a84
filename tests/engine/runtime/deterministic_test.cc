// The same bits for every number of threads.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"

namespace kinglet::deterministic_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;

// Convolutions of many sizes, a product, and a matrix of one column: kernels of every family have
// their turn, and some number of threads makes another one the best.
Graph ManyConvolutions() {
  GraphBuilder b;
  ValueId x = b.Input("x", {-1, 3, 56, 56});
  std::uint32_t seed = 1;
  const auto conv = [&](std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t stride,
                        std::int64_t group) {
    Attributes attributes;
    attributes.Set("pads", std::vector<std::int64_t>(4, size / 2));
    attributes.Set("strides", std::vector<std::int64_t>(2, stride));
    attributes.Set("group", group);
    const ValueId w = b.Constant(RandomTensor({out, in / group, size, size}, ++seed));
    x = b.Op("Relu", {b.Op("Conv", {x, w}, attributes)});
  };
  conv(3, 32, 3, 2, 1);
  conv(32, 32, 3, 1, 32);
  conv(32, 64, 1, 1, 1);
  conv(64, 64, 3, 1, 1);
  conv(64, 96, 1, 2, 1);
  conv(96, 96, 3, 1, 96);
  conv(96, 160, 1, 2, 1);
  conv(160, 160, 5, 1, 4);
  conv(160, 320, 3, 2, 1);
  const ValueId flat = b.Op("Flatten", {b.Op("GlobalAveragePool", {x})});
  b.Output(b.Op("MatMul", {flat, b.Constant(RandomTensor({320, 100}, ++seed))}), "y");
  return b.Take();
}

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

std::vector<std::string> Kernels(const PlanInfo& plan) {
  std::vector<std::string> kernels;
  for (const StepInfo& step : plan.steps) kernels.push_back(step.kernel);
  return kernels;
}

TEST(Deterministic, EveryNumberOfThreadsGivesTheSameBits) {
  CompileOptions options;
  options.deterministic = true;
  options.use_cache = false;
  const Model model = Model::Compile(ManyConvolutions(), options);
  for (const std::int64_t batch : {1, 2, 5, 8}) {
    const Tensors inputs = {{"x", RandomTensor({batch, 3, 56, 56}, 77)}};
    Session one = model.NewSession({.threads = 1});
    const Tensor wanted = one.Run(inputs).at("y");
    for (const int threads : {2, 3, 4, 7}) {
      Session session = model.NewSession({.threads = threads, .share_cores = false});
      EXPECT_TRUE(SameBits(session.Run(inputs).at("y"), wanted))
          << "batch " << batch << ", " << threads << " threads";
    }
  }
}

TEST(Deterministic, KernelsAreThoseOfOneThreadAndPricedForAll) {
  CompileOptions options;
  options.use_cache = false;
  const Model free = Model::Compile(ManyConvolutions(), options);
  options.deterministic = true;
  const Model model = Model::Compile(ManyConvolutions(), options);
  const InputShapes shapes = {{"x", {8, 3, 56, 56}}};
  const PlanInfo one = model.Describe(shapes, 1);
  const PlanInfo four = model.Describe(shapes, 4);
  EXPECT_EQ(Kernels(one), Kernels(four));
  EXPECT_LT(four.predicted_seconds, one.predicted_seconds);
  for (const StepInfo& step : four.steps) EXPECT_FALSE(step.own_thread) << step.name;
  // What it is for: left free, the threads have images of their own, or other kernels.
  bool differs = false;
  for (const std::int64_t batch : {1, 8, 32}) {
    const InputShapes many = {{"x", {batch, 3, 56, 56}}};
    const std::vector<std::string> alone = Kernels(free.Describe(many, 1));
    for (const int threads : {2, 4, 16}) {
      const PlanInfo plan = free.Describe(many, threads);
      differs |= Kernels(plan) != alone;
      for (const StepInfo& step : plan.steps) differs |= step.own_thread;
    }
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace kinglet::deterministic_test
