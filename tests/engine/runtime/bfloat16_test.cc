// Networks whose values between convolutions are stored as bfloat16, against float32: which steps
// they take, and how far the answers are apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/made_up_cpu.h"
#include "tests/support/made_up_tiles.h"

namespace kinglet::bfloat16_test {
namespace {

using kernels::TileMode;
using ::testing::Contains;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::MadeUpTiles;
using ::testing::Not;
using testing::RandomTensor;

class Net {
 public:
  explicit Net(Shape input) { last_ = builder_.Input("x", std::move(input)); }

  GraphBuilder& builder() { return builder_; }
  ValueId last() const { return last_; }

  ValueId Conv(ValueId from, std::int64_t ic, std::int64_t oc, int kernel, int stride = 1,
               std::int64_t groups = 1) {
    Tensor weights = RandomTensor({oc, ic / groups, kernel, kernel}, ++seed_);
    const auto depth = static_cast<float>(ic / groups * kernel * kernel);
    for (std::int64_t i = 0; i < weights.size(); ++i) {
      weights.data<float>()[i] *= std::sqrt(3.0f / depth);
    }
    Attributes attributes;
    const std::int64_t pad = kernel / 2;
    attributes.Set("pads", std::vector<std::int64_t>{pad, pad, pad, pad});
    attributes.Set("strides", std::vector<std::int64_t>{stride, stride});
    attributes.Set("group", groups);
    return last_ = builder_.Op("Conv",
                               {from, builder_.Constant(std::move(weights)),
                                builder_.Constant(RandomTensor({oc}, ++seed_))},
                               std::move(attributes));
  }
  ValueId Op(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return last_ = builder_.Op(op, std::move(inputs), std::move(attributes));
  }
  Graph Take() {
    builder_.Output(last_, "y");
    return builder_.Take();
  }

