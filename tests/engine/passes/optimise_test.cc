// Optimise, and Prepare after it.
#include "kinglet/optimise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "kinglet/error.h"
#include "kinglet/graph_info.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/subgraph.h"

namespace kinglet::optimise_test {
namespace {

using testing::CaptureOf;
using testing::GraphBuilder;
using testing::RandomTensor;
using testing::Subgraph;

Graph ConvRelu() {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 3, 8, 8});
  const ValueId y = b.Op("Conv", {x, b.Constant(RandomTensor({20, 3, 3, 3}, 2))});
  b.Output(b.Op("Relu", {b.Op("Identity", {y})}), "y");
  return b.Take();
}

std::vector<float> RunOn(const Model& model) {
  Session session = model.NewSession();
  const Tensor& y = session.Run({{"x", RandomTensor({2, 3, 8, 8})}}).begin()->second;
  return {y.data<float>(), y.data<float>() + y.size()};
}

TEST(Optimise, FusesOrLeavesWhatIsWritten) {
  const OptimisedGraph fused = Optimise(ConvRelu());
  EXPECT_TRUE(fused.graph().optimised());
  EXPECT_EQ(fused.graph().node_count(), 1u);
  const OptimisedGraph plain = Optimise(ConvRelu(), {.fuse = false});
  EXPECT_FALSE(plain.graph().optimised());
  EXPECT_EQ(plain.graph().node_count(), 3u);
  EXPECT_FALSE(ConvRelu().optimised());
}

TEST(Optimise, RefusesWhatIsNotSupported) {
  GraphBuilder b;
  b.Output(b.Op("Relu", {b.Input("x", {1})}, [] {
    Attributes attributes;
    attributes.Set("odd", 1.0f);
    return attributes;
  }()));
  try {
    Optimise(b.Take());
    ADD_FAILURE() << "nothing was wrong";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  }
}

TEST(Prepare, GivesWhatCompileGives) {
  const CompileOptions compile{.threads = 1, .use_cache = false};
  const std::vector<float> wanted = RunOn(Model::Compile(ConvRelu(), compile));
  EXPECT_EQ(RunOn(Prepare(Optimise(ConvRelu()), Machine(), {.threads = 1})), wanted);
  const CompileOptions plain{.threads = 1, .optimize = false, .use_cache = false};
  EXPECT_EQ(RunOn(Prepare(Optimise(ConvRelu(), {.fuse = false}), Machine(),
                          {.threads = 1, .winograd = false, .blocked_layout = false})),
            RunOn(Model::Compile(ConvRelu(), plain)));
}

// What follows a convolution takes its blocks as they are, or rows in their place.
TEST(Prepare, AnOptimisedGraphRunsInPlainLayoutsToo) {
  const auto prepared = [](bool blocked) {
    GraphBuilder b;
    const ValueId x = b.Input("x", {-1, 3, 8, 8});
    const ValueId y = b.Op("Relu", {b.Op("Conv", {x, b.Constant(RandomTensor({20, 3, 3, 3}, 2))})});
    Attributes window;
    window.Set("kernel_shape", std::vector<std::int64_t>{2, 2});
    b.Output(b.Op("MaxPool", {y}, window), "y");
    return Prepare(Optimise(b.Take()), Machine(),
                   {.threads = 1, .winograd = false, .blocked_layout = blocked});
  };
  const Model blocked = prepared(true);
  const Model plain = prepared(false);
  EXPECT_EQ(RunOn(plain), RunOn(blocked));
  EXPECT_EQ(plain.Describe({{"x", {1, 3, 8, 8}}}).steps.back().op, "MaxPool");
  EXPECT_EQ(blocked.Describe({{"x", {1, 3, 8, 8}}}).steps.back().op, "Reorder");
}

TEST(Machine, NamedFilesMustBeUsable) {
  EXPECT_TRUE(Machine().notes().empty());
  EXPECT_THROW(Machine({.tuning = "/nowhere/tuning.json"}), Error);
  EXPECT_NO_THROW(Machine({.use_cache = false}));
}

