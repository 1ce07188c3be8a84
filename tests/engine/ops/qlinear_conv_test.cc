// QLinearConv in networks, where kernels on blocks of codes serve, against the plain loop.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "kernels/conv/conv.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/quantized_op.h"

namespace kinglet::qlinear_conv_test {
namespace {

using testing::GraphBuilder;
using testing::RandomBytes;
using testing::Single;

struct Layer {
  std::int64_t in, out, size, stride, group;
  bool signed_weights;  // with one scale, else uint8 with zero points and scales of each channel
  Fusion fusion{};
};

const std::vector<Layer>& Layers() {
  static const std::vector<Layer> layers = {
      {3, 40, 3, 2, 1, false, {.activation = Activation::kRelu}},
      {40, 40, 3, 1, 40, false, {.activation = Activation::kClip, .alpha = 0, .beta = 2.5f}},
      {40, 70, 1, 1, 1, true},
      {70, 70, 5, 2, 70, true},
      {70, 130, 3, 1, 1, false, {.activation = Activation::kRelu}},
      {130, 26, 1, 2, 2, true},
      {26, 20, 3, 1, 1, true}};
  return layers;
}

Attributes AttributesOf(const Layer& layer) {
  Attributes attributes;
  attributes.Set("pads", std::vector<std::int64_t>(4, layer.size / 2));
  attributes.Set("strides", std::vector<std::int64_t>(2, layer.stride));
  attributes.Set("group", layer.group);
  return attributes;
}

// All inputs but the first.
std::vector<Tensor> ConstantsOf(const Layer& layer, unsigned seed) {
  const Shape shape = {layer.out, layer.in / layer.group, layer.size, layer.size};
  const auto depth = static_cast<float>(ElementCount(shape) / layer.out);
  const Tensor x_scale = Single(0.02f);
  const Tensor x_zero = Single<std::uint8_t>(static_cast<std::uint8_t>(seed * 37));
  Tensor bias(DataType::kInt32, {layer.out});
  for (std::int64_t c = 0; c < layer.out; ++c) {
    bias.data<std::int32_t>()[c] = static_cast<std::int32_t>(c * 997 % 4001) - 2000;
  }
  Tensor scales(DataType::kFloat32, {layer.signed_weights ? 1 : layer.out});
  for (std::int64_t c = 0; c < scales.size(); ++c) {
    scales.data<float>()[c] = (0.2f + 0.01f * static_cast<float>(c % 7)) / depth;
  }
  const Tensor zeros = layer.signed_weights ? Single<std::int8_t>(0)
                                            : RandomBytes<std::uint8_t>({layer.out}, seed + 100);
  const Tensor weights = layer.signed_weights ? RandomBytes<std::int8_t>(shape, seed)
                                              : RandomBytes<std::uint8_t>(shape, seed);
  return {x_scale, x_zero, weights, scales, zeros, Single(0.05f), Single<std::uint8_t>(99), bias};
}

Graph Network() {
  GraphBuilder b;
  ValueId x = b.Input("x", {-1, 3, 31, 29}, DataType::kUInt8);
  unsigned seed = 1;
  for (const Layer& layer : Layers()) {
    std::vector<ValueId> inputs = {x};
    for (const Tensor& tensor : ConstantsOf(layer, seed++)) inputs.push_back(b.Constant(tensor));
    x = b.Op("QLinearConv", inputs, AttributesOf(layer));
    b.ir().nodes.back().fusion = layer.fusion;
  }
  b.Output(x, "y");
  return b.Take();
}

// By the plain loop: what stands alone is known, and not blocked.
Tensor Wanted(Tensor x) {
  unsigned seed = 1;
  for (const Layer& layer : Layers()) {
    std::vector<Tensor> inputs = {x};
    for (const Tensor& tensor : ConstantsOf(layer, seed++)) inputs.push_back(tensor);
    Node node = testing::MakeNode("QLinearConv", inputs.size(), AttributesOf(layer), 13);
    node.fusion = layer.fusion;
    std::vector<const Tensor*> pointers;
    for (const Tensor& input : inputs) pointers.push_back(&input);
    x = EvaluateNode(node, pointers)[0];
  }
  return x;
}

TEST(QLinearConv, NetworksGiveTheSameCodesOnEveryPath) {
  const Model model = Model::Compile(Network(), {.use_cache = false});
  for (const std::int64_t batch : {1, 3, 8}) {
    const Tensor x = RandomBytes<std::uint8_t>({batch, 3, 31, 29}, 5);
    const Tensor wanted = Wanted(x);
    const auto [low, high] = std::minmax_element(wanted.data<std::uint8_t>(),
                                                 wanted.data<std::uint8_t>() + wanted.size());
    ASSERT_GT(*high - *low, 20) << "codes that say something";
    for (const int threads : {1, 2, 3, 4}) {
      Session session = model.NewSession({.threads = threads, .share_cores = false});
      EXPECT_TRUE(testing::SameTensor(wanted, session.Run({{"x", x}}).at("y")))
          << "batch " << batch << ", " << threads << " threads";
    }
  }
}

TEST(QLinearConv, NetworksTakeTheKernelsForCodes) {
  const Model model = Model::Compile(Network(), {.use_cache = false});
  std::set<std::string> kernels;
  for (const StepInfo& step : model.Describe({{"x", {1, 3, 31, 29}}}, 1).steps) {
    if (step.op == "QLinearConv") kernels.insert(step.kernel.substr(0, step.kernel.find("_u8")));
  }
  EXPECT_EQ(kernels.count("conv/qlinear"), 0u);
  EXPECT_EQ(kernels.count("conv/depthwise"), 1u);
  EXPECT_GE(kernels.size(), 3u);
}

// Every rank of candidates gives the same codes: what a tuner finds changes no answer.
TEST(QLinearConv, TuningChangesNoCode) {
  Model model = Model::Compile(Network(), {.threads = 2, .use_cache = false});
  const Tensor x = RandomBytes<std::uint8_t>({2, 3, 31, 29}, 6);
  const Tensor before = model.NewSession().Run({{"x", x}}).at("y");
  model.Tune({{"x", {2, 3, 31, 29}}}, {});
  EXPECT_TRUE(testing::SameTensor(before, model.NewSession().Run({{"x", x}}).at("y")));
}

// Two convolutions, whose result is added to their input.
constexpr std::int64_t kChannels = 70;
const Layer kReduce = {kChannels, 40, 3, 1, 1, true};
const Layer kExpand = {40, kChannels, 1, 1, 1, false, {.activation = Activation::kRelu}};

std::vector<Tensor> SumConstants() {
  return {Single(0.031f),           Single<std::uint8_t>(13), Single(0.05f),
          Single<std::uint8_t>(99), Single(0.043f),           Single<std::uint8_t>(60)};
}

std::vector<Tensor> SumInputs(const Tensor& a, const Tensor& b) {
  const std::vector<Tensor> c = SumConstants();
  return {a, c[0], c[1], b, c[2], c[3], c[4], c[5]};
}

Graph SumNetwork(bool conv_first) {
  GraphBuilder b;
  const auto conv = [&](const Layer& layer, ValueId x, unsigned seed) {
    std::vector<ValueId> inputs = {x};
    for (const Tensor& tensor : ConstantsOf(layer, seed)) inputs.push_back(b.Constant(tensor));
    const ValueId made = b.Op("QLinearConv", inputs, AttributesOf(layer));
    b.ir().nodes.back().fusion = layer.fusion;
    return made;
  };
  const ValueId x = b.Input("x", {-1, kChannels, 31, 29}, DataType::kUInt8);
  const ValueId y = conv(kExpand, conv(kReduce, x, 1), 2);
  std::vector<ValueId> c;
  for (const Tensor& tensor : SumConstants()) c.push_back(b.Constant(tensor));
  const ValueId first = conv_first ? y : x, second = conv_first ? x : y;
  const ValueId sum = b.Op("QLinearAdd", {first, c[0], c[1], second, c[2], c[3], c[4], c[5]});
  b.ir().nodes.back().domain = "com.microsoft";
  b.ir().nodes.back().opset = 1;
  b.Output(sum, "y");
  return b.Take();
}

Tensor WantedSum(const Tensor& x, bool conv_first) {
  Tensor y = x;
  unsigned seed = 1;
  for (const Layer& layer : {kReduce, kExpand}) {
    std::vector<Tensor> inputs = {y};
    for (const Tensor& tensor : ConstantsOf(layer, seed++)) inputs.push_back(tensor);
    Node node = testing::MakeNode("QLinearConv", inputs.size(), AttributesOf(layer), 13);
    node.fusion = layer.fusion;
    std::vector<const Tensor*> pointers;
    for (const Tensor& input : inputs) pointers.push_back(&input);
    y = EvaluateNode(node, pointers)[0];
  }
  return testing::RunMicrosoft("QLinearAdd", conv_first ? SumInputs(y, x) : SumInputs(x, y));
}

// The sum behind a convolution is a part of its step, and gives the codes that it has by itself.
TEST(QLinearConv, SumsOfBranchesArePartOfTheStep) {
  for (const bool conv_first : {false, true}) {
    const Model model = Model::Compile(SumNetwork(conv_first), {.use_cache = false});
    int joined = 0, apart = 0;
    bool follows = true;
    for (const StepInfo& step : model.Describe({{"x", {1, kChannels, 31, 29}}}, 1).steps) {
      joined += step.op == "QLinearConv+QLinearAdd" ? 1 : 0;
      apart += step.op == "QLinearAdd" ? 1 : 0;
      const kernels::ConvVariant* variant = kernels::FindConvVariant(step.kernel);
      if (variant != nullptr) follows = variant->follows;
    }
    // Matrix tiles and Winograd's transforms leave the sum to a step of its own.
    EXPECT_EQ(joined + apart, 1);
    EXPECT_EQ(joined, follows ? 1 : 0);
    for (const std::int64_t batch : {1, 3}) {
      const Tensor x = RandomBytes<std::uint8_t>({batch, kChannels, 31, 29}, 5);
      const Tensor wanted = WantedSum(x, conv_first);
      for (const int threads : {1, 2, 3}) {
        Session session = model.NewSession({.threads = threads, .share_cores = false});
        EXPECT_TRUE(testing::SameTensor(wanted, session.Run({{"x", x}}).at("y")))
            << "batch " << batch << ", " << threads << " threads, conv first: " << conv_first;
      }
    }
  }
}

// Where something is not known before running, the plain loop serves.
TEST(QLinearConv, ScalesMayBeInputs) {
  const Layer layer = Layers()[2];
  const std::vector<Tensor> constants = ConstantsOf(layer, 3);
  GraphBuilder b;
  std::vector<ValueId> inputs = {b.Input("x", {1, 40, 6, 6}, DataType::kUInt8),
                                 b.Input("scale", {})};
  for (std::size_t i = 1; i < constants.size(); ++i) inputs.push_back(b.Constant(constants[i]));
  b.Output(b.Op("QLinearConv", inputs, AttributesOf(layer)), "y");
  const Model model = Model::Compile(b.Take(), {.use_cache = false});
  const Tensor x = RandomBytes<std::uint8_t>({1, 40, 6, 6}, 8);
  std::vector<Tensor> all = {x};
  all.insert(all.end(), constants.begin(), constants.end());
  const Tensor wanted = testing::RunNode("", "QLinearConv", all, AttributesOf(layer), 13)[0];
  Session session = model.NewSession();
  EXPECT_TRUE(
      testing::SameTensor(wanted, session.Run({{"x", x}, {"scale", constants[0]}}).at("y")));
}

}  // namespace
}  // namespace kinglet::qlinear_conv_test
