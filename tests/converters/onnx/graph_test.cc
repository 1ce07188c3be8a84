#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "tests/converters/onnx/onnx_bytes.h"

namespace kinglet::graph_test {
namespace {

using namespace onnx_bytes;  // NOLINT: the file is about them

constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;

ValueId IdOf(const GraphIr& graph, const std::string& name) {
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].name == name) return static_cast<ValueId>(i);
  }
  ADD_FAILURE() << "no value " << name;
  return kNoValue;
}

std::string GraphAttribute(const std::string& name, const GraphParts& graph) {
  return AttributeBytes(name, 5, [&](Writer& w) { w.add_message(6, graph.Bytes()); });
}

TEST(OnnxGraph, NodesAndValuesAreCopied) {
  ModelParts model = TinyModel();
  model.graph.nodes = {NodeBytes("Conv", {"x", "w", ""}, {"y"}, {}, "", "conv1"),
                       NodeBytes("BatchNormalization", {"y"}, {"z", "", ""}),
                       NodeBytes("FusedThing", {"z"}, {"u"}, {}, "com.microsoft"),
                       NodeBytes("Scaler", {"u"}, {"v"}, {}, "ai.onnx.ml")};
  model.graph.initializers = {RawTensor("w", kFloat, {2, 1}, Raw<float>({3, 4}))};
  model.graph.outputs = {NamedOnly("v")};
  model.graph.value_infos = {InfoBytes("z", kFloat, {"N", 7}), InfoBytes("nobody", kFloat, {1})};
  model.opsets = {{"ai.onnx", 15}, {"com.microsoft", 1}, {"ai.onnx.ml", 3}};
  const Graph read = Read(model.Bytes());
  const GraphIr& graph = read.ir();
  EXPECT_EQ(graph.name, "g");
  EXPECT_EQ(graph.source, "m.onnx");
  ASSERT_EQ(graph.nodes.size(), 4u);
  const Node& conv = graph.nodes[0];
  EXPECT_EQ(conv.name, "conv1");
  EXPECT_EQ(conv.op, "Conv");
  EXPECT_EQ(conv.domain, "");
  EXPECT_EQ(conv.opset, 15);
  EXPECT_EQ(conv.inputs, (std::vector<ValueId>{IdOf(graph, "x"), IdOf(graph, "w"), kNoValue}));
  EXPECT_EQ(graph.nodes[1].name, "z");
  EXPECT_EQ(graph.nodes[1].outputs, (std::vector<ValueId>{IdOf(graph, "z"), kNoValue, kNoValue}));
  EXPECT_EQ(graph.nodes[2].domain, "com.microsoft");
  EXPECT_EQ(graph.nodes[2].opset, 1);
  EXPECT_EQ(graph.nodes[3].opset, 3);
  EXPECT_EQ(graph.value(IdOf(graph, "y")).producer, 0);
  const Value& z = graph.value(IdOf(graph, "z"));
  EXPECT_EQ(z.type, DataType::kFloat32);
  EXPECT_EQ(z.dims, (Shape{kUnknownDim, 7}));
  EXPECT_EQ(z.symbols, (std::vector<std::string>{"N", ""}));
  EXPECT_FALSE(graph.value(IdOf(graph, "v")).has_shape);
  EXPECT_EQ(graph.ConstantOf(conv.inputs[1])->data<float>()[1], 4.0f);
}

TEST(OnnxGraph, FreeSizesOfInputs) {
  ModelParts model = TinyModel();
  model.graph.inputs = {InfoBytes("x", kUint8, {"batch", -3, "", 0, 5})};
  const TensorInfo input = Read(model.Bytes()).inputs().at(0);
  EXPECT_EQ(input.type, DataType::kUInt8);
  EXPECT_TRUE(input.has_shape);
  EXPECT_EQ(input.shape, (Shape{-1, -1, -1, 0, 5}));
  EXPECT_EQ(input.symbols, (std::vector<std::string>{"batch", "", "", "", ""}));
  model.graph.inputs = {InfoBytes("x", kFloat, {})};
  EXPECT_TRUE(Read(model.Bytes()).inputs().at(0).has_shape) << "a scalar";
  model.graph.inputs = {NamedOnly("x")};
  EXPECT_FALSE(Read(model.Bytes()).inputs().at(0).has_shape);
}

