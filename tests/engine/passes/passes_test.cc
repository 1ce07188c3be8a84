#include "engine/passes/passes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"

namespace kinglet::passes_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;
using testing::RelativeDifference;

int CountOf(const GraphIr& graph, const std::string& op) {
  return static_cast<int>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                        [&](const Node& node) { return node.op == op; }));
}

// Builds the graph twice, runs it as written and optimised, compares, and returns the optimised
// one.
template <typename F>
GraphIr SameAnswer(F&& build, const Tensor& input, double tolerance = 1e-5) {
  const auto run = [&](bool optimize) {
    GraphBuilder b;
    build(b);
    const Model model = Model::Compile(b.Take(), {.threads = 1, .optimize = optimize});
    Session session = model.NewSession();
    return session.Run({{"x", input}}).begin()->second.Clone();
  };
  EXPECT_LE(RelativeDifference(run(true), run(false)), tolerance);
  GraphBuilder b;
  build(b);
  RunPasses(b.ir(), {});
  return std::move(b.ir());
}

Attributes Pads(std::int64_t p) {
  Attributes attributes;
  attributes.Set("pads", std::vector<std::int64_t>{p, p, p, p});
  return attributes;
}

Tensor Positive(Shape shape, std::uint32_t seed) {
  Tensor tensor = RandomTensor(std::move(shape), seed);
  for (std::int64_t i = 0; i < tensor.size(); ++i) tensor.data<float>()[i] += 1.5f;
  return tensor;
}

std::vector<ValueId> BatchNorm(GraphBuilder& b, ValueId x, std::int64_t channels) {
  return b.Node(
      "BatchNormalization",
      {x, b.Constant(RandomTensor({channels}, 11)), b.Constant(RandomTensor({channels}, 12)),
       b.Constant(RandomTensor({channels}, 13)), b.Constant(Positive({channels}, 14))},
      1);
}

TEST(FoldAffine, BatchNormBehindAConvolution) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {-1, 5, 6, 6});
        const ValueId w = b.Constant(RandomTensor({7, 5, 3, 3}, 2));
        b.Output(BatchNorm(b, b.Op("Conv", {x, w}, Pads(1)), 7)[0]);
      },
      RandomTensor({2, 5, 6, 6}));
  EXPECT_EQ(graph.nodes.size(), 1U);
}

TEST(FoldAffine, MulAndAddBehindAConvolutionAsBatchNormWrittenOut) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {-1, 5, 6, 6});
        const ValueId w = b.Constant(RandomTensor({7, 5, 3, 3}, 2));
        ValueId y = b.Op("Conv", {x, w}, Pads(1));
        y = b.Op("Mul", {b.Constant(RandomTensor({7, 1, 1}, 3)), y});
        y = b.Op("Sub", {y, b.Constant(RandomTensor({1, 7, 1, 1}, 4))});
        y = b.Op("Div", {y, b.Floats({}, {0.5f})});
        b.Output(b.Op("Add", {y, b.Constant(RandomTensor({7, 1, 1}, 5))}));
      },
      RandomTensor({2, 5, 6, 6}));
  EXPECT_EQ(graph.nodes.size(), 1U);
}

TEST(FoldAffine, BatchNormBeforeAConvolutionOnlyWhereNoWindowReadsPadding) {
  for (const std::int64_t pad : {0, 1}) {
    const GraphIr graph = SameAnswer(
        [&](GraphBuilder& b) {
          const ValueId x = b.Input("x", {-1, 6, 6, 6});
          Attributes attributes = Pads(pad);
          attributes.Set("group", std::int64_t{2});
          const ValueId w = b.Constant(RandomTensor({4, 3, 3, 3}, 2));
          b.Output(b.Op("Conv", {BatchNorm(b, x, 6)[0], w}, attributes));
        },
        RandomTensor({1, 6, 6, 6}));
    EXPECT_EQ(graph.nodes.size(), pad == 0 ? 1U : 2U);
  }
}