 private:
  GraphBuilder builder_;
  ValueId last_;
  std::uint32_t seed_ = 0;
};

Attributes Windows(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  Attributes attributes;
  attributes.Set("kernel_shape", std::vector<std::int64_t>{kernel, kernel});
  attributes.Set("strides", std::vector<std::int64_t>{stride, stride});
  attributes.Set("pads", std::vector<std::int64_t>{pad, pad, pad, pad});
  return attributes;
}

Attributes Axis(std::int64_t axis) {
  Attributes attributes;
  attributes.Set("axis", axis);
  return attributes;
}

std::vector<std::string> KernelsOf(const Model& model, const Shape& input, int threads = 1) {
  std::vector<std::string> kernels;
  for (const StepInfo& step : model.Describe({{"x", input}}, threads).steps) {
    kernels.push_back(step.kernel);
  }
  return kernels;
}

Tensor Run(const Model& model, const Tensor& input, int threads) {
  Session session = model.NewSession({.threads = threads});
  return session.Run({{"x", input}}).at("y");
}

kernels::Cpu WithoutPairs() {
  kernels::Cpu cpu = kernels::ActiveCpu();
  cpu.features = cpu.features - kernels::CpuFeatures{kernels::CpuFeature::kAvx512Bf16};
  return cpu;
}

// `make` builds the network; the answers of both precisions differ by at most `tolerance` of the
// largest one, on one and several threads and for batches, with tiles, with what else the CPU has,
// and without either: the kernels of that are returned.
template <typename Make>
std::vector<std::string> Check(Make&& make, const Shape& input, double tolerance = 0.02) {
  CompileOptions options;
  options.use_cache = false;
  const Model exact = Model::Compile(make().Take(), options);
  options.precision = Precision::kBFloat16;
  std::vector<std::string> kernels;
  const kernels::Cpu own = kernels::ActiveCpu();
  for (const auto& [mode, cpu] : {std::pair{TileMode::kEmulated, own},
                                  {TileMode::kOff, own},
                                  {TileMode::kOff, WithoutPairs()}}) {
    const MadeUpTiles tiles(mode);
    const testing::MadeUpCpu made_up(cpu);
    const Model model = Model::Compile(make().Take(), options);
    for (const std::int64_t batch : {1, 3}) {
      Shape shape = input;
      shape[0] = batch;
      const Tensor x = RandomTensor(shape, 99);
      const Tensor want = Run(exact, x, 1);
      for (const int threads : {1, 2}) {
        const Tensor got = Run(model, x, threads);
        EXPECT_LT(testing::RelativeDifference(got, want), tolerance)
            << "batch " << batch << ", threads " << threads;
      }
    }
    kernels = KernelsOf(model, input);
  }
  return kernels;
}

TEST(BFloat16, ResidualNetwork) {
  const auto make = [] {
    Net net({-1, 3, 20, 20});
    ValueId x = net.Conv(net.last(), 3, 40, 3, 2);
    x = net.Op("Relu", {x});
    ValueId y = net.Conv(x, 40, 70, 1);
    y = net.Op("Relu", {y});
    y = net.Conv(y, 70, 40, 3);
    x = net.Op("Relu", {net.Op("Add", {y, x})});
    x = net.Op("MaxPool", {x}, Windows(3, 2, 1));
    net.Conv(x, 40, 10, 1);
    net.Op("GlobalAveragePool", {net.last()});
    return net;
  };
  const auto kernels = Check(make, {1, 3, 20, 20});
  EXPECT_THAT(kernels, Contains("conv/direct_bf16"));
  EXPECT_THAT(kernels, Contains("conv/first_f32_bf16"));
  EXPECT_THAT(kernels, Contains("conv/direct_bf16_f32"));
  EXPECT_THAT(kernels, Contains("pool/max_bf16"));
  EXPECT_THAT(kernels, Contains("pool/global_average_f32"));
  EXPECT_THAT(kernels, Not(Contains(HasSubstr("layout/blocked_"))));
  EXPECT_THAT(kernels, Not(Contains(HasSubstr("layout/to_"))));
}

TEST(BFloat16, DepthwiseAndSqueezeAndExcitation) {
  const auto make = [] {
    Net net({-1, 3, 24, 24});
    ValueId x = net.Op("HardSwish", {net.Conv(net.last(), 3, 48, 3, 2)});
    x = net.Op("HardSwish", {net.Conv(x, 48, 48, 5, 1, 48)});
    ValueId s = net.Op("GlobalAveragePool", {x});
    s = net.Op("Relu", {net.Conv(s, 48, 12, 1)});
    s = net.Op("HardSigmoid", {net.Conv(s, 12, 48, 1)});
    x = net.Op("Mul", {x, s});
    x = net.Op("HardSwish", {net.Conv(x, 48, 64, 1)});
    net.Op("Flatten", {net.Op("GlobalAveragePool", {x})});
    const ValueId w = net.builder().Constant(RandomTensor({64, 7}, 55));
    net.Op("Gemm", {net.last(), w});
    net.Op("Softmax", {net.last()});
    return net;
  };
  const auto kernels = Check(make, {1, 3, 24, 24});
  EXPECT_THAT(kernels, Contains("conv/depthwise_bf16"));
  EXPECT_THAT(kernels, Contains("eltwise/mul_bfloat16"));
  EXPECT_THAT(kernels, Contains("pool/global_average_bf16"));
}

TEST(BFloat16, DenseLayersAreConvolutionsOfOnePixel) {
  const auto make = [] {
    Net net({-1, 3, 12, 12});
    net.Op("Relu", {net.Conv(net.last(), 3, 40, 3, 2)});
    net.Op("Flatten", {net.Op("MaxPool", {net.last()}, Windows(2, 2, 0))});
    GraphBuilder& b = net.builder();
    Tensor first = RandomTensor({70, 360}, 31);
    for (std::int64_t i = 0; i < first.size(); ++i) first.data<float>()[i] *= 0.1f;
    Attributes transposed;
    transposed.Set("transB", std::int64_t{1});
    net.Op("Relu", {net.Op("Gemm", {net.last(), b.Constant(first), b.Constant(RandomTensor({70}))},
                           transposed)});
    net.Op("Gemm", {net.last(), b.Constant(RandomTensor({70, 9}, 32))});
    return net;
  };
  const auto kernels = Check(make, {1, 3, 12, 12});
  EXPECT_EQ(std::count(kernels.begin(), kernels.end(), "conv/direct_bf16_f32"), 2);
  EXPECT_THAT(kernels, Not(Contains(HasSubstr("gemm/"))));
}

TEST(BFloat16, ConcatInPlaceAndNot) {
  for (const std::int64_t odd : {32, 20}) {
    const auto make = [odd] {
      Net net({-1, 3, 17, 17});
      const ValueId x = net.Op("Relu", {net.Conv(net.last(), 3, 64, 3)});
      const ValueId a = net.Op("Relu", {net.Conv(x, 64, odd, 1)});
      const ValueId b = net.Op("Relu", {net.Conv(x, 64, 64, 3)});
      const ValueId c = net.Op("AveragePool", {x}, Windows(3, 1, 1));
      const ValueId all = net.Op("Concat", {a, b, c}, Axis(1));
      net.Conv(all, odd + 128, 24, 1);
      net.Op("Sigmoid", {net.last()});
      return net;
    };
    const auto kernels = Check(make, {1, 3, 17, 17});
    EXPECT_THAT(kernels, Contains("pool/average_bf16"));
    if (odd % 32 == 0) {
      EXPECT_THAT(kernels, Not(Contains("layout/concat_channels_bf16")));
    } else {
      EXPECT_THAT(kernels, Contains("layout/concat_channels_bf16"));
    }
  }
}

TEST(BFloat16, UpsamplingAndUnsupportedOperatorsBetween) {
  const auto make = [] {
    Net net({-1, 3, 12, 12});
    ValueId x = net.Op("Relu", {net.Conv(net.last(), 3, 33, 3)});
    x = net.Conv(x, 33, 33, 3, 2);
    const ValueId scales = net.builder().Floats({4}, {1, 1, 2, 2});
    Attributes nearest;
    nearest.Set("mode", std::string("nearest"));
    nearest.Set("coordinate_transformation_mode", std::string("asymmetric"));
    x = net.Op("Resize", {x, kNoValue, scales}, std::move(nearest));
    x = net.Op("Relu", {net.Conv(x, 33, 40, 3)});
    x = net.Op("Softplus", {x});  // float32
    x = net.Conv(x, 40, 40, 3);
    x = net.Op("Sigmoid", {net.Conv(x, 40, 36, 1)});
    net.Conv(x, 36, 5, 3);
    return net;
  };
  const auto kernels = Check(make, {1, 3, 12, 12});
  EXPECT_THAT(kernels, Contains("resize/nearest_blocked_bf16"));
  EXPECT_THAT(kernels, Contains("eltwise/softplus_f32"));
}

TEST(BFloat16, NothingToDoIsSaid) {
  Net net({1, 3, 8, 8});
  net.Conv(net.last(), 3, 8, 3);
  CompileOptions options;
  options.use_cache = false;
  options.precision = Precision::kBFloat16;
  const Model model = Model::Compile(net.Take(), options);
  EXPECT_THAT(model.notes(), Contains(HasSubstr("nothing is stored as bfloat16")));
}

}  // namespace
}  // namespace kinglet::bfloat16_test
