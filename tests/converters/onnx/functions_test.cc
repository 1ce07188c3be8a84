// Functions that a model defines stand in place of their calls.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "kinglet/model.h"
#include "tests/converters/onnx/onnx_bytes.h"
#include "tests/converters/onnx/same_graph.h"

namespace kinglet::functions_test {
namespace {

using namespace onnx_bytes;  // NOLINT: the file is about them

constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;
constexpr std::int32_t kFloatType = 1, kIntType = 2, kGraphType = 5;

std::string Local(const std::string& op, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs,
                  const std::vector<std::string>& attributes = {}, const std::string& name = "",
                  const std::string& overload = "") {
  return NodeBytes(op, inputs, outputs, attributes, "local", name, overload);
}

std::string FloatAttribute(const std::string& name, float value) {
  return AttributeBytes(name, kFloatType, [&](Writer& w) { w.add_float(2, value); });
}

std::string Reference(const std::string& name, std::int32_t type, const std::string& to) {
  return AttributeBytes(name, type, [&](Writer& w) { w.add_string(21, to); });
}

std::string GraphAttribute(const std::string& name, const GraphParts& graph) {
  return AttributeBytes(name, kGraphType, [&](Writer& w) { w.add_message(6, graph.Bytes()); });
}

// TinyModel with these nodes and functions.
ModelParts With(std::vector<std::string> nodes, std::vector<FunctionParts> functions) {
  ModelParts model = TinyModel();
  model.opsets.push_back({"local", 1});
  model.graph.nodes = std::move(nodes);
  model.functions = std::move(functions);
  return model;
}

// y for x = {-1, 2}, of the model as it is and after it was written and read again.
std::vector<float> ResultOf(const ModelParts& parts) {
  const auto run = [](Graph graph) {
    const Model model = Model::Compile(std::move(graph), {.threads = 1, .use_cache = false});
    Session session = model.NewSession();
    const Tensor y = session.Run({{"x", Tensor::From<float>({1, 2}, {-1, 2})}}).at("y");
    return std::vector<float>(y.data<float>(), y.data<float>() + y.size());
  };
  const std::string bytes = parts.Bytes();
  const std::vector<float> found = run(Read(bytes));
  const std::string path =
      ::testing::TempDir() + "kinglet-functions-" + std::to_string(getpid()) + ".onnx";
  const Graph read = Read(bytes);
  WriteOnnx(path, read);
  const Graph again = ReadOnnx(path);
  same_graph::ExpectSame(read.ir(), again.ir());
  EXPECT_EQ(run(ReadOnnx(path)), found);
  std::filesystem::remove(path);
  return found;
}

using Floats = std::vector<float>;

std::vector<std::string> NodeNames(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.ir().nodes) names.push_back(node.name);
  return names;
}

FunctionParts Act() {
  return {
      .name = "Act",
      .nodes = {NodeBytes("LeakyRelu", {"X"}, {"Y"}, {Reference("alpha", kFloatType, "slope")})},
      .attributes = {"slope"}};
}

TEST(OnnxFunctions, NodesStandInPlaceOfTheCall) {
  const FunctionParts twice = {.name = "Square",
                               .nodes = {NodeBytes("Mul", {"X", "X"}, {"m"}, {}, "", "times"),
                                         NodeBytes("Neg", {"m"}, {"Y"})}};
  const ModelParts model =
      With({Local("Square", {"x"}, {"a"}, {}, "first"), Local("Square", {"a"}, {"y"})}, {twice});
  EXPECT_EQ(ResultOf(model), (Floats{-1, -16}));
  const Graph graph = Read(model.Bytes());
  EXPECT_EQ(NodeNames(graph),
            (std::vector<std::string>{"first/times", "first/Y", "y/times", "y/Y"}));
  EXPECT_EQ(graph.ir().value(graph.ir().nodes[0].outputs[0]).name, "first/m");
  EXPECT_EQ(graph.ir().value(graph.ir().nodes[1].outputs[0]).name, "a");
}

TEST(OnnxFunctions, AttributesByReference) {
  FunctionParts act = Act();
  EXPECT_EQ(ResultOf(With({Local("Act", {"x"}, {"y"}, {FloatAttribute("slope", 0.5f)})}, {act})),
            (Floats{-0.5f, 2}));
  // What the call does not give is not there: LeakyRelu has a default of its own.
  EXPECT_EQ(ResultOf(With({Local("Act", {"x"}, {"y"})}, {act})), (Floats{-0.01f, 2}));
  act.attributes = {};
  act.defaults = {FloatAttribute("slope", 0.25f)};
  EXPECT_EQ(ResultOf(With({Local("Act", {"x"}, {"y"})}, {act})), (Floats{-0.25f, 2}));
  EXPECT_EQ(ResultOf(With({Local("Act", {"x"}, {"y"}, {FloatAttribute("slope", 0.5f)})}, {act})),
            (Floats{-0.5f, 2}));
}

TEST(OnnxFunctions, ReferencesPassThroughCalls) {
  const FunctionParts outer = {
      .name = "Outer",
      .nodes = {Local("Act", {"X"}, {"h"}, {Reference("slope", kFloatType, "s")}),
                Local("Act", {"h"}, {"Y"}, {FloatAttribute("slope", 2)})},
      .defaults = {FloatAttribute("s", 3)}};
  EXPECT_EQ(ResultOf(With({Local("Outer", {"x"}, {"y"})}, {Act(), outer})), (Floats{-6, 2}));
  EXPECT_EQ(
      ResultOf(With({Local("Outer", {"x"}, {"y"}, {FloatAttribute("s", 5)})}, {outer, Act()})),
      (Floats{-10, 2}));
}

TEST(OnnxFunctions, ConstantsMayBeReferences) {
  const FunctionParts shift = {
      .name = "Shift",
      .nodes = {NodeBytes("Constant", {}, {"c"}, {Reference("value_float", kFloatType, "by")}),
                NodeBytes("Add", {"X", "c"}, {"Y"})},
      .attributes = {"by"}};
  EXPECT_EQ(ResultOf(With({Local("Shift", {"x"}, {"a"}, {FloatAttribute("by", 1)}),
                           Local("Shift", {"a"}, {"y"}, {FloatAttribute("by", 10)})},
                          {shift})),
            (Floats{10, 13}));
  // One that is the function's output is a constant of the graph.
  const FunctionParts number = {
      .name = "Number",
      .inputs = {},
      .nodes = {NodeBytes("Constant", {}, {"Y"}, {Reference("value_float", kFloatType, "by")})},
      .attributes = {"by"}};
  const ModelParts model = With(
      {Local("Number", {}, {"n"}, {FloatAttribute("by", 4)}), NodeBytes("Mul", {"x", "n"}, {"y"})},
      {number});
  EXPECT_EQ(ResultOf(model), (Floats{-4, 8}));
  EXPECT_EQ(Read(model.Bytes()).node_count(), 1u);
}

TEST(OnnxFunctions, AbsentInputsAndOutputs) {
  const FunctionParts clip = {
      .name = "Limit",
      .inputs = {"X", "low", "high"},
      .outputs = {"Y", "Z"},
      .nodes = {NodeBytes("Clip", {"X", "low", "high"}, {"Y"}), NodeBytes("Neg", {"Y"}, {"Z"})}};
  ModelParts model = With({Local("Limit", {"x", "", "one"}, {"", "y"})}, {clip});
  model.graph.initializers = {RawTensor("one", kFloat, {}, Raw<float>({1}))};
  EXPECT_EQ(ResultOf(model), (Floats{1, -1}));
  EXPECT_EQ(ResultOf(With({Local("Limit", {"x"}, {"y"})}, {clip})), (Floats{-1, 2}));
}

TEST(OnnxFunctions, OutputsThatNoNodeMakes) {
  const FunctionParts same = {
      .name = "Same", .outputs = {"X", "N", "N"}, .nodes = {NodeBytes("Neg", {"X"}, {"N"})}};
  EXPECT_EQ(ResultOf(With(
                {Local("Same", {"x"}, {"a", "b", "c"}), NodeBytes("Sum", {"a", "b", "c"}, {"y"})},
                {same})),
            (Floats{1, -2}));
}

// then: X + `local`, else: X, both of the function's names.
std::string Branches(const std::string& condition, const std::string& output) {
  GraphParts then_branch, else_branch;
  then_branch.nodes = {
      NodeBytes("Add", {"X", "inner"}, {"t"}),
      NodeBytes("LeakyRelu", {"t"}, {"r"}, {Reference("alpha", kFloatType, "slope")})};
  then_branch.outputs = {NamedOnly("r")};
  else_branch.nodes = {NodeBytes("Identity", {"X"}, {"t"})};
  else_branch.outputs = {NamedOnly("t")};
  return NodeBytes(
      "If", {condition}, {output},
      {GraphAttribute("then_branch", then_branch), GraphAttribute("else_branch", else_branch)});
}

// Y = sum of X > 0 ? leaky(X - 1) : X.
FunctionParts Branching() {
  return {
      .name = "Branching",
      .nodes = {NodeBytes("Constant", {}, {"inner"}, {FloatAttribute("value_float", -1)}),
                NodeBytes(
                    "ReduceSum", {"X"}, {"sum"},
                    {AttributeBytes("keepdims", kIntType, [](Writer& w) { w.add_int64(3, 0); })}),
                NodeBytes("Cast", {"sum"}, {"condition"},
                          {AttributeBytes("to", kIntType, [](Writer& w) { w.add_int64(3, 9); })}),
                Branches("condition", "Y")},
      .attributes = {"slope"}};
}

TEST(OnnxFunctions, SubgraphsSeeTheFunctionsNames) {
  EXPECT_EQ(ResultOf(With({Local("Branching", {"x"}, {"y"}, {FloatAttribute("slope", 0.5f)})},
                          {Branching()})),
            (Floats{-1, 1}));
  // Values of the call that have the names which the function's subgraphs have inside.
  EXPECT_EQ(ResultOf(With({NodeBytes("Neg", {"x"}, {"t"}), NodeBytes("Neg", {"t"}, {"r"}),
                           Local("Branching", {"r"}, {"y"}, {FloatAttribute("slope", 0.5f)})},
                          {Branching()})),
            (Floats{-1, 1}));
  EXPECT_EQ(ResultOf(With({NodeBytes("Abs", {"x"}, {"t"}),
                           Local("Branching", {"t"}, {"y"}, {FloatAttribute("slope", 0.5f)})},
                          {Branching()})),
            (Floats{0, 1}));
}

TEST(OnnxFunctions, CallsInsideOfSubgraphs) {
  GraphParts then_branch, else_branch;
  then_branch.nodes = {Local("Act", {"x"}, {"t"}, {FloatAttribute("slope", 3)}, "call"),
                       Local("Act", {"t"}, {"u"}, {FloatAttribute("slope", 3)}, "call")};
  then_branch.outputs = {NamedOnly("u")};
  else_branch.nodes = {NodeBytes("Identity", {"x"}, {"t"})};
  else_branch.outputs = {NamedOnly("t")};
  ModelParts model = With({NodeBytes("If", {"yes"}, {"y"},
                                     {GraphAttribute("then_branch", then_branch),
                                      GraphAttribute("else_branch", else_branch)})},
                          {Act()});
  model.graph.inputs.push_back(InfoBytes("yes", kBool, {}));
  const Graph graph = Read(model.Bytes());
  const auto branch = SubgraphsOf(graph.ir().nodes.at(0)).at(1);
  ASSERT_EQ(branch->nodes.size(), 2u);
  EXPECT_EQ(branch->nodes[1].op, "LeakyRelu");
  EXPECT_EQ(branch->captures.size(), 1u);
  const Model compiled = Model::Compile(Read(model.Bytes()), {.threads = 1, .use_cache = false});
  Session session = compiled.NewSession();
  Tensor yes(DataType::kBool, {});
  yes.data<bool>()[0] = true;
  const Tensor y = session.Run({{"x", Tensor::From<float>({1, 2}, {-1, 2})}, {"yes", yes}}).at("y");
  EXPECT_EQ(y.data<float>()[0], -9.0f);
}

// A graph that a call gives is one of the caller's: it sees the caller's names.
TEST(OnnxFunctions, GraphsByReference) {
  GraphParts given;
  given.nodes = {NodeBytes("Mul", {"scale", "x"}, {"X"})};
  given.outputs = {NamedOnly("X")};
  GraphParts other;
  other.nodes = {NodeBytes("Identity", {"X"}, {"o"})};
  other.outputs = {NamedOnly("o")};
  const FunctionParts choose = {.name = "Choose",
                                .inputs = {"C", "X"},
                                .nodes = {NodeBytes("If", {"C"}, {"Y"},
                                                    {Reference("then_branch", kGraphType, "body"),
                                                     GraphAttribute("else_branch", other)})},
                                .attributes = {"body"}};
  ModelParts model = With({NodeBytes("Neg", {"x"}, {"n"}),
                           Local("Choose", {"yes", "n"}, {"y"}, {GraphAttribute("body", given)})},
                          {choose});
  model.graph.initializers = {RawTensor("scale", kFloat, {}, Raw<float>({7})),
                              RawTensor("yes", kBool, {}, std::string(1, '\1'))};
  EXPECT_EQ(ResultOf(model), (Floats{-7, 14}));
  model.graph.initializers[1] = RawTensor("yes", kBool, {}, std::string(1, '\0'));
  EXPECT_EQ(ResultOf(model), (Floats{1, -2}));
}

TEST(OnnxFunctions, NamesStayUnique) {
  const FunctionParts square = {
      .name = "Square",
      .nodes = {NodeBytes("Mul", {"X", "X"}, {"m"}), NodeBytes("Sqrt", {"m"}, {"Y"})}};
  // Two calls of one name, and a value that is called as one inside would be.
  const ModelParts model =
      With({NodeBytes("Neg", {"x"}, {"call/m"}), Local("Square", {"call/m"}, {"a"}, {}, "call"),
            Local("Square", {"a"}, {"y"}, {}, "call")},
           {square});
  EXPECT_EQ(ResultOf(model), (Floats{1, 2}));
  const Graph graph = Read(model.Bytes());
  std::set<std::string> names;
  for (const Value& value : graph.ir().values) {
    EXPECT_TRUE(names.insert(value.name).second) << value.name;
  }
  EXPECT_TRUE(names.count("call/m_2") == 1 && names.count("call/m_3") == 1);
}

TEST(OnnxFunctions, LongNamesStayShort) {
  const std::string name(4000, 'n');
  std::vector<FunctionParts> functions = {
      {.name = "F0", .nodes = {NodeBytes("Neg", {"X"}, {"Y"}, {}, "", name)}}};
  for (int i = 1; i < 20; ++i) {
    functions.push_back({.name = "F" + std::to_string(i),
                         .nodes = {Local("F" + std::to_string(i - 1), {"X"}, {name}, {}, name),
                                   NodeBytes("Neg", {name}, {"Y"}, {}, "", name)}});
  }
  const Graph graph = Read(With({Local("F19", {"x"}, {"y"})}, functions).Bytes());
  ASSERT_EQ(graph.node_count(), 20u);
  for (const Node& node : graph.ir().nodes) EXPECT_LT(node.name.size(), 300u);
  for (const Value& value : graph.ir().values) EXPECT_LT(value.name.size(), 300u);
}

TEST(OnnxFunctions, OperatorSetsAreTheFunctionsOwn) {
  FunctionParts function = {.name = "Old", .nodes = {NodeBytes("Neg", {"X"}, {"Y"})}};
  function.opsets = {{"ai.onnx", 9}};
  const ModelParts model =
      With({Local("Old", {"x"}, {"a"}), NodeBytes("Neg", {"a"}, {"y"})}, {function});
  const Graph graph = Read(model.Bytes());
  EXPECT_EQ(graph.ir().nodes[0].opset, 9);
  EXPECT_EQ(graph.ir().nodes[1].opset, 13);
}

TEST(OnnxFunctions, OverloadsAreFunctionsOfTheirOwn) {
  FunctionParts negate = {.name = "F", .nodes = {NodeBytes("Neg", {"X"}, {"Y"})}};
  FunctionParts absolute = {
      .name = "F", .overload = "abs", .nodes = {NodeBytes("Abs", {"X"}, {"Y"})}};
  EXPECT_EQ(ResultOf(With({Local("F", {"x"}, {"y"})}, {negate, absolute})), (Floats{1, -2}));
  EXPECT_EQ(ResultOf(With({Local("F", {"x"}, {"y"}, {}, "", "abs")}, {negate, absolute})),
            (Floats{1, 2}));
  ExpectRefused(With({Local("F", {"x"}, {"y"})}, {negate, negate}).Bytes(), kInvalid,
                {"'local.F' twice"});
}

FunctionParts Calling(const std::string& name, const std::string& called) {
  return {.name = name, .nodes = {Local(called, {"X"}, {"Y"})}};
}

TEST(OnnxFunctions, RecursionIsRefusedWithItsCycle) {
  ExpectRefused(With({Local("A", {"x"}, {"y"})}, {Calling("A", "A")}).Bytes(), kInvalid,
                {"'local.A' calls itself: local.A -> local.A"});
  const std::vector<FunctionParts> cycle = {Calling("A", "B"), Calling("B", "C"),
                                            Calling("C", "B")};
  ExpectRefused(With({Local("A", {"x"}, {"y"})}, cycle).Bytes(), kInvalid,
                {"'local.B' calls itself: local.B -> local.C -> local.B"});
  // Where nothing calls it, it does not matter.
  EXPECT_EQ(ResultOf(With({NodeBytes("Neg", {"x"}, {"y"})}, cycle)), (Floats{1, -2}));
  // Through a subgraph.
  GraphParts branch;
  branch.nodes = {Local("A", {"X"}, {"b"})};
  branch.outputs = {NamedOnly("b")};
  const FunctionParts inside = {.name = "A",
                                .nodes = {NodeBytes("If", {"X"}, {"Y"},
                                                    {GraphAttribute("then_branch", branch),
                                                     GraphAttribute("else_branch", branch)})}};
  ExpectRefused(With({Local("A", {"x"}, {"y"})}, {inside}).Bytes(), kInvalid,
                {"'local.A' calls itself"});
  std::vector<FunctionParts> round;
  for (int i = 0; i < 40; ++i) {
    round.push_back(Calling("F" + std::to_string(i), "F" + std::to_string((i + 1) % 40)));
  }
  ExpectRefused(With({Local("F0", {"x"}, {"y"})}, round).Bytes(), kInvalid,
                {"local.F0 -> local.F1 ->", "...", "-> local.F39 -> local.F0"});
}

TEST(OnnxFunctions, CallsCountAgainstTheLimits) {
  std::vector<FunctionParts> chain = {{.name = "F0", .nodes = {NodeBytes("Neg", {"X"}, {"Y"})}}};
  for (int i = 1; i < 80; ++i) {
    chain.push_back(Calling("F" + std::to_string(i), "F" + std::to_string(i - 1)));
  }
  EXPECT_EQ(Read(With({Local("F63", {"x"}, {"y"})}, chain).Bytes()).node_count(), 1u);
  ExpectRefused(With({Local("F64", {"x"}, {"y"})}, chain).Bytes(), kInvalid, {"deeper than 64"});
  // Ten calls within each: 10^20 nodes.
  std::vector<FunctionParts> laughs = {{.name = "F0", .nodes = {NodeBytes("Neg", {"X"}, {"Y"})}}};
  for (int i = 1; i <= 20; ++i) {
    FunctionParts ten = {.name = "F" + std::to_string(i), .nodes = {}};
    for (int k = 0; k < 10; ++k) {
      ten.nodes.push_back(Local("F" + std::to_string(i - 1),
                                {k == 0 ? "X" : "v" + std::to_string(k)},
                                {k == 9 ? "Y" : "v" + std::to_string(k + 1)}));
    }
    laughs.push_back(ten);
  }
  ExpectRefused(With({Local("F20", {"x"}, {"y"})}, laughs).Bytes(), ErrorCode::kResource,
                {"more than 250000 nodes"});
  const FunctionParts wide = {
      .name = "Wide",
      .nodes = {
          NodeBytes("Constant", {}, {"c"},
                    {AttributeBytes(
                        "value", 4,
                        [](Writer& w) {
                          w.add_message(5, RawTensor("", kFloat, {4}, Raw<float>({1, 2, 3, 4})));
                        })}),
          NodeBytes("Neg", {"X"}, {"Y"})}};
  OnnxLimits limits;
  limits.total_tensor_bytes = 31;
  ExpectRefused(With({Local("Wide", {"x"}, {"a"}), Local("Wide", {"a"}, {"y"})}, {wide}).Bytes(),
                ErrorCode::kResource, {"more than 31 bytes of tensors"}, limits);
}

TEST(OnnxFunctions, WrongCallsAndFunctionsAreRefused) {
  const auto refused = [](const std::vector<std::string>& nodes, const FunctionParts& function,
                          const std::vector<std::string>& parts) {
    ExpectRefused(With(nodes, {function}).Bytes(), kInvalid, parts);
  };
  const std::string call = Local("F", {"x"}, {"y"});
  const FunctionParts good = {.name = "F", .nodes = {NodeBytes("Neg", {"X"}, {"Y"})}};
  const auto with = [&](const std::function<void(FunctionParts&)>& change) {
    FunctionParts function = good;
    change(function);
    return function;
  };
  refused({Local("F", {"x", "x"}, {"y"})}, good, {"2 inputs, the function 'local.F' has 1"});
  refused({Local("F", {"x"}, {"y", "z"})}, good, {"has 1 outputs, the call has 2"});
  refused({Local("F", {"nothing"}, {"y"})}, good, {"'nothing' is no graph input"});
  refused({call}, with([](auto& f) { f.inputs = {"X", "X"}; }), {"two inputs 'X'"});
  refused({call}, with([](auto& f) { f.outputs = {"Z"}; }), {"'Z' is made by no node"});
  refused({call}, with([](auto& f) {
            f.inputs = {"X", "M"};
            f.outputs = {"M"};
          }),
          {"'M' is made by no node"});
  refused({call}, with([](auto& f) { f.nodes = {NodeBytes("Neg", {"x"}, {"Y"})}; }),
          {"function 'local.F'", "'x' is no input of the function"});
  refused({call}, with([](auto& f) { f.nodes.push_back(f.nodes[0]); }), {"'Y' is taken already"});
  refused({call}, with([](auto& f) { f.nodes = {NodeBytes("Neg", {"X"}, {"X"})}; }),
          {"'X' is taken already"});
  refused({call}, with([](auto& f) { f.opsets = {}; }),
          {"the function imports no operator set of the domain 'ai.onnx'"});
  refused({call}, with([](auto& f) { f.opsets = {{"", 13}, {"", 14}}; }), {"two versions"});
  refused({call}, with([](auto& f) { f.attributes = {"a", "a"}; }), {"declares", "'a' twice"});
  refused(
      {call}, with([](auto& f) {
        f.nodes = {NodeBytes("LeakyRelu", {"X"}, {"Y"}, {Reference("alpha", kFloatType, "slope")})};
      }),
      {"'slope'", "does not declare"});
  refused(
      {call}, with([](auto& f) {
        f.nodes = {NodeBytes("LeakyRelu", {"X"}, {"Y"}, {Reference("alpha", kIntType, "slope")})};
        f.defaults = {FloatAttribute("slope", 1)};
      }),
      {"declared as int but refers to a value of type float"});
  refused({Local("F", {"x"}, {"y"}, {FloatAttribute("a", 1), FloatAttribute("a", 2)})}, good,
          {"attribute 'a': is given twice"});
  refused({NodeBytes("LeakyRelu", {"x"}, {"y"}, {Reference("alpha", kFloatType, "slope")})}, good,
          {"the node is in no function"});
  refused({call}, with([](auto& f) {
            f.nodes = {Local("F", {"Y"}, {"Z"}, {}, "", "other"), NodeBytes("Neg", {"Z"}, {"Y"})};
          }),
          {"cycle"});
}

TEST(OnnxFunctions, NoChangeOfAByteDoesMoreThanThrowAnError) {
  const std::string whole =
      With({Local("Branching", {"x"}, {"y"}, {FloatAttribute("slope", 0.5f)})}, {Branching()})
          .Bytes();
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int byte : {0, 1, 2, 7, 8, 10, 34, 58, 82, 127, 128, 255}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(byte);
      try {
        Read(changed);
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace kinglet::functions_test