TEST(FoldAffine, ScaleAndShiftBeforeAConvolution) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        ValueId x = b.Op("Sub", {b.Input("x", {-1, 6, 6, 6}), b.Constant(RandomTensor({6, 1, 1}))});
        x = b.Op("Div", {x, b.Floats({}, {0.3f})});
        b.Output(b.Op("Conv", {x, b.Constant(RandomTensor({4, 6, 3, 3}, 2))}));
      },
      RandomTensor({1, 6, 6, 6}));
  EXPECT_EQ(graph.nodes.size(), 1U);
}

TEST(FoldAffine, BatchNormBehindATransposedConvolution) {
  for (const std::int64_t group : {1, 3}) {
    const GraphIr graph = SameAnswer(
        [&](GraphBuilder& b) {
          Attributes attributes = Pads(1);
          attributes.Set("strides", std::vector<std::int64_t>{2, 2});
          attributes.Set("group", group);
          const ValueId x = b.Input("x", {-1, 6, 6, 6});
          const ValueId w = b.Constant(RandomTensor({6, 9 / group, 4, 4}, 2));
          const ValueId bias = b.Constant(RandomTensor({9}, 3));
          const ValueId y = b.Op("ConvTranspose", {x, w, bias}, attributes);
          b.Output(b.Op("Relu", {BatchNorm(b, y, 9)[0]}));
        },
        RandomTensor({2, 6, 6, 6}));
    EXPECT_EQ(graph.nodes.size(), 1U);
    EXPECT_EQ(graph.nodes[0].fusion.activation, Activation::kRelu);
  }
}

TEST(FoldAffine, LeavesAConvolutionThatSomebodyElseReads) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {-1, 5, 6, 6});
        const ValueId conv = b.Op("Conv", {x, b.Constant(RandomTensor({5, 5, 1, 1}, 2))});
        const ValueId scaled = b.Op("Mul", {conv, b.Constant(RandomTensor({5, 1, 1}, 3))});
        b.Output(b.Op("Max", {scaled, conv}));
      },
      RandomTensor({1, 5, 6, 6}));
  EXPECT_EQ(CountOf(graph, "Mul"), 1);
}

TEST(FoldAffine, LeavesAScaleAlongAnotherAxis) {
  // W = C = 6: a constant of shape {6} scales columns, not channels.
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {-1, 6, 6, 6});
        const ValueId conv = b.Op("Conv", {x, b.Constant(RandomTensor({6, 6, 1, 1}, 2))});
        b.Output(b.Op("Mul", {conv, b.Constant(RandomTensor({6}, 3))}));
      },
      RandomTensor({1, 6, 6, 6}));
  EXPECT_EQ(CountOf(graph, "Mul"), 1);
}

TEST(FuseEpilogues, EveryActivationBehindAConvolution) {
  const auto attributed = [](const char* name, float value) {
    Attributes attributes;
    attributes.Set(name, value);
    return attributes;
  };
  const std::vector<std::pair<std::string, Attributes>> activations = {
      {"Relu", {}},
      {"Sigmoid", {}},
      {"LeakyRelu", attributed("alpha", 0.3f)},
      {"HardSigmoid", {}},
      {"HardSwish", {}}};
  for (const auto& activation : activations) {
    SCOPED_TRACE(activation.first);
    const GraphIr graph = SameAnswer(
        [&](GraphBuilder& b) {
          const ValueId x = b.Input("x", {-1, 5, 6, 6});
          const ValueId w = b.Constant(RandomTensor({18, 5, 3, 3}, 2));
          const ValueId conv = b.Op("Conv", {x, w}, Pads(1));
          const ValueId y = b.Op(activation.first, {conv}, activation.second);
          // The next convolution meets the pad lanes of the blocked layout.
          b.Output(b.Op("Conv", {y, b.Constant(RandomTensor({4, 18, 1, 1}, 3))}));
        },
        RandomTensor({2, 5, 6, 6}));
    EXPECT_EQ(graph.nodes.size(), 2U);
  }
}

