// Quantised operators become operators on codes, and everything else stays as it is written.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/quantized_op.h"

namespace kinglet::recognise_quantised_test {
namespace {

using testing::GraphBuilder;
using testing::RandomBytes;
using testing::RandomTensor;
using testing::RelativeDifference;
using Ints = std::vector<std::int64_t>;

Attributes With(const std::string& name, Attribute value) {
  Attributes attributes;
  attributes.Set(name, std::move(value));
  return attributes;
}

// A scale and a zero point of type T.
struct Quantised {
  float scale = 0.02f;
  int zero = 128;
};

template <typename T = std::uint8_t>
ValueId Zero(GraphBuilder& b, int zero) {
  return b.Constant(Tensor::From<T>({}, {static_cast<T>(zero)}));
}
template <typename T = std::uint8_t>
ValueId Dequantise(GraphBuilder& b, ValueId codes, Quantised q) {
  return b.Op("DequantizeLinear", {codes, b.Floats({}, {q.scale}), Zero<T>(b, q.zero)});
}
// Quantised and dequantised.
template <typename T = std::uint8_t>
ValueId Round(GraphBuilder& b, ValueId x, Quantised q) {
  const ValueId codes = b.Op("QuantizeLinear", {x, b.Floats({}, {q.scale}), Zero<T>(b, q.zero)});
  return Dequantise<T>(b, codes, q);
}
template <typename T>
ValueId Weights(GraphBuilder& b, Shape shape, Quantised q, unsigned seed = 5) {
  return Dequantise<T>(b, b.Constant(RandomBytes<T>(std::move(shape), seed)), q);
}
// Per channel, along `axis`, int8 without zero points.
ValueId ChannelWeights(GraphBuilder& b, const Shape& shape, std::int64_t axis) {
  const auto channels = shape[static_cast<std::size_t>(axis)];
  std::vector<float> scales;
  for (std::int64_t i = 0; i < channels; ++i) {
    scales.push_back(0.002f + 0.001f * static_cast<float>(i % 5));
  }
  return b.Op("DequantizeLinear",
              {b.Constant(RandomBytes<std::int8_t>(shape, 9)), b.Floats({channels}, scales),
               b.Constant(Tensor(DataType::kInt8, {channels}))},
              With("axis", axis));
}
ValueId Bias(GraphBuilder& b, std::int64_t channels, float scale) {
  std::vector<std::int32_t> steps;
  for (std::int64_t i = 0; i < channels; ++i) {
    steps.push_back(static_cast<std::int32_t>(137 * (i % 7) - 400));
  }
  return b.Op("DequantizeLinear",
              {b.Constant(Tensor::From<std::int32_t>({channels}, steps)), b.Floats({}, {scale})});
}

std::map<std::string, int> CountOps(const GraphIr& graph) {
  std::map<std::string, int> counts;
  for (const Node& node : graph.nodes) ++counts[node.op];
  return counts;
}
using Counts = std::map<std::string, int>;

using Build = void (*)(GraphBuilder&);

Graph Make(Build build) {
  GraphBuilder b;
  build(b);
  return b.Take();
}

Counts OpsOf(Build build, Precision precision = Precision::kModel) {
  return CountOps(Optimise(Make(build), {.precision = precision}).graph().ir());
}

// What the graph gives for inputs that are random within [-2, 2).
std::vector<Tensor> ValuesOf(Graph graph, const CompileOptions& options) {
  const Model model = Model::Compile(std::move(graph), options);
  Session session = model.NewSession();
  Tensors inputs;
  unsigned seed = 3;
  for (const TensorInfo& info : model.inputs()) {
    Tensor x = RandomTensor(info.shape, seed++);
    for (std::int64_t i = 0; i < x.size(); ++i) x.data<float>()[i] *= 2;
    inputs[info.name] = std::move(x);
  }
  const Tensors& outputs = session.Run(inputs);
  std::vector<Tensor> result;
  for (const TensorInfo& info : model.outputs()) result.push_back(outputs.at(info.name).Clone());
  return result;
}

std::vector<Tensor> ValuesOf(Build build, const CompileOptions& options) {
  return ValuesOf(Make(build), options);
}

// No value further from the other than this.
void ExpectNear(const std::vector<Tensor>& codes, const std::vector<Tensor>& written, float step) {
  ASSERT_EQ(codes.size(), written.size());
  for (std::size_t k = 0; k < codes.size(); ++k) {
    ASSERT_EQ(codes[k].shape(), written[k].shape());
    double largest = 0, spread = 0;
    for (std::int64_t i = 0; i < codes[k].size(); ++i) {
      const double a = codes[k].data<float>()[i];
      const double c = written[k].data<float>()[i];
      largest = std::max(largest, std::abs(a - c));
      spread = std::max(spread, std::abs(c));
    }
    EXPECT_LE(largest, 1.001 * static_cast<double>(step)) << "output " << k;
    EXPECT_GT(spread, static_cast<double>(step)) << "output " << k << " says nothing";
  }
}

// As the graph is written, each value within `steps` of these from the other.
void ExpectAsWritten(Build build, float step, float steps = 1) {
  ExpectNear(ValuesOf(build, {.threads = 2, .use_cache = false}),
             ValuesOf(build, {.threads = 1, .optimize = false, .use_cache = false}), step * steps);
}

// ---- Convolutions and products.

constexpr Quantised kX{0.016f, 125}, kY{0.05f, 97};

void ConvOfUnsigned(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {2, 5, 9, 11}), kX);
  const ValueId conv =
      b.Op("Conv",
           {x, Weights<std::uint8_t>(b, {7, 5, 3, 3}, {0.004f, 119}), Bias(b, 7, 0.016f * 0.004f)},
           With("pads", Ints{1, 1, 1, 1}));
  b.Output(Round(b, conv, kY), "y");
}