TEST(OnnxGraph, InitializersAmongTheInputsAreConstants) {
  ModelParts model = TinyModel();
  model.ir_version = 3;
  model.graph.nodes = {NodeBytes("Add", {"x", "w"}, {"y"})};
  model.graph.inputs.push_back(InfoBytes("w", kFloat, {2}));
  model.graph.initializers = {RawTensor("w", kFloat, {2}, Raw<float>({3, 4}))};
  const Graph graph = Read(model.Bytes());
  ASSERT_EQ(graph.inputs().size(), 1u);
  EXPECT_EQ(graph.inputs()[0].name, "x");
  EXPECT_TRUE(graph.ir().value(IdOf(graph.ir(), "w")).is_constant());
}

TEST(OnnxGraph, NodesAreSorted) {
  ModelParts model = TinyModel();
  model.graph.nodes = {NodeBytes("Relu", {"b"}, {"y"}), NodeBytes("Abs", {"a"}, {"b"}),
                       NodeBytes("Neg", {"x"}, {"a"})};
  const Graph graph = Read(model.Bytes());
  EXPECT_EQ(graph.ir().nodes[0].op, "Neg");
  EXPECT_EQ(graph.ir().nodes[1].op, "Abs");
  EXPECT_EQ(graph.ir().nodes[2].op, "Relu");
}