TEST(FuseEpilogues, ClipWithOneBoundOrTwo) {
  for (const bool upper : {false, true}) {
    const GraphIr graph = SameAnswer(
        [&](GraphBuilder& b) {
          const ValueId x = b.Input("x", {-1, 5, 6, 6});
          const ValueId y = b.Op("Conv", {x, b.Constant(RandomTensor({18, 5, 1, 1}, 2))});
          const ValueId high = upper ? b.Floats({}, {0.5f}) : kNoValue;
          const ValueId clipped = b.Op("Clip", {y, b.Floats({}, {0.1f}), high});
          b.Output(b.Op("Conv", {clipped, b.Constant(RandomTensor({4, 18, 1, 1}, 3))}));
        },
        RandomTensor({1, 5, 6, 6}));
    EXPECT_EQ(graph.nodes.size(), 2U);
  }
}

TEST(FuseEpilogues, BeforeAShapeThatDependsOnData) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 5, 6, 6});
  const ValueId shape = b.Input("shape", {2}, DataType::kInt64);
  const ValueId y = b.Op("Relu", {b.Op("Conv", {x, b.Constant(RandomTensor({18, 5, 1, 1}, 2))})});
  b.Output(b.Op("Relu", {b.Op("Reshape", {y, shape})}));
  RunPasses(b.ir(), {});
  EXPECT_EQ(CountOf(b.ir(), "Relu"), 1);
  EXPECT_EQ(b.ir().nodes[0].fusion.activation, Activation::kRelu);
}

TEST(FuseEpilogues, AResidualSumGoesIntoTheLaterBranch) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {-1, 5, 6, 6});
        const ValueId y1 = b.Op("Conv", {x, b.Constant(RandomTensor({18, 5, 1, 1}, 2))});
        const ValueId y2 = b.Op("Conv", {x, b.Constant(RandomTensor({18, 5, 3, 3}, 3))}, Pads(1));
        b.Output(b.Op("Relu", {b.Op("Add", {y1, y2})}));
      },
      RandomTensor({2, 5, 6, 6}));
  ASSERT_EQ(graph.nodes.size(), 2U);
  EXPECT_TRUE(graph.nodes[1].fusion.residual);
  EXPECT_EQ(graph.nodes[1].fusion.activation, Activation::kRelu);
}

TEST(FuseEpilogues, ABroadcastingSumStaysASum) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {-1, 5, 6, 6});
        const ValueId y = b.Op("Conv", {x, b.Constant(RandomTensor({5, 5, 1, 1}, 2))});
        b.Output(b.Op("Relu", {b.Op("Add", {y, b.Op("GlobalAveragePool", {x})})}));
      },
      RandomTensor({2, 5, 6, 6}));
  EXPECT_EQ(CountOf(graph, "Add"), 1);
}

TEST(FuseEpilogues, AnActivatedBranchTakesNoSum) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {-1, 5, 6, 6});
        const ValueId y = b.Op("Relu", {b.Op("Conv", {x, b.Constant(RandomTensor({5, 5, 1, 1}))})});
        b.Output(b.Op("Add", {y, x}));
      },
      RandomTensor({2, 5, 6, 6}));
  EXPECT_EQ(CountOf(graph, "Add"), 1);
}

Tensor Bytes(Shape shape) {
  Tensor tensor(DataType::kUInt8, std::move(shape));
  auto* bytes = tensor.data<std::uint8_t>();
  for (std::int64_t i = 0; i < tensor.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37);
  return tensor;
}

Attributes Perm(std::vector<std::int64_t> axes) {
  Attributes attributes;
  attributes.Set("perm", std::move(axes));
  return attributes;
}

Attributes ToFloat() {
  Attributes attributes;
  attributes.Set("to", std::int64_t{1});
  return attributes;
}

TEST(FuseImages, BytesNormalisedBeforeOrAfterTheTransposition) {
  for (const bool before : {true, false}) {
    const GraphIr graph = SameAnswer(
        [&](GraphBuilder& b) {
          ValueId x = b.Input("x", {-1, 12, 10, 3}, DataType::kUInt8);
          x = b.Op("Cast", {x}, ToFloat());
          const Shape channels = before ? Shape{3} : Shape{3, 1, 1};
          if (!before) x = b.Op("Transpose", {x}, Perm({0, 3, 1, 2}));
          x = b.Op("Sub", {x, b.Floats(channels, {123, 116, 103})});
          x = b.Op("Div", {x, b.Floats(channels, {58, 57, 56})});
          if (before) x = b.Op("Transpose", {x}, Perm({0, 3, 1, 2}));
          x = b.Op("Conv", {x, b.Constant(RandomTensor({18, 3, 3, 3}, 2))}, Pads(1));
          b.Output(b.Op("Relu", {x}));
        },
        Bytes({2, 12, 10, 3}));
    ASSERT_EQ(graph.nodes.size(), 1U);
    EXPECT_EQ(graph.nodes[0].op, "ImageConv");
    EXPECT_EQ(graph.nodes[0].fusion.activation, Activation::kRelu);
  }
}

