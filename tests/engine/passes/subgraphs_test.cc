// Passes on graphs that have graphs as attributes.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/passes/passes.h"
#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/subgraph.h"

namespace kinglet::subgraphs_test {
namespace {

using testing::CaptureOf;
using testing::GraphBuilder;
using testing::RandomTensor;
using testing::Subgraph;

int CountOf(const GraphIr& graph, const std::string& op) {
  return static_cast<int>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                        [&](const Node& node) { return node.op == op; }));
}

Tensor Bool(bool value) {
  Tensor tensor(DataType::kBool, {});
  tensor.data<bool>()[0] = value;
  return tensor;
}

std::vector<float> RunOn(Graph graph, const Tensors& inputs, bool optimize) {
  const Model model = Model::Compile(std::move(graph), {.threads = 1, .optimize = optimize});
  Session session = model.NewSession();
  const Tensor& y = session.Run(inputs).begin()->second;
  return {y.data<float>(), y.data<float>() + y.size()};
}

// y = cond ? (cond ? x * 2 : x) + relu(x) : x, the inner condition being that of the outer graph.
void NestedBranches(GraphBuilder& b, ValueId cond) {
  const ValueId x = b.Input("x", {-1});
  const ValueId r = b.Op("Identity", {b.Op("Relu", {x})});
  GraphBuilder yes, no, inner_yes, inner_no;
  const ValueId x_yes = CaptureOf(yes, b, x);
  inner_yes.Output(
      inner_yes.Op("Mul", {CaptureOf(inner_yes, yes, x_yes), inner_yes.Floats({}, {2})}));
  inner_no.Output(CaptureOf(inner_no, yes, x_yes));
  Attributes inner, outer;
  inner.Set("then_branch", Subgraph(inner_yes));
  inner.Set("else_branch", Subgraph(inner_no));
  const ValueId doubled = yes.Op("If", {CaptureOf(yes, b, cond)}, inner);
  yes.Output(yes.Op("Add", {doubled, CaptureOf(yes, b, r)}));
  no.Output(CaptureOf(no, b, x));
  outer.Set("then_branch", Subgraph(yes));
  outer.Set("else_branch", Subgraph(no));
  b.Output(b.Op("If", {cond}, outer), "y");
}

TEST(ResolveBranches, ConstantConditionsLeaveTheNodesOfTheBranch) {
  for (const bool cond : {true, false}) {
    for (const bool optimize : {true, false}) {
      GraphBuilder b;
      // Constant only after folding.
      NestedBranches(b, b.Op("Not", {b.Constant(Bool(!cond))}));
      const Tensors inputs = {{"x", Tensor::From<float>({2}, {3, -1})}};
      EXPECT_EQ(RunOn(b.Take(), inputs, optimize),
                cond ? (std::vector<float>{9, -2}) : (std::vector<float>{3, -1}));
    }
    GraphBuilder b;
    NestedBranches(b, b.Op("Not", {b.Constant(Bool(!cond))}));
    RunPasses(b.ir(), {});
    EXPECT_EQ(CountOf(b.ir(), "If"), 0);
    EXPECT_EQ(CountOf(b.ir(), "Add"), cond ? 1 : 0);
  }
}

// The condition of branches is whether x has two elements.
TEST(ResolveBranches, ConditionsOnFixedShapesAreKnown) {
  for (const std::int64_t size : {-1, 2, 3}) {
    GraphBuilder b;
    const ValueId x = b.Input("x", {size});
    const ValueId two = b.Op("Squeeze", {b.Op("Equal", {b.Op("Shape", {x}), b.Ints({2})})});
    GraphBuilder yes, no;
    yes.Output(yes.Op("Neg", {CaptureOf(yes, b, x)}));
    no.Output(no.Op("Abs", {CaptureOf(no, b, x)}));
    Attributes branches;
    branches.Set("then_branch", Subgraph(yes));
    branches.Set("else_branch", Subgraph(no));
    b.Output(b.Op("If", {two}, branches), "y");
    RunPasses(b.ir(), {});
    EXPECT_EQ(CountOf(b.ir(), "If"), size < 0 ? 1 : 0);
    EXPECT_EQ(CountOf(b.ir(), "Neg"), size == 2 ? 1 : 0);
    EXPECT_EQ(CountOf(b.ir(), "Abs"), size == 3 ? 1 : 0);
    if (size == 3) continue;
    const Tensors inputs = {{"x", Tensor::From<float>({2}, {3, -1})}};
    EXPECT_EQ(RunOn(b.Take(), inputs, true), (std::vector<float>{-3, 1}));
  }
}

TEST(Subgraphs, SeeWhatTheGraphAroundThemBecomes) {
  for (const bool cond : {true, false}) {
    GraphBuilder b;
    NestedBranches(b, b.Input("cond", {}, DataType::kBool));
    const Tensors inputs = {{"x", Tensor::From<float>({2}, {3, -1})}, {"cond", Bool(cond)}};
    EXPECT_EQ(RunOn(b.Take(), inputs, true),
              cond ? (std::vector<float>{9, -2}) : (std::vector<float>{3, -1}));
  }
}

