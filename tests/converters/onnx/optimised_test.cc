// An optimised graph that was written and read is the same, and running it gives the same bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/graph/fusion.h"
#include "kinglet/descriptor.h"
#include "kinglet/model.h"
#include "tests/converters/onnx/onnx_bytes.h"
#include "tests/converters/onnx/same_graph.h"
#include "tests/support/graph_builder.h"
#include "tests/support/source_dir.h"
#include "tests/support/subgraph.h"
#include "tests/vision/shared_data.h"

namespace kinglet::optimised_test {
namespace {

using namespace onnx_bytes;  // NOLINT: the file is about them
using same_graph::ExpectSame;
using testing::CaptureOf;
using testing::GraphBuilder;
using testing::RandomTensor;
using testing::Subgraph;
namespace fs = std::filesystem;

class OptimisedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "kinglet-optimised-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path() const { return (folder_ / "model.onnx").string(); }

  // Optimises what `make` makes, writes and reads it, and runs both on the same inputs: float32
  // values of [-1, 1), zeros of other types. Returns the graph that was read.
  Graph ExpectSameBits(const std::function<Graph()>& make, std::int64_t batch = 1) const {
    const OptimisedGraph optimised = Optimise(make());
    WriteOnnx(Path(), optimised.graph());
    Graph read = ReadOnnx(Path());
    EXPECT_TRUE(read.optimised());
    ExpectSame(optimised.graph().ir(), read.ir());
    const Tensors wanted = Run(make(), batch);
    const Tensors found = Run(ReadOnnx(Path()), batch);
    EXPECT_EQ(found.size(), wanted.size());
    for (const auto& [name, tensor] : wanted) {
      SCOPED_TRACE(name);
      if (!found.contains(name)) {
        ADD_FAILURE() << "is no output any more";
        continue;
      }
      ExpectSame(tensor, found.find(name)->second, name);
    }
    return read;
  }

  fs::path folder_;

