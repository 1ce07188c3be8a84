// Float weights that are made of smaller ones: they are there once, packed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"

namespace kinglet::weights_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;
using testing::RelativeDifference;

// Weights of 8 bits behind a DequantizeLinear with a scale for each output channel.
ValueId Quantized(GraphBuilder& b, const Shape& shape, std::uint32_t seed) {
  const Tensor values = RandomTensor(shape, seed);
  std::vector<std::int8_t> bytes(static_cast<std::size_t>(values.size()));
  std::transform(values.data<float>(), values.data<float>() + values.size(), bytes.begin(),
                 [](float value) { return static_cast<std::int8_t>(127 * value); });
  const ValueId q = b.Constant(Tensor::From<std::int8_t>(shape, bytes));
  Tensor scales = RandomTensor({shape[0]}, seed + 1);
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    scales.data<float>()[i] = 0.01f + 0.001f * std::abs(scales.data<float>()[i]);
  }
  Attributes axis;
  axis.Set("axis", std::int64_t{0});
  return b.Op("DequantizeLinear", {q, b.Constant(scales)}, axis);
}

constexpr std::int64_t kConvBytes = 64 * 64 * 9;
constexpr std::int64_t kProductBytes = 64 * 512;

// Two convolutions and a product with weights behind a Transpose.
Graph Net() {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 64, -1, -1});
  Attributes same;
  same.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  ValueId y = x;
  for (const std::uint32_t seed : {1u, 5u}) {
    y = b.Op("Relu", {b.Op("Conv", {y, Quantized(b, {64, 64, 3, 3}, seed)}, same)});
  }
  const ValueId flat = b.Op("Flatten", {b.Op("GlobalAveragePool", {y})});
  b.Output(b.Op("MatMul", {flat, b.Op("Transpose", {Quantized(b, {512, 64}, 9)})}), "y");
  return b.Take();
}

Tensor Image(std::int64_t n, std::int64_t size) { return RandomTensor({n, 64, size, size}, 3); }

Model Compile(bool optimize, int threads = 1) {
  return Model::Compile(Net(), {.threads = threads, .optimize = optimize, .use_cache = false});
}

TEST(Weights, FloatsThatCanBeMadeAgainAreDroppedWhenTheyArePacked) {
  const Model model = Model::Compile(Net(), {.threads = 1, .winograd = false, .use_cache = false});
  constexpr std::size_t kSources = 2 * kConvBytes + kProductBytes;
  const std::size_t before = model.weight_bytes();
  EXPECT_GE(before, kSources + 4 * kSources);  // sources and floats
  model.Describe({{"x", {1, 64, 12, 12}}});
  const std::size_t after = model.weight_bytes();
  EXPECT_GE(after, kSources + 4 * kSources);  // sources and packed forms
  EXPECT_LT(after, kSources + 4 * kSources + 20'000);
}

// Other sizes take other kernels, with forms of their own: the floats are made again.
TEST(Weights, LaterPlansHaveThemToo) {
  const Model plain = Compile(false);
  Session reference = plain.NewSession();
  const Model model = Compile(true, 2);
  Session session = model.NewSession();
  std::vector<std::string> kernels;
  for (const std::int64_t size : {1, 3, 12, 40}) {
    for (const std::int64_t n : {1, 2, 5}) {
      const Tensors inputs = {{"x", Image(n, size)}};
      EXPECT_LT(RelativeDifference(session.Run(inputs).at("y"), reference.Run(inputs).at("y")),
                2e-5)
          << n << " of " << size;
      for (const StepInfo& step : model.Describe({{"x", {n, 64, size, size}}}).steps) {
        if (step.op == "Conv") kernels.push_back(step.kernel);
      }
    }
  }
  std::sort(kernels.begin(), kernels.end());
  EXPECT_GT(std::unique(kernels.begin(), kernels.end()) - kernels.begin(), 1);
}

TEST(Weights, PlansMadeTogetherHaveThem) {
  const Model model = Compile(true);
  const Tensors small = {{"x", Image(1, 5)}};
  const Tensor wanted = Compile(true).NewSession().Run(small).at("y").Clone();
  std::vector<std::thread> threads;
  std::vector<double> differences(4, 1.0);
  for (std::size_t t = 0; t < differences.size(); ++t) {
    threads.emplace_back([&, t] {
      Session session = model.NewSession();
      session.Run({{"x", Image(1, 7 + 9 * static_cast<std::int64_t>(t))}});
      differences[t] = RelativeDifference(session.Run(small).at("y"), wanted);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const double difference : differences) EXPECT_EQ(difference, 0);
}

// Steps that read the floats themselves keep them: a convolution of three dimensions.
TEST(Weights, WhatIsNotPackedIsRead) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 16, 3, 3, -1});
  b.Output(b.Op("Conv", {x, Quantized(b, {64, 16, 3, 3, 3}, 2)}), "y");
  Graph graph = b.Take();
  const Model model = Model::Compile(std::move(graph), {.threads = 1, .use_cache = false});
  Session session = model.NewSession();
  const Tensors inputs = {{"x", RandomTensor({1, 16, 3, 3, 3}, 4)}};
  const Tensor first = session.Run(inputs).at("y").Clone();
  EXPECT_GT(*std::max_element(first.data<float>(), first.data<float>() + first.size()), 0.0f);
  session.Run({{"x", RandomTensor({1, 16, 3, 3, 5}, 4)}});
  EXPECT_EQ(RelativeDifference(session.Run(inputs).at("y"), first), 0);
}

}  // namespace
}  // namespace kinglet::weights_test