TEST(RecogniseQuantised, Convolution) {
  EXPECT_EQ(OpsOf(ConvOfUnsigned),
            (Counts{{"QuantizeLinear", 1}, {"QLinearConv", 1}, {"DequantizeLinear", 1}}));
  ExpectAsWritten(ConvOfUnsigned, kY.scale);
}

TEST(RecogniseQuantised, Float32LeavesItAsItIsWritten) {
  const Counts ops = OpsOf(ConvOfUnsigned, Precision::kFloat32);
  EXPECT_EQ(ops.count("QLinearConv"), 0U);
  EXPECT_EQ(ops.at("Conv"), 1);
}

// The network is of int8, but kernels see uint8.
void ConvOfSigned(GraphBuilder& b) {
  const ValueId x = Round<std::int8_t>(b, b.Input("x", {1, 6, 8, 8}), {0.016f, -3});
  const ValueId conv =
      b.Op("Conv", {x, ChannelWeights(b, {6, 1, 3, 3}, 0)}, With("group", std::int64_t{6}));
  b.Output(Round<std::int8_t>(b, conv, {0.05f, 10}), "y");
}

TEST(RecogniseQuantised, SignedCodesBecomeUnsigned) {
  const OptimisedGraph optimised = Optimise(Make(ConvOfSigned));
  const GraphIr& graph = optimised.graph().ir();
  for (const Node& node : graph.nodes) {
    if (node.op != "QLinearConv") continue;
    EXPECT_EQ(graph.ConstantOf(node.input(2))->data<std::uint8_t>()[0], 125);
    EXPECT_EQ(graph.ConstantOf(node.input(7))->data<std::uint8_t>()[0], 138);
  }
  EXPECT_EQ(CountOps(graph).at("QLinearConv"), 1);
  ExpectAsWritten(ConvOfSigned, 0.05f);
}