TEST(Subgraphs, FoldedConstantsBecomeTheirOwn) {
  GraphBuilder b;
  const ValueId cond = b.Input("cond", {}, DataType::kBool);
  const ValueId sum = b.Op("Add", {b.Floats({1}, {1}), b.Floats({1}, {2})});
  GraphBuilder yes, no;
  yes.Output(yes.Op("Neg", {CaptureOf(yes, b, sum)}));
  no.Output(CaptureOf(no, b, sum));
  Attributes branches;
  branches.Set("then_branch", Subgraph(yes));
  branches.Set("else_branch", Subgraph(no));
  b.Output(b.Op("If", {cond}, branches), "y");
  RunPasses(b.ir(), {});
  ASSERT_EQ(CountOf(b.ir(), "If"), 1);
  for (const auto& branch : SubgraphsOf(b.ir().nodes[0])) {
    EXPECT_TRUE(branch->captures.empty());
    EXPECT_TRUE(branch->nodes.empty());
  }
  EXPECT_EQ(RunOn(b.Take(), {{"cond", Bool(true)}}, true), (std::vector<float>{-3}));
}

// float16 constants inside and an output that the file declares as float16.
TEST(Subgraphs, ComputeFloat16InFloat32) {
  GraphBuilder b;
  const ValueId cond = b.Input("cond", {}, DataType::kBool);
  const ValueId x = b.Input("x", {2});
  Tensor half(DataType::kFloat16, {1});
  static_cast<std::uint16_t*>(half.raw())[0] = 0x3e00;  // 1.5
  GraphBuilder yes, no;
  const ValueId scaled = yes.Op("Mul", {CaptureOf(yes, b, x), yes.Constant(half)});
  yes.ir().value(scaled).type = DataType::kFloat16;
  yes.Output(scaled);
  no.Output(CaptureOf(no, b, x));
  Attributes branches;
  branches.Set("then_branch", Subgraph(yes));
  branches.Set("else_branch", Subgraph(no));
  b.Output(b.Op("Neg", {b.Op("If", {cond}, branches)}), "y");
  const Tensors inputs = {{"x", Tensor::From<float>({2}, {2, 4})}, {"cond", Bool(true)}};
  EXPECT_EQ(RunOn(b.Take(), inputs, true), (std::vector<float>{-3, -6}));
}

TEST(Subgraphs, WhatIsNotSupportedInsideIsNamed) {
  GraphBuilder b;
  const ValueId cond = b.Input("cond", {}, DataType::kBool);
  GraphBuilder yes, no;
  yes.Output(yes.Op("Frobnicate", {yes.Floats({1}, {1})}));
  no.Output(no.Floats({1}, {1}));
  Attributes branches;
  branches.Set("then_branch", Subgraph(yes));
  branches.Set("else_branch", Subgraph(no));
  b.Output(b.Op("If", {cond}, branches), "y");
  try {
    Model::Compile(b.Take(), {});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Frobnicate"), std::string::npos) << error.what();
  }
}

// Only data says how many images there are; weights say of what type.
TEST(FuseEpilogues, ActivationsBehindNodesThatWait) {
  const auto build = [](GraphBuilder& b) {
    const ValueId x = b.Input("x", {-1, 3, 6, 6});
    const ValueId count = b.Input("count", {1}, DataType::kInt64);
    const ValueId some = b.Op("Slice", {x, b.Ints({0}), count, b.Ints({0})});
    const ValueId conv = b.Op("Conv", {some, b.Constant(RandomTensor({5, 3, 3, 3}, 2))});
    const ValueId flat =
        b.Op("Flatten", {b.Op("Clip", {conv, b.Floats({}, {0}), b.Floats({}, {1})})});
    b.Output(b.Op("Relu", {b.Op("Gemm", {flat, b.Constant(RandomTensor({80, 4}, 3))})}), "y");
  };
  GraphBuilder b;
  build(b);
  RunPasses(b.ir(), {});
  EXPECT_EQ(CountOf(b.ir(), "Clip") + CountOf(b.ir(), "Relu"), 0);
  const Tensors inputs = {{"x", RandomTensor({3, 3, 6, 6})},
                          {"count", Tensor::From<std::int64_t>({1}, {2})}};
  std::vector<float> answers[2];
  for (const bool optimize : {false, true}) {
    GraphBuilder again;
    build(again);
    answers[optimize ? 1 : 0] = RunOn(again.Take(), inputs, optimize);
  }
  ASSERT_EQ(answers[0].size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(answers[0][i], answers[1][i], 1e-5) << i;
}

}  // namespace
}  // namespace kinglet::subgraphs_test