 private:
  static Tensors Run(Graph graph, std::int64_t batch) {
    const Model model = Model::Compile(std::move(graph), {.threads = 1, .use_cache = false});
    Tensors inputs;
    std::uint32_t seed = 1;
    for (const TensorInfo& info : model.inputs()) {
      Shape shape = info.shape;
      for (std::size_t d = 0; d < shape.size(); ++d) {
        if (shape[d] < 0) shape[d] = d == 0 ? batch : 224;
      }
      const bool floats = info.type == DataType::kFloat32;
      inputs[info.name] = floats ? RandomTensor(shape, seed++) : Tensor(info.type, shape);
    }
    Session session = model.NewSession();
    Tensors outputs;
    for (const auto& [name, tensor] : session.Run(inputs)) outputs.emplace(name, tensor.Clone());
    return outputs;
  }
};

int CountOf(const Graph& graph, const std::string& op) {
  const auto& nodes = graph.ir().nodes;
  return static_cast<int>(
      std::count_if(nodes.begin(), nodes.end(), [&](const Node& node) { return node.op == op; }));
}

Attributes With(const std::string& name, Attribute value) {
  Attributes attributes;
  attributes.Set(name, std::move(value));
  return attributes;
}

Attributes Pads(std::int64_t p) { return With("pads", std::vector<std::int64_t>{p, p, p, p}); }

ValueId Conv(GraphBuilder& b, ValueId x, std::int64_t from, std::int64_t to, std::uint32_t seed) {
  return b.Op("Conv", {x, b.Constant(RandomTensor({to, from, 3, 3}, seed))}, Pads(1));
}

struct Activator {
  const char* op;
  Attributes attributes;
  std::vector<float> constants;  // inputs behind the first
  int opset = 17;
};

std::vector<Activator> Activators() {
  Attributes hard = With("alpha", 0.3f);
  hard.Set("beta", 0.4f);
  Attributes old_clip = With("min", -0.25f);
  old_clip.Set("max", 0.5f);
  return {{"Relu", {}, {}},
          {"Clip", {}, {0.0f, 6.0f}},
          {"Clip", {}, {-0.5f}},
          {"Clip", old_clip, {}, 10},
          {"LeakyRelu", With("alpha", 0.2f), {}},
          {"LeakyRelu", {}, {}, 7},
          {"Sigmoid", {}, {}},
          {"HardSigmoid", hard, {}},
          {"HardSwish", {}, {}}};
}

ValueId Activate(GraphBuilder& b, ValueId x, const Activator& activation) {
  std::vector<ValueId> inputs = {x};
  for (const float value : activation.constants) inputs.push_back(b.Floats({}, {value}));
  return b.Op(activation.op, inputs, activation.attributes);
}

TEST_F(OptimisedTest, EveryActivationBehindEveryOperatorThatTakesOne) {
  for (const Activator& activation : Activators()) {
    SCOPED_TRACE(activation.op);
    const auto make = [&] {
      GraphBuilder b(activation.opset);
      const ValueId x = b.Input("x", {-1, 3, 9, 7});
      const ValueId conv = Activate(b, Conv(b, x, 3, 20, 2), activation);
      const ValueId sum = Activate(
          b,
          b.Op("Add",
               {b.Op("MaxPool", {conv}, With("kernel_shape", std::vector<std::int64_t>{1, 1})),
                conv}),
          activation);
      const ValueId residual = Activate(b, b.Op("Add", {Conv(b, sum, 20, 20, 3), sum}), activation);
      const ValueId flat = b.Op("Flatten", {b.Op("GlobalAveragePool", {residual})});
      b.Output(Activate(b,
                        b.Op("Gemm", {flat, b.Constant(RandomTensor({20, 5}, 4)),
                                      b.Constant(RandomTensor({5}, 5))}),
                        activation),
               "y");
      return b.Take();
    };
    const Graph read = ExpectSameBits(make, 2);
    EXPECT_EQ(CountOf(read, activation.op), 0);
    EXPECT_EQ(CountOf(read, "Add"), 1);
    int fused = 0;
    for (const Node& node : read.ir().nodes) fused += node.fusion.empty() ? 0 : 1;
    EXPECT_EQ(fused, 4);
  }
}

TEST_F(OptimisedTest, SumsWithoutAnActivationAndWithABias) {
  const auto make = [] {
    GraphBuilder b;
    const ValueId x = b.Input("x", {-1, 20, 9, 7});
    const ValueId w = b.Constant(RandomTensor({20, 20, 3, 3}, 2));
    const ValueId y = b.Op("Conv", {x, w, b.Constant(RandomTensor({20}, 3))}, Pads(1));
    b.Output(b.Op("Add", {x, y}), "y");
    return b.Take();
  };
  const Graph read = ExpectSameBits(make);
  ASSERT_EQ(read.node_count(), 1u);
  EXPECT_EQ(read.ir().nodes[0].domain, "");
  EXPECT_TRUE(read.ir().nodes[0].fusion.residual);
}

// x * Sigmoid(x), hard swish and a shuffle written out, of an opset that has none of them.
TEST_F(OptimisedTest, WhatIsRecognisedInOldOpsets) {
  const auto make = [] {
    GraphBuilder b(11);
    const ValueId x = b.Input("x", {-1, 6, 5, 5});
    ValueId y = Conv(b, x, 6, 6, 2);
    y = b.Op("Mul", {y, b.Op("Sigmoid", {y})});
    y = b.Op("MaxPool", {y}, With("kernel_shape", std::vector<std::int64_t>{2, 2}));
    const ValueId clipped =
        b.Op("Clip", {b.Op("Add", {y, b.Floats({}, {3})}), b.Floats({}, {0}), b.Floats({}, {6})});
    const ValueId gate = b.Op("Div", {clipped, b.Floats({}, {6})});
    y = b.Op("Max", {b.Op("Mul", {y, gate}), b.Op("Mul", {y, b.Op("Sigmoid", {y})})});
    y = b.Op("Reshape", {y, b.Ints({0, 2, 3, 4, 4})});
    y = b.Op("Transpose", {y}, With("perm", std::vector<std::int64_t>{0, 2, 1, 3, 4}));
    b.Output(b.Op("Reshape", {y, b.Ints({0, 6, 4, 4})}), "y");
    return b.Take();
  };
  const Graph read = ExpectSameBits(make, 2);
  for (const char* op : {"HardSwish", "Swish", "ChannelShuffle"}) EXPECT_EQ(CountOf(read, op), 1);
  for (const Node& node : read.ir().nodes) {
    EXPECT_EQ(node.opset, node.domain.empty() ? 11 : kKingletOpset) << node.op;
  }
}

TEST_F(OptimisedTest, PicturesOfBytes) {
  const auto make = [] {
    GraphBuilder b;
    ValueId x = b.Input("x", {-1, 12, 10, 3}, DataType::kUInt8);
    x = b.Op("Cast", {x}, With("to", std::int64_t{1}));
    x = b.Op("Transpose", {x}, With("perm", std::vector<std::int64_t>{0, 3, 1, 2}));
    x = b.Op("Sub", {x, b.Floats({3, 1, 1}, {123, 116, 103})});
    b.Output(b.Op("Relu", {Conv(b, x, 3, 18, 2)}), "y");
    return b.Take();
  };
  const Graph read = ExpectSameBits(make, 2);
  ASSERT_EQ(read.node_count(), 1u);
  EXPECT_EQ(read.ir().nodes[0].op, "ImageConv");
  EXPECT_EQ(read.ir().nodes[0].fusion.activation, Activation::kRelu);
}

// The operators that the ends of detectors become.
TEST_F(OptimisedTest, CandidatesAndTheirSuppression) {
  const auto make = [] {
    GraphBuilder b;
    const ValueId boxes = b.Input("boxes", {300, 4});
    const ValueId scores = b.Input("scores", {300, 5});
    Attributes best = With("threshold", 0.25f);
    best.Set("k", std::int64_t{30});
    best.Set("first_column", std::int64_t{1});
    best.Set("columns", std::int64_t{4});
    best.Set("first_label", std::int64_t{1});
    best.Set("sorted", std::int64_t{0});
    const auto candidates = b.Node("ThresholdTopK", {scores}, 3, best);
    const ValueId chosen = b.Op("Gather", {boxes, candidates[1]});
    Attributes suppression = With("iou_threshold", 0.5f);
    suppression.Set("max_output", std::int64_t{20});
    const ValueId kept =
        b.Op("BatchedNonMaxSuppression", {chosen, candidates[0], candidates[2]}, suppression);
    for (Node& node : b.ir().nodes) {
      if (node.op == "Gather") continue;
      node.domain = kKingletDomain;
      node.opset = kKingletOpset;
    }
    b.Output(b.Op("Gather", {chosen, kept}), "y");
    return b.Take();
  };
  EXPECT_EQ(ExpectSameBits(make).node_count(), 4u);
}

TEST_F(OptimisedTest, HalfPrecisionInputsWeightsAndOutputs) {
  const auto make = [] {
    ModelParts model;
    std::string weights;
    for (int i = 0; i < 20 * 3 * 3 * 3; ++i) weights += {'\0', static_cast<char>(0x38 + i % 5)};
    model.graph.initializers = {RawTensor("w", kFloat16, {20, 3, 3, 3}, weights)};
    model.graph.inputs = {InfoBytes("x", kFloat16, {"N", 3, 8, 8}), InfoBytes("z", kFloat, {1})};
    model.graph.nodes = {
        NodeBytes("Conv", {"x", "w"}, {"c"}), NodeBytes("Relu", {"c"}, {"y"}),
        NodeBytes("Neg", {"z"}, {"n"}),
        NodeBytes("Cast", {"n"}, {"h"},
                  {AttributeBytes("to", 2, [](Writer& w) { w.add_int64(3, 10); })})};
    model.graph.outputs = {InfoBytes("y", kFloat16, {"N", 20, 6, 6}),
                           InfoBytes("h", kFloat16, {1})};
    return Read(model.Bytes());
  };
  const Graph read = ExpectSameBits(make, 2);
  EXPECT_EQ(read.inputs().at(0).type, DataType::kFloat16);
  EXPECT_EQ(read.outputs().at(0).type, DataType::kFloat16);
  EXPECT_EQ(read.outputs().at(0).symbols.at(0), "N");
}

TEST_F(OptimisedTest, ValuesThatAreStoredInAnotherType) {
  const auto make = [] {
    GraphBuilder b;
    const ValueId third = b.Op("Div", {b.Input("x", {2, 20, 5, 5}), b.Floats({}, {3})});
    b.ir().value(third).storage = ElementType::kBFloat16;
    b.Output(b.Op("Neg", {third}), "y");
    return b.Take();
  };
  const Graph read = ExpectSameBits(make);
  const GraphIr& ir = read.ir();
  EXPECT_EQ(ir.value(ir.nodes.at(0).outputs.at(0)).storage, ElementType::kBFloat16);
}

// Names that passes give are taken already, outputs are made by identities, of the same value, or
// are inputs or constants.
TEST_F(OptimisedTest, NamesOfInputsAndOutputsStay) {
  const auto make = [] {
    ModelParts model;
    model.graph.inputs = {InfoBytes("x", kFloat, {"N", 2, 4, 4})};
    model.graph.initializers = {RawTensor("w", kFloat, {2, 2, 1, 1}, Raw<float>({1, 2, 3, 4})),
                                RawTensor("c/bias", kFloat, {2}, Raw<float>({5, 6})),
                                RawTensor("s", kFloat, {2, 1, 1}, Raw<float>({7, 8}))};
    model.graph.nodes = {
        NodeBytes("Conv", {"x", "w", "c/bias"}, {"c"}), NodeBytes("Mul", {"c", "s"}, {"m"}),
        NodeBytes("Identity", {"m"}, {"one"}),          NodeBytes("Identity", {"one"}, {"two"}),
        NodeBytes("Identity", {"x"}, {"same"}),         NodeBytes("Identity", {"s"}, {"scale"}),
        NodeBytes("Add", {"s", "s"}, {"twice"})};
    for (const char* name : {"one", "two"}) {
      model.graph.outputs.push_back(InfoBytes(name, kFloat, {"N", 2, 4, 4}));
    }
    for (const char* name : {"same", "scale", "twice", "s"}) {
      model.graph.outputs.push_back(InfoBytes(name, kFloat, {}));
    }
    return Read(model.Bytes());
  };
  const Graph read = ExpectSameBits(make);
  std::vector<std::string> names;
  for (const TensorInfo& info : read.outputs()) names.push_back(info.name);
  EXPECT_EQ(names, (std::vector<std::string>{"one", "two", "same", "scale", "twice", "s"}));
  EXPECT_EQ(CountOf(read, "Mul"), 0);
}

// y = cond ? conv(relu(x)) * k : (other ? relu(x) : k + x), with a constant of the outer graph and
// equal names inside and outside.
Graph Branches() {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 4, 5, 5});
  const ValueId cond = b.Input("cond", {}, DataType::kBool);
  const ValueId other = b.Input("other", {}, DataType::kBool);
  const ValueId r = b.Op("Identity", {b.Op("Relu", {x})});
  const ValueId k = b.Op("Add", {b.Floats({1}, {1}), b.Floats({1}, {2})});
  GraphBuilder yes, no, inner_yes, inner_no;
  yes.Output(yes.Op("Mul", {Conv(yes, CaptureOf(yes, b, r), 4, 4, 6), CaptureOf(yes, b, k)}));
  const ValueId r_no = CaptureOf(no, b, r);
  const ValueId k_no = CaptureOf(no, b, k);
  inner_yes.Output(inner_yes.Op("Abs", {CaptureOf(inner_yes, no, r_no)}));
  inner_no.Output(
      inner_no.Op("Add", {CaptureOf(inner_no, no, r_no), CaptureOf(inner_no, no, k_no)}));
  Attributes inner, outer;
  inner.Set("then_branch", Subgraph(inner_yes));
  inner.Set("else_branch", Subgraph(inner_no));
  no.Output(no.Op("If", {CaptureOf(no, b, other)}, inner));
  outer.Set("then_branch", Subgraph(yes));
  outer.Set("else_branch", Subgraph(no));
  b.Output(b.Op("Relu", {b.Op("If", {cond}, outer)}), "y");
  b.Output(b.Op("Mul", {k, x}), "z");
  return b.Take();
}