void ClippedConv(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {1, 4, 6, 6}), kX);
  ValueId y = b.Op("Conv", {x, Weights<std::int8_t>(b, {8, 4, 1, 1}, {0.01f, 0})});
  y = b.Op("Clip", {y, b.Floats({}, {-0.5f}), b.Floats({}, {1.1f})});
  y = Round(b, y, {0.02f, 128});
  y = b.Op("Relu", {b.Op("Conv", {y, Weights<std::int8_t>(b, {3, 8, 1, 1}, {0.01f, 0}, 6)})});
  b.Output(Round(b, y, {0.02f, 60}), "y");
}

TEST(RecogniseQuantised, ClampsBecomeThoseOfCodes) {
  const Counts ops = OpsOf(ClippedConv);
  EXPECT_EQ(ops.at("QLinearConv"), 2);
  EXPECT_EQ(ops.count("Clip") + ops.count("Relu"), 0U);
  ExpectAsWritten(ClippedConv, 0.02f, 3);  // one code of the first is up to two of the second
}

void DenseLayers(GraphBuilder& b) {
  ValueId x = Round(b, b.Input("x", {5, 12}), kX);
  x = b.Op("Gemm",
           {x, ChannelWeights(b, {9, 12}, 0), b.Floats({9}, {1, 2, 3, -1, -2, -3, 0, 1, 2})},
           With("transB", std::int64_t{1}));
  x = Round(b, b.Op("Relu", {x}), {0.03f, 0});
  x = b.Op("MatMul", {x, ChannelWeights(b, {9, 4}, 1)});
  x = b.Op("Add", {x, b.Floats({4}, {0.5f, -0.5f, 0.25f, 0})});
  b.Output(Round(b, x, {0.05f, 128}), "y");
}

TEST(RecogniseQuantised, DenseLayersAreConvolutionsOfOnePixel) {
  const Counts ops = OpsOf(DenseLayers);
  EXPECT_EQ(ops.at("QLinearConv"), 2);
  EXPECT_EQ(ops.count("Gemm") + ops.count("MatMul") + ops.count("Add"), 0U);
  ExpectAsWritten(DenseLayers, 0.05f, 2);
}

void BatchedProduct(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {2, 3, 4, 5}), kX);
  const ValueId y = Round(b, b.Input("y", {2, 3, 5, 6}), {0.017f, 120});
  b.Output(Round(b, b.Op("MatMul", {x, y}), {0.1f, 128}), "z");
}

TEST(RecogniseQuantised, ProductsOfActivations) {
  EXPECT_EQ(OpsOf(BatchedProduct).at("QLinearMatMul"), 1);
  ExpectAsWritten(BatchedProduct, 0.1f);
}

// ---- Sums, products, Concat, pools.

void Elementwise(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {1, 4, 3, 3}), kX);
  const ValueId y = Round(b, b.Input("y", {1, 4, 3, 3}), {0.017f, 120});
  const ValueId sum = Round(b, b.Op("Add", {x, y}), {0.04f, 128});
  b.Output(sum, "sum");
  b.Output(Round(b, b.Op("Mul", {sum, y}), {0.04f, 128}), "product");
}

TEST(RecogniseQuantised, SumsAndProducts) {
  const Counts ops = OpsOf(Elementwise);
  EXPECT_EQ(ops.at("QLinearAdd"), 1);
  EXPECT_EQ(ops.at("QLinearMul"), 1);
  ExpectAsWritten(Elementwise, 0.04f, 3);
}

void Concats(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {1, 4, 3, 3}), kX);
  const ValueId y = Round(b, b.Input("y", {1, 2, 3, 3}), kX);
  const ValueId z = Round(b, b.Input("z", {1, 3, 3, 3}), {0.02f, 110});
  b.Output(Round(b, b.Op("Concat", {x, y}, With("axis", std::int64_t{1})), kX), "same");
  b.Output(Round(b, b.Op("Concat", {x, z}, With("axis", std::int64_t{1})), {0.02f, 110}), "other");
}

