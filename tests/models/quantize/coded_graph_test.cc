// Graphs with codes in them: which operators get them, and that they compute the same.
#include "models/quantize/coded_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "kinglet/optimise.h"
#include "kinglet/quantize.h"
#include "models/quantize/calibration.h"
#include "models/quantize/float_graph.h"
#include "tests/support/graph_builder.h"

namespace kinglet::coded_graph_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;
using testing::RelativeDifference;

ValueId Conv(GraphBuilder& b, ValueId x, std::int64_t in, std::int64_t out, std::uint32_t seed) {
  Attributes pads;
  pads.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  return b.Op("Conv",
              {x, b.Constant(RandomTensor({out, in, 3, 3}, seed)),
               b.Constant(RandomTensor({out}, seed + 1))},
              pads);
}

// Convolutions with clamps, a sum, a pool, branches that join, a gated one, and a dense layer.
Graph Net(int opset) {
  GraphBuilder b(opset);
  const ValueId x = b.Input("x", {1, 3, 12, 12});
  const ValueId first = b.Op("Relu", {Conv(b, x, 3, 8, 1)});
  const ValueId sum = b.Op("Add", {Conv(b, first, 8, 8, 3), first});
  Attributes pool;
  pool.Set("kernel_shape", std::vector<std::int64_t>{2, 2});
  pool.Set("strides", std::vector<std::int64_t>{2, 2});
  const ValueId pooled = b.Op("MaxPool", {sum}, pool);
  const ValueId a = b.Op("Relu", {Conv(b, pooled, 8, 4, 5)});
  const ValueId c = Conv(b, pooled, 8, 4, 7);
  const ValueId gated = b.Op("Mul", {c, b.Op("Sigmoid", {c})});
  Attributes join;
  join.Set("axis", std::int64_t{1});
  const ValueId joined = b.Op("Concat", {a, gated}, join);
  const ValueId mean = b.Op("GlobalAveragePool", {Conv(b, joined, 8, 6, 9)});
  const ValueId flat = b.Op("Flatten", {mean});
  const ValueId dense = b.Op("MatMul", {flat, b.Constant(RandomTensor({6, 5}, 11))});
  const ValueId biased = b.Op("Add", {dense, b.Constant(RandomTensor({5}, 12))});
  b.Output(b.Op("Softmax", {biased}), "y");
  return b.Take();
}

struct Coded {
  Graph graph;
  Coding coding;
};

Coded CodeAll(Graph graph, const std::vector<Tensors>& inputs,
              const std::vector<bool>& given_back = {}) {
  const InputShapes shapes = {{"x", {1, 3, 12, 12}}};
  Graph prepared = PrepareToQuantise(std::move(graph), shapes, {});
  const GraphIr& ir = prepared.ir();
  Coding coding;
  const std::vector<bool> none(ir.nodes.size(), false);
  coding.points = FindPoints(ir, StatesFor(ir, shapes, {}), given_back.empty() ? none : given_back);
  const PictureRunner runner(inputs, {.threads = 1, .use_cache = false});
  for (const Observed& seen : ObserveRanges(ir, coding.points, runner, {})) {
    coding.codes.push_back(seen.Choose(RangeRule::kMinMax));
  }
  coding.layers.resize(ir.nodes.size());
  for (std::size_t n = 0; n < ir.nodes.size(); ++n) {
    if (coding.points.roles[n] != Role::kWeighted) continue;
    const Tensor& weights = *ir.ConstantOf(ir.nodes[n].inputs[1]);
    const Tensor* bias = ir.ConstantOf(ir.nodes[n].input(2));
    CodedLayer layer;
    if (bias != nullptr) layer.bias.assign(bias->data<float>(), bias->data<float>() + bias->size());
    const auto range =
        static_cast<std::size_t>(coding.points.range_of[Index(ir.nodes[n].inputs[0])]);
    layer.weights = QuantizeWeights(weights, ChannelAxisOf(ir.nodes[n], weights.shape()), false,
                                    coding.codes[range].scale, layer.bias);
    coding.layers[n] = std::move(layer);
  }
  return {std::move(prepared), std::move(coding)};
}

std::vector<Tensors> Pictures() {
  std::vector<Tensors> inputs;
  for (std::uint32_t i = 0; i < 4; ++i) inputs.push_back({{"x", RandomTensor({1, 3, 12, 12}, i)}});
  return inputs;
}

std::size_t Count(const GraphIr& graph, const std::string& op) {
  return static_cast<std::size_t>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                                [&](const Node& node) { return node.op == op; }));
}