// Values of a graph by name; the names are unique, in subgraphs too.
void CheckNames(const GraphIr& graph, std::vector<std::string> around) {
  for (const Value& value : graph.values) {
    const bool captured =
        std::any_of(graph.captures.begin(), graph.captures.end(),
                    [&](const Capture& capture) { return &graph.value(capture.inner) == &value; });
    EXPECT_EQ(std::count(around.begin(), around.end(), value.name), captured ? 1 : 0) << value.name;
    if (!captured) around.push_back(value.name);
  }
  for (const Node& node : graph.nodes) {
    for (const auto& subgraph : SubgraphsOf(node)) CheckNames(*subgraph, around);
  }
}

// Two captures of what becomes one value, one that nobody reads any more, and names of the inside
// that the outside has too.
TEST(Optimise, CapturesAreThoseThatAreRead) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {4});
  const ValueId cond = b.Input("cond", {}, DataType::kBool);
  const ValueId r = b.Op("Relu", {x});
  const ValueId same = b.Op("Identity", {r});
  const ValueId unread = b.Op("Neg", {x});
  GraphBuilder yes, no;
  const ValueId sum = yes.Op("Add", {CaptureOf(yes, b, r), CaptureOf(yes, b, same)});
  yes.Op("Abs", {CaptureOf(yes, b, unread)});
  yes.Output(sum, "x");
  no.Output(no.Op("Relu", {CaptureOf(no, b, x)}), "y");
  Attributes branches;
  branches.Set("then_branch", Subgraph(yes));
  branches.Set("else_branch", Subgraph(no));
  b.Output(b.Op("If", {cond}, branches), "y");
  const OptimisedGraph optimised = Optimise(b.Take());
  const GraphIr& ir = optimised.graph().ir();
  CheckNames(ir, {});
  const auto is = [&](const char* op) {
    return std::any_of(ir.nodes.begin(), ir.nodes.end(),
                       [&](const Node& node) { return node.op == op; });
  };
  EXPECT_TRUE(is("Relu"));
  EXPECT_FALSE(is("Neg"));
  EXPECT_EQ(SubgraphsOf(ir.nodes.back()).at(1)->captures.size(), 1u);
}

// Outputs of subgraphs, each made by a node of its own.
void CheckOutputsAreMade(const GraphIr& graph) {
  std::vector<ValueId> outputs = graph.outputs;
  std::sort(outputs.begin(), outputs.end());
  EXPECT_EQ(std::adjacent_find(outputs.begin(), outputs.end()), outputs.end());
  for (const ValueId id : outputs) EXPECT_NE(graph.value(id).producer, kNoNode);
}

Attribute Branch(GraphBuilder& inside, ValueId output, const std::string& name) {
  inside.Output(output, name);
  Value& value = inside.ir().value(output);
  value.type = DataType::kFloat32;
  value.has_shape = true;
  value.dims = {2};
  value.symbols = {""};
  return Subgraph(inside);
}

// What a branch hands on from the graph around is an output of the branch that a node makes.
TEST(Optimise, BranchesMakeWhatTheyHandOn) {
  for (const bool condition : {false, true}) {
    GraphBuilder b(11);
    const ValueId x = b.Input("x", {2});
    const ValueId cond = b.Input("cond", {}, DataType::kBool);
    const ValueId r = b.Op("Relu", {x});
    const ValueId constant = b.Floats({2}, {5, 6});
    GraphBuilder yes(11), no(11);
    Attributes branches;
    branches.Set("then_branch", Branch(yes, yes.Op("Identity", {CaptureOf(yes, b, r)}), "t"));
    branches.Set("else_branch", Branch(no, no.Op("Identity", {CaptureOf(no, b, constant)}), "e"));
    b.Output(b.Op("If", {cond}, branches), "y");
    OptimisedGraph optimised = Optimise(b.Take());
    const GraphIr& ir = optimised.graph().ir();
    CheckNames(ir, {});
    for (const auto& branch : SubgraphsOf(ir.nodes.back())) {
      CheckOutputsAreMade(*branch);
      const Value& output = branch->value(branch->outputs.at(0));
      EXPECT_EQ(output.type, DataType::kFloat32);
      EXPECT_EQ(output.dims, (Shape{2}));
      ASSERT_EQ(branch->nodes.size(), 1u);
      EXPECT_EQ(branch->nodes[0].opset, 11);  // as all of the graph
    }
    Tensor chosen(DataType::kBool, {});
    chosen.data<bool>()[0] = condition;
    const Model model = Prepare(std::move(optimised), Machine(), {.threads = 1});
    Session session = model.NewSession();
    const Tensors inputs = {{"x", Tensor::From<float>({2}, {-1, 3})}, {"cond", chosen}};
    const Tensor& y = session.Run(inputs).begin()->second;
    EXPECT_EQ(std::vector<float>(y.data<float>(), y.data<float>() + 2),
              condition ? (std::vector<float>{0, 3}) : (std::vector<float>{5, 6}));
  }
}