TEST(FuseImages, FloatsScaledAndShiftedBeforeAPaddedConvolution) {
  for (const std::int64_t channels : {1, 3}) {
    const GraphIr graph = SameAnswer(
        [&](GraphBuilder& b) {
          ValueId x = b.Input("x", {-1, channels, 9, 9});
          x = b.Op("Mul", {b.Floats({}, {1 / 127.5f}), x});
          x = b.Op("Add", {x, b.Floats({1}, {-1})});
          b.Output(b.Op("Conv", {x, b.Constant(RandomTensor({8, channels, 3, 3}, 2))}, Pads(1)));
        },
        RandomTensor({2, channels, 9, 9}));
    ASSERT_EQ(graph.nodes.size(), 1U);
    EXPECT_EQ(graph.nodes[0].op, "ImageConv");
  }
}

TEST(FuseImages, LeavesWhatSomebodyElseReadsAndWhatIsNoPicture) {
  const GraphIr shared = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Op("Cast", {b.Input("x", {-1, 3, 9, 9}, DataType::kUInt8)}, ToFloat());
        const ValueId y = b.Op("Conv", {x, b.Constant(RandomTensor({3, 3, 3, 3}, 2))}, Pads(1));
        b.Output(b.Op("Sub", {y, x}));
      },
      Bytes({1, 3, 9, 9}));
  EXPECT_EQ(CountOf(shared, "ImageConv"), 0);
  const GraphIr deep = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Op("Transpose", {b.Input("x", {-1, 9, 9, 5})}, Perm({0, 3, 1, 2}));
        b.Output(b.Op("Conv", {x, b.Constant(RandomTensor({8, 5, 3, 3}, 2))}, Pads(1)));
      },
      RandomTensor({1, 9, 9, 5}));
  EXPECT_EQ(CountOf(deep, "ImageConv"), 0);
}

TEST(FuseImages, AConstantThatMakesTheChannelsStays) {
  for (const std::int64_t pad : {0, 1}) {
    const GraphIr graph = SameAnswer(
        [&](GraphBuilder& b) {
          ValueId x = b.Input("x", {-1, 1, 9, 9});
          x = b.Op("Sub", {x, b.Floats({3, 1, 1}, {0.1f, 0.2f, 0.3f})});
          b.Output(b.Op("Conv", {x, b.Constant(RandomTensor({8, 3, 3, 3}, 2))}, Pads(pad)));
        },
        RandomTensor({2, 1, 9, 9}));
    EXPECT_EQ(CountOf(graph, "Sub"), 1);
  }
}

TEST(RecognisePatterns, SwishesWrittenOut) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {-1, 5, 6, 6});
        const auto clipped = [&](ValueId v) {
          return b.Op("Clip",
                      {b.Op("Add", {v, b.Floats({}, {3})}), b.Floats({}, {0}), b.Floats({}, {6})});
        };
        ValueId y = b.Op("Mul", {x, b.Op("Sigmoid", {x})});
        y = b.Op("Div", {b.Op("Mul", {y, clipped(y)}), b.Floats({}, {6})});
        y = b.Op("Mul", {b.Op("Div", {clipped(y), b.Floats({}, {6})}), y});
        b.Output(y);
      },
      RandomTensor({1, 5, 6, 6}));
  EXPECT_EQ(CountOf(graph, "Swish"), 1);
  EXPECT_EQ(CountOf(graph, "HardSwish"), 2);
  EXPECT_EQ(graph.nodes.size(), 3U);
}

