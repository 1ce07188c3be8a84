// Pools of codes in networks, where neighbours store blocks, against the plain loops.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/quantized_op.h"

namespace kinglet::qlinear_pool_test {
namespace {

using testing::GraphBuilder;
using testing::RandomBytes;
using testing::Single;

struct Layer {
  std::string op;
  std::vector<Tensor> constants;  // all inputs but the first
  Attributes attributes;
};

bool IsContrib(const Layer& layer) {
  return layer.op.starts_with("QLinear") && layer.op != "QLinearConv";
}

Layer Conv(std::int64_t in, std::int64_t out, unsigned seed) {
  return {"QLinearConv",
          {Single(0.02f), Single<std::uint8_t>(120),
           RandomBytes<std::int8_t>({out, in, 1, 1}, seed), Single(0.3f / static_cast<float>(in)),
           Single<std::int8_t>(0), Single(0.05f), Single<std::uint8_t>(99)},
          {}};
}

std::vector<Tensor> Scales() {
  return {Single(0.05f), Single<std::uint8_t>(99), Single(0.02f), Single<std::uint8_t>(120)};
}

Attributes WindowOf(std::int64_t kernel, std::int64_t stride) {
  Attributes attributes;
  attributes.Set("kernel_shape", std::vector<std::int64_t>(2, kernel));
  attributes.Set("strides", std::vector<std::int64_t>(2, stride));
  attributes.Set("pads", std::vector<std::int64_t>(4, kernel / 2));
  return attributes;
}

std::vector<Layer> LayersOf(std::int64_t channels) {
  Attributes padded = WindowOf(3, 1);
  padded.Set("count_include_pad", std::int64_t{1});
  return {Conv(70, channels, 1),
          {"MaxPool", {}, WindowOf(3, 2)},
          {"QLinearAveragePool", Scales(), WindowOf(2, 1)},
          {"QLinearAveragePool", Scales(), padded},
          Conv(channels, channels, 2),
          {"QLinearGlobalAveragePool", Scales(), {}},
          Conv(channels, 20, 3)};
}

Graph Network(const std::vector<Layer>& layers) {
  GraphBuilder b;
  ValueId x = b.Input("x", {-1, 70, 13, 11}, DataType::kUInt8);
  for (const Layer& layer : layers) {
    std::vector<ValueId> inputs = {x};
    for (const Tensor& tensor : layer.constants) inputs.push_back(b.Constant(tensor));
    x = b.Op(layer.op, inputs, layer.attributes);
    if (IsContrib(layer)) {
      b.ir().nodes.back().domain = testing::kMicrosoft;
      b.ir().nodes.back().opset = 1;
    }
  }
  b.Output(x, "y");
  return b.Take();
}

// By the plain loops: what stands alone is known, and not blocked.
Tensor Wanted(const std::vector<Layer>& layers, Tensor x) {
  for (const Layer& layer : layers) {
    std::vector<Tensor> inputs = {x};
    inputs.insert(inputs.end(), layer.constants.begin(), layer.constants.end());
    const bool contrib = IsContrib(layer);
    x = testing::RunNode(contrib ? testing::kMicrosoft : "", layer.op, inputs, layer.attributes,
                         contrib ? 1 : 13)[0];
  }
  return x;
}

TEST(QLinearPool, NetworksGiveTheSameCodesOnEveryPath) {
  for (const std::int64_t channels : {5, 64, 130}) {
    const std::vector<Layer> layers = LayersOf(channels);
    const Model model = Model::Compile(Network(layers), {.use_cache = false});
    for (const std::int64_t batch : {1, 3}) {
      const Tensor x = RandomBytes<std::uint8_t>({batch, 70, 13, 11}, 5);
      const Tensor wanted = Wanted(layers, x);
      for (const int threads : {1, 2, 3}) {
        Session session = model.NewSession({.threads = threads, .share_cores = false});
        EXPECT_TRUE(testing::SameTensor(wanted, session.Run({{"x", x}}).at("y")))
            << channels << " channels, batch " << batch << ", " << threads << " threads";
      }
    }
  }
}

TEST(QLinearPool, NetworksPoolBlocks) {
  const Model model = Model::Compile(Network(LayersOf(130)), {.use_cache = false});
  std::vector<std::string> pools;
  for (const StepInfo& step : model.Describe({{"x", {1, 70, 13, 11}}}, 1).steps) {
    if (step.op.ends_with("Pool")) pools.push_back(step.kernel);
  }
  EXPECT_EQ(pools, (std::vector<std::string>{"pool/max_u8", "pool/qlinear_average_u8",
                                             "pool/qlinear_average_u8",
                                             "pool/qlinear_global_average_u8"}));
}

}  // namespace
}  // namespace kinglet::qlinear_pool_test