TEST(RecogniseQuantised, ConcatOfEqualCodesCopiesThem) {
  const Counts ops = OpsOf(Concats);
  EXPECT_EQ(ops.at("Concat"), 2);
  EXPECT_EQ(ops.at("CodeTable"), 1);
  EXPECT_EQ(ops.count("QLinearConcat"), 0U);
  ExpectAsWritten(Concats, 0.02f);
}

void Pools(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {2, 3, 8, 8}), kX);
  Attributes pool;
  pool.Set("kernel_shape", Ints{3, 3});
  pool.Set("strides", Ints{2, 2});
  pool.Set("pads", Ints{1, 1, 1, 1});
  const Quantised fine{0.005f, 128};
  b.Output(Round(b, b.Op("MaxPool", {x}, pool), kX), "max");
  b.Output(Round(b, b.Op("AveragePool", {x}, pool), fine), "average");
  b.Output(Round(b, b.Op("GlobalAveragePool", {x}), fine), "global");
  Attributes mean = With("axes", Ints{-1, 2});
  mean.Set("keepdims", std::int64_t{0});
  b.Output(Round(b, b.Op("ReduceMean", {x}, mean), fine), "mean");
}

TEST(RecogniseQuantised, Pools) {
  const Counts ops = OpsOf(Pools);
  EXPECT_EQ(ops.at("MaxPool"), 1);
  EXPECT_EQ(ops.at("QLinearAveragePool"), 1);
  EXPECT_EQ(ops.at("QLinearGlobalAveragePool"), 2);
  EXPECT_EQ(ops.count("ReduceMean") + ops.count("AveragePool"), 0U);
  ExpectAsWritten(Pools, 0.016f);
}

// ---- Images that become larger.

// Linear in both directions, to the same scale and to another one.
void Resizes(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {2, 70, 5, 6}), kX);
  for (const char* mode : {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"}) {
    Attributes linear = With("mode", std::string("linear"));
    linear.Set("coordinate_transformation_mode", std::string(mode));
    const ValueId y = b.Op("Resize", {x, kNoValue, b.Floats({4}, {1, 1, 2, 2.5f})}, linear);
    b.Output(Round(b, y, kX), std::string("larger ") + mode);
    const ValueId z = b.Op("Resize", {x, kNoValue, kNoValue, b.Ints({2, 70, 3, 6})}, linear);
    b.Output(Round<std::int8_t>(b, z, {0.016f, 9}), std::string("smaller ") + mode);
  }
}

TEST(RecogniseQuantised, LinearResizes) {
  const Counts ops = OpsOf(Resizes);
  EXPECT_EQ(ops.at("QLinearResize"), 8);
  EXPECT_EQ(ops.count("Resize"), 0U);
  ExpectAsWritten(Resizes, kX.scale);
}

// The batch may change, or weights are divided by their sum.
TEST(RecogniseQuantised, OtherResizesStay) {
  GraphBuilder b;
  const ValueId x = Round(b, b.Input("x", {2, 3, 5, 6}), kX);
  Attributes linear = With("mode", std::string("linear"));
  const ValueId sized = b.Op("Resize", {x, kNoValue, kNoValue, b.Ints({4, 3, 9, 9})}, linear);
  b.Output(Round(b, sized, kX), "batch");
  linear.Set("exclude_outside", std::int64_t{1});
  const ValueId excluding = b.Op("Resize", {x, kNoValue, b.Floats({4}, {1, 1, 2, 2})}, linear);
  b.Output(Round(b, excluding, kX), "excluding");
  const Counts ops = CountOps(Optimise(b.Take()).graph().ir());
  EXPECT_EQ(ops.at("Resize"), 2);
  EXPECT_EQ(ops.count("QLinearResize"), 0U);
}