TEST_F(OptimisedTest, SubgraphsReadWhatIsAroundThem) {
  const Graph read = ExpectSameBits(Branches);
  EXPECT_EQ(CountOf(read, "If"), 1);
}

TEST_F(OptimisedTest, OptimisedTwiceIsTheSame) {
  for (const auto& make : {std::function<Graph()>(Branches), std::function<Graph()>([] {
                             return BuildArchitecture(FindDescriptor("mobilenet_v2").architecture);
                           })}) {
    const OptimisedGraph once = Optimise(make());
    const OptimisedGraph twice = Optimise(Optimise(make()).graph());
    ExpectSame(once.graph().ir(), twice.graph().ir());
    WriteOnnx(Path(), once.graph());
    const OptimisedGraph read = Optimise(ReadOnnx(Path()));
    ExpectSame(once.graph().ir(), read.graph().ir());
  }
}

std::vector<std::string> Buildable() {
  std::vector<std::string> names = ListDescriptors();
  std::erase_if(names, [](const std::string& name) {
    return FindDescriptor(name).architecture.family.empty();
  });
  return names;
}

TEST_F(OptimisedTest, Architectures) {
  for (const std::string& name : Buildable()) {
    SCOPED_TRACE(name);
    Architecture architecture = FindDescriptor(name).architecture;
    architecture.resolution = architecture.family == "vgg16" ? 64 : 128;
    architecture.height = 0;
    if (architecture.family == "faster_rcnn") {
      architecture.resolution = 160;
      architecture.height = 128;
    }
    architecture.classes = 6;
    ExpectSameBits([&] { return BuildArchitecture(architecture); });
  }
}

TEST_F(OptimisedTest, RealModels) {
  KINGLET_NEEDS_SHARED_DATA();
  for (const auto& entry : fs::directory_iterator(testing::SharedData() / "models")) {
    if (entry.path().extension() != ".onnx") continue;
    SCOPED_TRACE(entry.path());
    ExpectSameBits([&] { return ReadOnnx(entry.path().string()); });
  }
}

}  // namespace
}  // namespace kinglet::optimised_test