TEST(CodedGraph, EveryLayerIsOnCodes) {
  const Coded coded = CodeAll(Net(17), Pictures());
  Graph graph(WithCodes(coded.graph.ir(), coded.coding));
  // The input, five convolutions behind their clamps or by themselves, the dense layer; the sum,
  // what is pooled, gated and joined, the mean, and that in one row.
  EXPECT_EQ(Count(graph.ir(), "QuantizeLinear"), 13u);
  EXPECT_EQ(Count(graph.ir(), "Gemm"), 1u);
  const Graph optimised = Optimise(std::move(graph)).graph();
  EXPECT_EQ(Count(optimised.ir(), "QLinearConv") + Count(optimised.ir(), "QLinearMatMul"), 6u);
  EXPECT_EQ(Count(optimised.ir(), "Conv"), 0u);
  EXPECT_EQ(Count(optimised.ir(), "Gemm") + Count(optimised.ir(), "MatMul"), 0u);
}

TEST(CodedGraph, AnswersAreNearThoseInFloat) {
  const std::vector<Tensors> inputs = Pictures();
  for (const int opset : {9, 11, 13, 17}) {
    SCOPED_TRACE(opset);
    const Coded coded = CodeAll(Net(opset), inputs);
    const CompileOptions options = {.threads = 1, .use_cache = false};
    const Model reference = Model::Compile(Net(opset), options);
    const Model model = Model::Compile(Graph(WithCodes(coded.graph.ir(), coded.coding)), options);
    Session in_float = reference.NewSession();
    Session on_codes = model.NewSession();
    for (const Tensors& input : inputs) {
      const Tensor wanted = in_float.Run(input).at("y");
      EXPECT_LT(RelativeDifference(on_codes.Run(input).at("y"), wanted), 0.03);
    }
  }
}

TEST(CodedGraph, OutputsKeepTheirNames) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 12, 12});
  const ValueId flat = b.Op("Flatten", {b.Op("GlobalAveragePool", {Conv(b, x, 3, 6, 1)})});
  const ValueId dense = b.Op("MatMul", {flat, b.Constant(RandomTensor({6, 5}, 3))});
  b.Output(b.Op("Add", {dense, b.Constant(RandomTensor({5}, 4))}), "y");
  Graph prepared = PrepareToQuantise(b.Take(), {{"x", {1, 3, 12, 12}}}, {});
  EXPECT_EQ(Count(prepared.ir(), "Gemm"), 1u);
  ASSERT_EQ(prepared.outputs().size(), 1u);
  EXPECT_EQ(prepared.outputs()[0].name, "y");
}

TEST(CodedGraph, WhatJoinsHasOneRange) {
  const Coded coded = CodeAll(Net(17), Pictures());
  const GraphIr& ir = coded.graph.ir();
  const auto concat = std::find_if(ir.nodes.begin(), ir.nodes.end(),
                                   [](const Node& node) { return node.op == "Concat"; });
  ASSERT_NE(concat, ir.nodes.end());
  const std::vector<int>& range = coded.coding.points.range_of;
  EXPECT_NE(range[Index(concat->outputs[0])], kNoRange);
  for (const ValueId id : concat->inputs)
    EXPECT_EQ(range[Index(id)], range[Index(concat->outputs[0])]);
}

TEST(CodedGraph, ALayerThatIsGivenBackHasNoCodes) {
  const std::vector<Tensors> inputs = Pictures();
  const Coded all = CodeAll(Net(17), inputs);
  for (std::size_t n = 0; n < all.coding.layers.size(); ++n) {
    if (!all.coding.layers[n]) continue;
    SCOPED_TRACE(all.graph.ir().nodes[n].name);
    std::vector<bool> given_back(all.coding.layers.size(), false);
    given_back[n] = true;
    const Coded coded = CodeAll(Net(17), inputs, given_back);
    EXPECT_FALSE(coded.coding.layers[n]);
    const Model model = Model::Compile(Graph(WithCodes(coded.graph.ir(), coded.coding)),
                                       {.threads = 1, .use_cache = false});
    Session session = model.NewSession();
    EXPECT_EQ(session.Run(inputs[0]).at("y").shape(), (Shape{1, 5}));
  }
}

TEST(CodedGraph, NoiseIsMeasured) {
  const std::vector<Tensors> inputs = Pictures();
  const Coded coded = CodeAll(Net(17), inputs);
  const PictureRunner runner(inputs, {.threads = 1, .use_cache = false});
  const auto noise = MeasureNoise(coded.graph.ir(), coded.coding, runner, {});
  std::size_t layers = 0;
  for (std::size_t n = 0; n < noise.size(); ++n) {
    ASSERT_EQ(noise[n].has_value(), coded.coding.layers[n].has_value());
    if (!noise[n]) continue;
    ++layers;
    EXPECT_GT(noise[n]->signal_to_noise, 25);
    EXPECT_LT(noise[n]->signal_to_noise, kPerfectSignal);
    const Tensor& weights = *coded.graph.ir().ConstantOf(coded.graph.ir().nodes[n].inputs[1]);
    EXPECT_EQ(
        noise[n]->shift.size(),
        static_cast<std::size_t>(coded.graph.ir().nodes[n].op == "Conv" ? weights.shape()[0]
                                                                        : weights.shape()[1]));
  }
  EXPECT_EQ(layers, 6u);
}

}  // namespace
}  // namespace kinglet::coded_graph_test