struct Transposed {
  std::int64_t kernel, stride, pad_begin, pad_end, output_padding;
  std::int64_t channels = 3;
};

void TransposedOf(GraphBuilder& b, const Transposed& t, bool per_channel) {
  const ValueId x = Round(b, b.Input("x", {2, 5, 4, 6}), kX);
  Attributes attributes = With("strides", Ints{t.stride, t.stride});
  attributes.Set("pads", Ints{t.pad_begin, t.pad_begin, t.pad_end, t.pad_end});
  attributes.Set("output_padding", Ints{t.output_padding, t.output_padding});
  const Shape shape{5, t.channels, t.kernel, t.kernel};
  const ValueId w =
      per_channel ? ChannelWeights(b, shape, 1) : Weights<std::uint8_t>(b, shape, {0.004f, 119});
  std::vector<ValueId> inputs = {x, w};
  if (!per_channel) inputs.push_back(Bias(b, t.channels, 0.016f * 0.004f));
  const ValueId y = b.Op("ConvTranspose", inputs, attributes);
  b.Output(Round(b, b.Op("Relu", {y}), {0.02f, 3}), "y");
}

TEST(RecogniseQuantised, TransposedConvolutions) {
  for (const Transposed& t :
       {Transposed{2, 2, 0, 0, 0}, Transposed{3, 2, 1, 1, 1}, Transposed{3, 2, 0, 1, 0},
        Transposed{4, 2, 1, 1, 0, 64}, Transposed{3, 1, 1, 1, 0}, Transposed{5, 3, 2, 0, 2, 70},
        Transposed{4, 4, 3, 1, 3}}) {
    for (const bool per_channel : {false, true}) {
      SCOPED_TRACE(std::to_string(t.kernel) + "/" + std::to_string(t.stride));
      const auto make = [&] {
        GraphBuilder b;
        TransposedOf(b, t, per_channel);
        return b.Take();
      };
      const Counts ops = CountOps(Optimise(make()).graph().ir());
      EXPECT_EQ(ops.at("QLinearConv"), 1);
      EXPECT_EQ(ops.count("ConvTranspose"), 0U);
      ExpectNear(ValuesOf(make(), {.threads = 2, .use_cache = false}),
                 ValuesOf(make(), {.threads = 1, .optimize = false, .use_cache = false}), 0.02f);
    }
  }
}

// Taps that would be multiplied in vain, groups and dilation.
TEST(RecogniseQuantised, OtherTransposedConvolutionsStay) {
  const auto literal = [](const Shape& weights, const Attributes& attributes) {
    GraphBuilder b;
    const ValueId x = Round(b, b.Input("x", {1, 4, 4, 6}), kX);
    const ValueId w = Weights<std::int8_t>(b, weights, {0.004f, 0});
    b.Output(Round(b, b.Op("ConvTranspose", {x, w}, attributes), kY), "y");
    return CountOps(Optimise(b.Take()).graph().ir()).count("ConvTranspose") == 1;
  };
  EXPECT_TRUE(literal({4, 3, 1, 1}, With("strides", Ints{2, 2})));
  EXPECT_TRUE(literal({4, 3, 4, 4}, With("strides", Ints{3, 3})));
  EXPECT_TRUE(literal({4, 3, 3, 3}, With("strides", Ints{2, 1})));
  EXPECT_TRUE(literal({4, 3, 3, 3}, With("dilations", Ints{2, 2})));
  EXPECT_TRUE(literal({4, 3, 3, 3}, With("group", std::int64_t{2})));
  EXPECT_TRUE(literal({4, 3, 3, 3}, With("output_shape", Ints{7, 9})));
  EXPECT_TRUE(literal({4, 3, 3, 3}, With("auto_pad", std::string("SAME_UPPER"))));
}

// ---- What moves codes, and functions of one.