// A state that is handed on as it was, and one that is an output of each step too.
TEST(Optimise, BodiesMakeEachOutputOnce) {
  GraphBuilder b;
  const ValueId start = b.Input("start", {2});
  const ValueId kept = b.Input("kept", {2});
  const ValueId x = b.Input("x", {3, 2});
  GraphBuilder body;
  const ValueId sum_in = body.Input("sum_in", {2});
  const ValueId kept_in = body.Input("kept_in", {2});
  const ValueId next = body.Input("next", {2});
  const ValueId sum = body.Op("Add", {sum_in, next});
  body.Output(sum, "sum_out");
  body.Output(body.Op("Identity", {kept_in}), "kept_out");
  body.Output(body.Op("Identity", {sum}), "scan_out");
  Attributes attributes;
  attributes.Set("body", Subgraph(body));
  attributes.Set("num_scan_inputs", std::int64_t{1});
  const std::vector<ValueId> made = b.Node("Scan", {start, kept, x}, 3, attributes);
  for (const ValueId id : made) b.Output(id);
  const OptimisedGraph optimised = Optimise(b.Take());
  const GraphIr& ir = optimised.graph().ir();
  CheckNames(ir, {});
  const auto inside = SubgraphsOf(ir.nodes.back()).at(0);
  CheckOutputsAreMade(*inside);
  EXPECT_EQ(inside->value(inside->outputs.at(0)).name, "sum_out");
  EXPECT_EQ(inside->value(inside->outputs.at(2)).name, "scan_out");
}

TEST(Optimise, EqualNamesOfManyBranchesTakeNoTime) {
  GraphBuilder b;
  ValueId x = b.Input("x", {4});
  constexpr int kCount = 2000;
  for (int i = 0; i < kCount; ++i) {
    GraphBuilder yes, no;
    yes.Output(yes.Op("Neg", {CaptureOf(yes, b, x)}), "inside");
    no.Output(no.Op("Abs", {CaptureOf(no, b, x)}), "inside");
    Attributes branches;
    branches.Set("then_branch", Subgraph(yes));
    branches.Set("else_branch", Subgraph(no));
    Tensor condition(DataType::kBool, {});
    x = b.Op("If", {b.Constant(condition)}, branches);
  }
  b.Output(x, "y");
  const OptimisedGraph optimised = Optimise(b.Take());
  EXPECT_EQ(optimised.graph().node_count(), std::size_t{kCount});
  CheckNames(optimised.graph().ir(), {});
}

TEST(DescribeGraph, SaysWhatIsKnown) {
  const OptimisedGraph optimised = Optimise(ConvRelu());
  const GraphInfo info = DescribeGraph(optimised.graph(), {{"x", {5, 3, 8, 8}}});
  ASSERT_EQ(info.nodes.size(), 1u);
  const NodeInfo& node = info.nodes[0];
  EXPECT_EQ(node.op, "Conv");
  EXPECT_EQ(node.fusion, "Relu");
  EXPECT_EQ(node.opset, 17);
  EXPECT_EQ(node.outputs.at(0).tensor.name, "y");
  EXPECT_EQ(node.outputs.at(0).tensor.shape, (Shape{5, 20, 6, 6}));
  EXPECT_TRUE(node.inputs.at(1).constant);
  EXPECT_EQ(info.constants, 1u);
  EXPECT_EQ(info.constant_bytes, 20u * 27u * sizeof(float));
  const GraphInfo free = DescribeGraph(optimised.graph());
  EXPECT_EQ(free.inputs.at(0).tensor.shape, (Shape{-1, 3, 8, 8}));
  EXPECT_EQ(free.nodes[0].outputs.at(0).tensor.type, DataType::kUndefined);
}

}  // namespace
}  // namespace kinglet::optimise_test