TEST(RecognisePatterns, ChannelShuffle) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {1, 12, 6, 6});
        const ValueId w = b.Constant(RandomTensor({58, 12, 1, 1}, 2));
        ValueId y = b.Op("Reshape", {b.Op("Conv", {x, w}), b.Ints({1, 2, 29, 6, 6})});
        Attributes perm;
        perm.Set("perm", std::vector<std::int64_t>{0, 2, 1, 3, 4});
        y = b.Op("Reshape", {b.Op("Transpose", {y}, perm), b.Ints({1, 58, 6, 6})});
        b.Output(b.Op("Conv", {y, b.Constant(RandomTensor({4, 58, 1, 1}, 3))}));
      },
      RandomTensor({1, 12, 6, 6}));
  EXPECT_EQ(CountOf(graph, "ChannelShuffle"), 1);
  EXPECT_EQ(graph.nodes.size(), 3U);
}

TEST(FoldPad, IntoAConvolutionAndAnAveragePool) {
  const GraphIr graph = SameAnswer(
      [](GraphBuilder& b) {
        const ValueId x = b.Input("x", {-1, 5, 6, 6});
        const ValueId pads = b.Ints({0, 0, 1, 0, 0, 0, 2, 1});
        const ValueId y =
            b.Op("Conv", {b.Op("Pad", {x, pads}), b.Constant(RandomTensor({7, 5, 3, 3}, 2))});
        Attributes pool;
        pool.Set("kernel_shape", std::vector<std::int64_t>{3, 3});
        b.Output(b.Op("AveragePool", {b.Op("Pad", {y, pads})}, pool));
      },
      RandomTensor({2, 5, 6, 6}));
  EXPECT_EQ(CountOf(graph, "Pad"), 0);
}

TEST(FoldConstants, ShapeArithmeticAndQuantisedWeightsDisappear) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 4, 3, 3});
  const ValueId w =
      b.Op("DequantizeLinear",
           {b.Constant(Tensor::From<std::uint8_t>({2, 4, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8})),
            b.Floats({}, {0.5f}), b.Constant(Tensor::From<std::uint8_t>({}, {4}))});
  const ValueId conv = b.Op("Conv", {x, w});
  Attributes axis;
  axis.Set("axis", std::int64_t{0});
  const ValueId batch = b.Op("Gather", {b.Op("Shape", {conv}), b.Ints({0})}, axis);
  const ValueId shape = b.Op("Concat", {batch, b.Ints({-1})}, axis);
  b.Output(b.Op("Reshape", {conv, shape}), "y");
  const Model model = Model::Compile(b.Take(), {.threads = 1});
  const PlanInfo info = model.Describe({{"x", {3, 4, 3, 3}}});
  EXPECT_EQ(info.outputs[0].shape, (Shape{3, 18}));
  for (const StepInfo& step : info.steps) {
    EXPECT_TRUE(step.op == "Conv" || step.op == "Reorder" || step.op == "Copy") << step.op;
  }
}

TEST(WidenFloat16, StoresHalvesAndComputesFloats) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 2}, DataType::kFloat16);
  Tensor half(DataType::kFloat16, {2});  // 1.0 and -2.0
  static_cast<std::uint16_t*>(half.raw())[0] = 0x3C00;
  static_cast<std::uint16_t*>(half.raw())[1] = 0xC000;
  const ValueId y = b.Op("Add", {x, b.Constant(half)});
  b.ir().value(y).type = DataType::kFloat16;
  b.Output(y, "y");
  const Model model = Model::Compile(b.Take(), {.threads = 1});
  Session session = model.NewSession();
  Tensor input(DataType::kFloat16, {2, 2});
  static_cast<std::uint16_t*>(input.raw())[0] = 0x4000;  // 2.0
  const Tensor output = session.Run({{"x", input}}).at("y");
  ASSERT_EQ(output.type(), DataType::kFloat16);
  const auto* bits = static_cast<const std::uint16_t*>(output.raw());
  EXPECT_EQ(bits[0], 0x4200);  // 3.0
  EXPECT_EQ(bits[1], 0xC000);
  EXPECT_EQ(bits[2], 0x3C00);
}

}  // namespace
}  // namespace kinglet::passes_test