void Moves(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {2, 6, 4, 4}), kX);
  ValueId y = b.Op("Pad", {x, b.Ints({0, 0, 1, 1, 0, 0, 1, 1})});
  y = b.Op("Transpose", {y}, With("perm", Ints{0, 2, 3, 1}));
  y = b.Op("Reshape", {y, b.Ints({2, 36, 6})});
  b.Output(Round(b, y, kX), "moved");
  const auto halves = b.Node("Split", {x, b.Ints({2, 4})}, 2, With("axis", std::int64_t{1}));
  b.Output(Round(b, halves[0], kX), "first");
  b.Output(Round(b, halves[1], {0.03f, 100}), "second");
  // Somebody reads values.
  b.Output(b.Op("Softmax", {b.Op("Reshape", {x, b.Ints({2, -1})})}, With("axis", std::int64_t{1})),
           "values");
}

TEST(RecogniseQuantised, WhatMovesValuesMovesCodes) {
  const OptimisedGraph optimised = Optimise(Make(Moves));
  const GraphIr& graph = optimised.graph().ir();
  EXPECT_EQ(CountOps(graph).at("QuantizeLinear"), 1);
  for (const Node& node : graph.nodes) {
    if (node.op == "Pad") {
      ASSERT_NE(graph.ConstantOf(node.input(2)), nullptr);
      EXPECT_EQ(graph.ConstantOf(node.input(2))->data<std::uint8_t>()[0], kX.zero);
    }
  }
  EXPECT_EQ(CountOps(graph).at("CodeTable"), 1);  // of the second half
  const auto codes = ValuesOf(Moves, {.use_cache = false});
  const auto written = ValuesOf(Moves, {.optimize = false, .use_cache = false});
  for (std::size_t k = 0; k < codes.size(); ++k) {
    EXPECT_LE(RelativeDifference(codes[k], written[k]), k == 3 ? 1e-6 : 0) << k;
  }
}

void Functions(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {1, 3, 5, 5}), kX);
  const Quantised to{0.01f, 40};
  b.Output(Round(b, b.Op("Sigmoid", {x}), to), "sigmoid");
  b.Output(Round(b, b.Op("Mul", {x, b.Op("Sigmoid", {x})}), to), "swish");
  b.Output(Round(b, b.Op("Clip", {x, b.Floats({}, {-0.3f}), b.Floats({}, {0.7f})}), kX), "clip");
  b.Output(
      Round(b, b.Op("Add", {b.Op("Mul", {x, b.Floats({1}, {0.5f})}), b.Floats({}, {0.2f})}), to),
      "scaled");
  b.Output(Round<std::int8_t>(b, x, {0.02f, -5}), "again");
}

TEST(RecogniseQuantised, FunctionsOfOneCodeAreTables) {
  EXPECT_EQ(OpsOf(Functions),
            (Counts{{"QuantizeLinear", 1}, {"CodeTable", 5}, {"DequantizeLinear", 5}}));
  const auto codes = ValuesOf(Functions, {.use_cache = false});
  const auto written = ValuesOf(Functions, {.optimize = false, .use_cache = false});
  for (std::size_t k = 0; k < codes.size(); ++k) {
    EXPECT_EQ(RelativeDifference(codes[k], written[k]), 0) << k;
  }
}

// ---- What stays.

template <typename Change>
void ExpectLiteral(Change change) {
  GraphBuilder b;
  change(b);
  const OptimisedGraph optimised = Optimise(b.Take());
  const Counts ops = CountOps(optimised.graph().ir());
  EXPECT_EQ(ops.count("QLinearConv"), 0U);
  EXPECT_EQ(ops.at("Conv"), 1);
}

ValueId PlainWeights(GraphBuilder& b) { return Weights<std::int8_t>(b, {2, 3, 1, 1}, {0.01f, 0}); }