TEST(OnnxGraph, AttributesOfEveryType) {
  ModelParts model = TinyModel();
  const std::vector<std::int64_t> ints = {1, -2};
  const std::vector<float> floats = {0.5f, 2.0f};
  model.graph.nodes = {NodeBytes(
      "Odd", {"x"}, {"y"},
      {AttributeBytes("f", 1, [](Writer& w) { w.add_float(2, 1.5f); }),
       AttributeBytes("i", 2, [](Writer& w) { w.add_int64(3, -7); }),
       AttributeBytes("s", 3, [](Writer& w) { w.add_bytes(4, "text"); }),
       AttributeBytes("t", 4, [](Writer& w) { w.add_message(5, RawTensor("", kInt8, {2}, "ab")); }),
       AttributeBytes("fs", 6,
                      [&](Writer& w) {
                        w.add_float(7, 0.5f);
                        w.add_float(7, 2.0f);
                      }),
       AttributeBytes("is", 7, [&](Writer& w) { w.add_packed_int64(8, ints.begin(), ints.end()); }),
       AttributeBytes("ss", 8,
                      [](Writer& w) {
                        w.add_bytes(9, "a");
                        w.add_bytes(9, "");
                      }),
       AttributeBytes("untyped", 0, [](Writer& w) { w.add_int64(3, 4); }),
       AttributeBytes("zero", 2, [](Writer&) {}), AttributeBytes("none", 7, [](Writer&) {})})};
  const Graph read = Read(model.Bytes());
  const Attributes& attributes = read.ir().nodes[0].attributes;
  EXPECT_EQ(attributes.Float("f", 0), 1.5f);
  EXPECT_EQ(attributes.Int("i", 0), -7);
  EXPECT_EQ(attributes.String("s", ""), "text");
  ASSERT_NE(attributes.TensorOrNull("t"), nullptr);
  EXPECT_EQ(attributes.TensorOrNull("t")->data<std::int8_t>()[1], 'b');
  EXPECT_EQ(attributes.Floats("fs"), floats);
  EXPECT_EQ(attributes.Ints("is"), ints);
  EXPECT_EQ(attributes.Strings("ss"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(attributes.Int("untyped", 0), 4);
  EXPECT_EQ(attributes.Int("zero", 9), 0);
  EXPECT_TRUE(attributes.Has("none"));
  EXPECT_TRUE(attributes.Ints("none").empty());
}

TEST(OnnxGraph, BadAttributesAreRefused) {
  const auto refused = [](const std::string& attribute, ErrorCode code, const std::string& part) {
    ModelParts model = TinyModel();
    model.graph.nodes = {NodeBytes("Odd", {"x"}, {"y"}, {attribute}, "", "n")};
    ExpectRefused(model.Bytes(), code, {"m.onnx: graph: node 0 'n' (Odd)", "attribute", part});
  };
  const auto nothing = [](Writer&) {};
  refused(AttributeBytes("", 1, nothing), kInvalid, "no name");
  refused(AttributeBytes("a", 0, nothing), kInvalid, "neither type nor value");
  refused(AttributeBytes("a", 77, nothing), kInvalid, "attribute type 77");
  refused(AttributeBytes("a", 7, [](Writer& w) { w.add_float(7, 1); }), kInvalid,
          "declared as ints but holds a value of type floats");
  refused(AttributeBytes("a", 2, [](Writer& w) { w.add_string(21, "alpha"); }), kInvalid,
          "refers to attribute 'alpha'");
  refused(AttributeBytes("a", 9, nothing), ErrorCode::kUnsupported, "list of tensors");
  refused(AttributeBytes("a", 10, nothing), ErrorCode::kUnsupported, "list of graphs");
  refused(AttributeBytes("a", 11, nothing), ErrorCode::kUnsupported, "sparse tensor");
  refused(AttributeBytes("a", 4, nothing), kInvalid, "no element type");
  refused(AttributeBytes("a", 5, nothing), kInvalid, "no outputs");
  ModelParts twice = TinyModel();
  const std::string one = AttributeBytes("a", 2, nothing);
  twice.graph.nodes = {NodeBytes("Odd", {"x"}, {"y"}, {one, one})};
  ExpectRefused(twice.Bytes(), kInvalid, {"attribute 'a'", "given twice"});
}

TEST(OnnxGraph, ConstantNodesBecomeConstants) {
  const auto constant = [](const std::string& output, const std::string& attribute) {
    return NodeBytes("Constant", {}, {output}, {attribute});
  };
  ModelParts model = TinyModel();
  const std::vector<std::int64_t> ints = {4, 5, 6};
  model.graph.nodes = {
      NodeBytes("Relu", {"x"}, {"y"}),
      constant("t", AttributeBytes("value", 4,
                                   [](Writer& w) {
                                     w.add_message(5, RawTensor("", kFloat, {1}, Raw<float>({8})));
                                   })),
      constant("f", AttributeBytes("value_float", 1, [](Writer& w) { w.add_float(2, 2.5f); })),
      constant("i", AttributeBytes("value_int", 2, [](Writer& w) { w.add_int64(3, -1); })),
      constant("fs", AttributeBytes("value_floats", 6, [](Writer& w) { w.add_float(7, 1); })),
      constant("is", AttributeBytes("value_ints", 7, [&](Writer& w) {
                 w.add_packed_int64(8, ints.begin(), ints.end());
               }))};
  const Graph read = Read(model.Bytes());
  const GraphIr& graph = read.ir();
  EXPECT_EQ(graph.nodes.size(), 1u);
  const auto value = [&](const std::string& name) {
    return graph.value(IdOf(graph, name)).constant;
  };
  EXPECT_EQ(value("t").data<float>()[0], 8.0f);
  EXPECT_EQ(value("f").data<float>()[0], 2.5f);
  EXPECT_EQ(value("f").shape(), Shape{});
  EXPECT_EQ(value("i").data<std::int64_t>()[0], -1);
  EXPECT_EQ(value("fs").shape(), Shape{1});
  EXPECT_EQ(value("is").data<std::int64_t>()[2], 6);
}

TEST(OnnxGraph, BadConstantNodesAreRefused) {
  const auto refused = [](const std::string& node, ErrorCode code, const std::string& part) {
    ModelParts model = TinyModel();
    model.graph.nodes.push_back(node);
    ExpectRefused(model.Bytes(), code, {"(Constant)", part});
  };
  const std::string number = AttributeBytes("value_int", 2, [](Writer&) {});
  refused(NodeBytes("Constant", {}, {"c"}), kInvalid, "0 attributes");
  refused(NodeBytes("Constant", {"x"}, {"c"}, {number}), kInvalid, "no input");
  refused(NodeBytes("Constant", {}, {"c", "d"}, {number}), kInvalid, "one output");
  refused(NodeBytes("Constant", {}, {"c"}, {AttributeBytes("value_int", 1, [](Writer&) {})}),
          kInvalid, "unexpected name or type");
  refused(NodeBytes("Constant", {}, {"c"},
                    {AttributeBytes("value_string", 3, [](Writer& w) { w.add_bytes(4, "s"); })}),
          ErrorCode::kUnsupported, "numbers only");
}

// y = If(c) { x + a } else { k }, where a is made by an outer node and k is an outer initializer.
ModelParts ModelWithIf() {
  GraphParts then_branch;
  then_branch.nodes = {NodeBytes("Add", {"x", "a"}, {"t"})};
  then_branch.outputs = {NamedOnly("t")};
  GraphParts else_branch;
  else_branch.nodes = {NodeBytes("Identity", {"k"}, {"e"})};
  else_branch.outputs = {NamedOnly("e")};
  ModelParts model = TinyModel();
  model.graph.inputs.push_back(InfoBytes("c", kBool, {}));
  model.graph.initializers = {RawTensor("k", kFloat, {1}, Raw<float>({8}))};
  model.graph.nodes = {NodeBytes("If", {"c"}, {"y"},
                                 {GraphAttribute("then_branch", then_branch),
                                  GraphAttribute("else_branch", else_branch)}),
                       NodeBytes("Neg", {"x"}, {"a"})};
  return model;
}

TEST(OnnxGraph, SubgraphsCaptureValuesAndShareConstants) {
  const Graph read = Read(ModelWithIf().Bytes());
  const GraphIr& graph = read.ir();
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[0].op, "Neg") << "what a subgraph captures comes before the node";
  const Node& branch = graph.nodes[1];
  const std::vector<ValueId> captured = {IdOf(graph, "x"), IdOf(graph, "a")};
  EXPECT_THAT(CapturedValues(branch), ::testing::UnorderedElementsAreArray(captured));
  const GraphIr* then_branch = branch.attributes.GraphOrNull("then_branch");
  ASSERT_NE(then_branch, nullptr);
  ASSERT_EQ(then_branch->captures.size(), 2u);
  for (const Capture& capture : then_branch->captures) {
    EXPECT_EQ(then_branch->value(capture.inner).name, graph.value(capture.outer).name);
    EXPECT_EQ(then_branch->value(capture.inner).producer, kNoNode);
  }
  const Value& inner_x = then_branch->value(IdOf(*then_branch, "x"));
  EXPECT_EQ(inner_x.dims, (Shape{1, 2})) << "the declaration comes along";
  const GraphIr* else_branch = branch.attributes.GraphOrNull("else_branch");
  ASSERT_NE(else_branch, nullptr);
  EXPECT_TRUE(else_branch->captures.empty());
  EXPECT_TRUE(else_branch->value(IdOf(*else_branch, "k")).is_constant());
  EXPECT_NO_THROW(CheckGraph(graph));
}

TEST(OnnxGraph, CapturesPassThroughTheGraphsBetween) {
  GraphParts inner;
  inner.nodes = {NodeBytes("Neg", {"x"}, {"p"})};
  inner.outputs = {NamedOnly("p")};
  GraphParts middle;
  middle.nodes = {NodeBytes("If", {"c"}, {"q"}, {GraphAttribute("then_branch", inner)})};
  middle.outputs = {NamedOnly("q")};
  ModelParts model = TinyModel();
  model.graph.inputs.push_back(InfoBytes("c", kBool, {}));
  model.graph.nodes = {NodeBytes("If", {"c"}, {"y"}, {GraphAttribute("then_branch", middle)})};
  const Graph read = Read(model.Bytes());
  const GraphIr* middle_graph = read.ir().nodes[0].attributes.GraphOrNull("then_branch");
  ASSERT_EQ(middle_graph->captures.size(), 2u);  // c and, for the inner graph, x
  const GraphIr* inner_graph = middle_graph->nodes[0].attributes.GraphOrNull("then_branch");
  ASSERT_EQ(inner_graph->captures.size(), 1u);
  EXPECT_EQ(inner_graph->captures[0].outer, IdOf(*middle_graph, "x"));
}

TEST(OnnxGraph, ASubgraphsOwnNamesComeFirst) {
  GraphParts body;
  body.inputs = {InfoBytes("x", kFloat, {1})};
  body.nodes = {NodeBytes("Neg", {"x"}, {"t"})};
  body.outputs = {NamedOnly("t")};
  ModelParts model = TinyModel();
  model.graph.nodes = {NodeBytes("Loop", {"x"}, {"y"}, {GraphAttribute("body", body)})};
  const Graph read = Read(model.Bytes());
  const GraphIr* graph = read.ir().nodes[0].attributes.GraphOrNull("body");
  EXPECT_TRUE(graph->captures.empty());
  EXPECT_EQ(graph->nodes[0].inputs, graph->inputs);
}

TEST(OnnxGraph, ASubgraphMayGiveAValueTwice) {
  ModelParts model = ModelWithIf();
  GraphParts twice;
  twice.nodes = {NodeBytes("Neg", {"x"}, {"t"})};
  twice.outputs = {NamedOnly("t"), NamedOnly("t")};
  model.graph.nodes = {
      NodeBytes("If", {"c"}, {"y", "z"},
                {GraphAttribute("then_branch", twice), GraphAttribute("else_branch", twice)})};
  const Graph read = Read(model.Bytes());
  const GraphIr* graph = read.ir().nodes[0].attributes.GraphOrNull("then_branch");
  ASSERT_EQ(graph->outputs.size(), 2u);
  EXPECT_EQ(graph->outputs[0], graph->outputs[1]);
  EXPECT_NO_THROW(CheckGraph(read.ir()));
}

TEST(OnnxGraph, MistakesInSubgraphsAreNamed) {
  ModelParts unknown = ModelWithIf();
  unknown.graph.nodes.pop_back();
  ExpectRefused(unknown.Bytes(), kInvalid,
                {"node 0 'y' (If): attribute 'then_branch': node 0 't' (Add)", "input 'a'"});
  GraphParts own_output;
  own_output.nodes = {NodeBytes("Neg", {"y"}, {"t"})};
  own_output.outputs = {NamedOnly("t")};
  ModelParts cycle = TinyModel();
  cycle.graph.nodes = {NodeBytes("If", {"x"}, {"y"}, {GraphAttribute("then_branch", own_output)})};
  ExpectRefused(cycle.Bytes(), kInvalid, {"cycle"});
}

TEST(OnnxGraph, NestingHasALimit) {
  const auto nested = [](int depth) {
    GraphParts graph;
    graph.nodes = {NodeBytes("Neg", {"x"}, {"y"})};
    graph.outputs = {NamedOnly("y")};
    for (int i = 0; i < depth; ++i) {
      GraphParts around;
      around.nodes = {NodeBytes("If", {"x"}, {"y"}, {GraphAttribute("then_branch", graph)})};
      around.outputs = {NamedOnly("y")};
      graph = around;
    }
    graph.inputs = {InfoBytes("x", kFloat, {1})};
    ModelParts model;
    model.graph = graph;
    return model.Bytes();
  };
  EXPECT_NO_THROW(Read(nested(64)));
  ExpectRefused(nested(65), kInvalid, {"nested deeper than 64"});
  OnnxLimits limits;
  limits.nesting = 2;
  EXPECT_NO_THROW(Read(nested(2), limits));
  ExpectRefused(nested(3), kInvalid, {"nested deeper than 2"}, limits);
}

TEST(OnnxGraph, NamesHaveOneOwner) {
  const auto refused = [](const std::function<void(ModelParts&)>& change, const std::string& part) {
    ModelParts model = TinyModel();
    change(model);
    ExpectRefused(model.Bytes(), kInvalid, {part});
  };
  refused([](ModelParts& m) { m.graph.nodes.push_back(NodeBytes("Neg", {"x"}, {"y"})); },
          "'y' is taken");
  refused([](ModelParts& m) { m.graph.nodes.push_back(NodeBytes("Neg", {"x"}, {"x"})); },
          "'x' is taken");
  refused(
      [](ModelParts& m) {
        m.graph.nodes.push_back(NodeBytes("Neg", {"x"}, {"a", "a"}));
      },
      "'a' is taken");
  refused([](ModelParts& m) { m.graph.inputs.push_back(m.graph.inputs[0]); }, "'x' is taken");
  refused([](ModelParts& m) { m.graph.initializers = {RawTensor("y", kInt8, {1}, "a")}; },
          "'y' is taken");
  refused([](ModelParts& m) { m.graph.outputs.push_back(m.graph.outputs[0]); }, "listed twice");
  refused([](ModelParts& m) { m.graph.outputs.push_back(NamedOnly("z")); }, "'z' is made by no");
  refused([](ModelParts& m) { m.graph.outputs.clear(); }, "no outputs");
  refused([](ModelParts& m) { m.graph.inputs.push_back(NamedOnly("")); }, "no name");
  refused([](ModelParts& m) { m.graph.initializers = {RawTensor("", kInt8, {1}, "a")}; },
          "initializer 0");
  refused([](ModelParts& m) { m.graph.nodes.push_back(NodeBytes("Neg", {"x"}, {""})); },
          "no output");
  refused([](ModelParts& m) { m.graph.nodes.push_back(NodeBytes("", {"x"}, {"a"})); },
          "no operator");
  refused([](ModelParts& m) { m.graph.nodes.push_back(NodeBytes("Neg", {"q"}, {"a"})); },
          "input 'q'");
}

TEST(OnnxGraph, StrangeNamesAreWrittenOnOneLine) {
  ModelParts model = TinyModel();
  const std::string strange = "a\nb\xff\x1b[31m\xc3\xa9";
  model.graph.nodes = {NodeBytes("Relu", {"x"}, {strange}, {}, "", strange),
                       NodeBytes("Neg", {strange}, {"y"})};
  const Graph graph = Read(model.Bytes());
  EXPECT_EQ(graph.ir().nodes[0].name, "a\\x0ab\\xff\\x1b[31m\xc3\xa9");
  EXPECT_EQ(graph.ir().value(graph.ir().nodes[0].outputs[0]).name, graph.ir().nodes[0].name);
  model.graph.nodes.push_back(NodeBytes("Neg", {std::string(3000, '\n')}, {"q"}, {}, "", strange));
  ExpectRefused(model.Bytes(), kInvalid, {"\\x0a", "..."});
}

TEST(OnnxGraph, CountsHaveLimits) {
  ModelParts model = TinyModel();
  model.graph.nodes = {NodeBytes("Neg", {"x"}, {"a"}),
                       NodeBytes("Neg", {"a"}, {"y"}, {AttributeBytes("is", 7, [](Writer& w) {
                                   for (int i = 0; i < 10; ++i) w.add_int64(8, i);
                                 })})};
  const std::string bytes = model.Bytes();
  const auto limited = [&](auto change, const std::string& part) {
    OnnxLimits limits;
    change(limits);
    ExpectRefused(bytes, ErrorCode::kResource, {part}, limits);
  };
  limited([](OnnxLimits& l) { l.nodes = 1; }, "more than 1 nodes");
  limited([](OnnxLimits& l) { l.values = 5; }, "more than 5 mentions of tensors");
  limited([](OnnxLimits& l) { l.attribute_elements = 10; }, "more than 10 attribute elements");
  limited([](OnnxLimits& l) { l.rank = 1; }, "more than 1 dimensions");
  limited([](OnnxLimits& l) { l.name_bytes = 2; }, "more than the limit of 2");
}

}  // namespace
}  // namespace kinglet::graph_test