TEST(RecogniseQuantised, ScalesOfNoUseStayAsTheyAreWritten) {
  for (const float scale : {0.0f, -0.01f, std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(), 1e-40f}) {
    ExpectLiteral([&](GraphBuilder& b) {
      const ValueId x = Round(b, b.Input("x", {1, 3, 4, 4}), {scale, 128});
      b.Output(Round(b, b.Op("Conv", {x, PlainWeights(b)}), kY), "y");
    });
    ExpectLiteral([&](GraphBuilder& b) {
      const ValueId x = Round(b, b.Input("x", {1, 3, 4, 4}), kX);
      b.Output(Round(b, b.Op("Conv", {x, PlainWeights(b)}), {scale, 128}), "y");
    });
  }
}

TEST(RecogniseQuantised, WhatIsNotQuantisedOnAllSidesStays) {
  // The input is a float.
  ExpectLiteral([](GraphBuilder& b) {
    b.Output(Round(b, b.Op("Conv", {b.Input("x", {1, 3, 4, 4}), PlainWeights(b)}), kY), "y");
  });
  // So is the output.
  ExpectLiteral([](GraphBuilder& b) {
    const ValueId x = Round(b, b.Input("x", {1, 3, 4, 4}), kX);
    b.Output(b.Op("Conv", {x, PlainWeights(b)}), "y");
  });
  // Somebody reads the sums.
  ExpectLiteral([](GraphBuilder& b) {
    const ValueId x = Round(b, b.Input("x", {1, 3, 4, 4}), kX);
    const ValueId y = b.Op("Conv", {x, PlainWeights(b)});
    b.Output(y, "sums");
    b.Output(Round(b, y, kY), "y");
  });
  // Weights that are computed, or quantised along another axis.
  ExpectLiteral([](GraphBuilder& b) {
    const ValueId x = Round(b, b.Input("x", {1, 3, 4, 4}), kX);
    const ValueId w = Round(b, b.Input("w", {2, 3, 1, 1}), {0.01f, 128});
    b.Output(Round(b, b.Op("Conv", {x, w}), kY), "y");
  });
  ExpectLiteral([](GraphBuilder& b) {
    const ValueId x = Round(b, b.Input("x", {1, 3, 4, 4}), kX);
    b.Output(Round(b, b.Op("Conv", {x, ChannelWeights(b, {2, 3, 1, 1}, 1)}), kY), "y");
  });
  // An activation that is no clamp, behind sums.
  ExpectLiteral([](GraphBuilder& b) {
    const ValueId x = Round(b, b.Input("x", {1, 3, 4, 4}), kX);
    b.Output(Round(b, b.Op("Tanh", {b.Op("Conv", {x, PlainWeights(b)})}), {0.01f, 128}), "y");
  });
}

void ReadTwice(GraphBuilder& b) {
  const ValueId x = Round(b, b.Input("x", {1, 3, 4, 4}), kX);
  const ValueId left = Round(b, b.Op("Conv", {x, PlainWeights(b)}), kY);
  const ValueId right =
      Round(b, b.Op("Conv", {x, Weights<std::int8_t>(b, {2, 3, 1, 1}, {0.01f, 0}, 8)}), kY);
  b.Output(Round(b, b.Op("Add", {left, right}), kY), "y");
  b.Output(b.Op("ReduceMax", {x}), "largest");
}

TEST(RecogniseQuantised, SeveralMayReadOneValue) {
  EXPECT_EQ(OpsOf(ReadTwice).at("QLinearConv"), 2);
  ExpectAsWritten(ReadTwice, kY.scale, 2);
}

TEST(RecogniseQuantised, Int8NeedsAModelThatIsQuantised) {
  GraphBuilder b;
  b.Output(b.Op("Relu", {b.Input("x", {1, 3})}), "y");
  try {
    Optimise(b.Take(), {.precision = Precision::kInt8});
    FAIL() << "nothing is thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    EXPECT_NE(std::string(error.what()).find("nothing of the model is quantised"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace kinglet::recognise_quantised_test
