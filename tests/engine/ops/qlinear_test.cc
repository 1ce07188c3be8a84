#include <gmock/gmock.h>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/index.h"
#include "tests/support/quantized_op.h"

namespace kinglet::qlinear_test {
namespace {

using testing::Catch;
using ::testing::HasSubstr;
using testing::kMicrosoft;
using testing::NearestOf;
using testing::RandomBytes;
using testing::RandomFloats;
using testing::RunMicrosoft;
using testing::RunNode;
using testing::SameTensor;
using testing::Single;

Attributes With(const char* name, std::int64_t value) {
  Attributes attributes;
  attributes.Set(name, value);
  return attributes;
}

template <typename T>
Tensor Dequantized(const Tensor& q, float scale, T zero) {
  Tensor x(DataType::kFloat64, q.shape());
  for (std::int64_t i = 0; i < q.size(); ++i) {
    x.data<double>()[i] = (static_cast<double>(q.data<T>()[i]) - static_cast<double>(zero)) * scale;
  }
  return x;
}

// At most one step apart, and equal where the exact value is not near the middle of two.
template <typename T>
void ExpectQuantized(const Tensor& found, const Tensor& exact, double scale, T zero) {
  ASSERT_EQ(found.shape(), exact.shape());
  ASSERT_EQ(found.type(), DataTypeOf<T>::value);
  for (std::int64_t i = 0; i < exact.size(); ++i) {
    const double steps = exact.data<double>()[i] / scale;
    const auto expected = NearestOf<T>(std::nearbyint(steps) + static_cast<double>(zero));
    const double to_middle = std::abs(steps - std::floor(steps) - 0.5);
    const int slack = to_middle < 1e-4 ? 1 : 0;
    ASSERT_LE(std::abs(found.data<T>()[i] - expected), slack) << "at " << i << ": " << steps;
  }
}

template <typename T>
void ExpectBinary() {
  constexpr auto kA = static_cast<T>(13);
  constexpr auto kB = static_cast<T>(101);
  constexpr auto kC = static_cast<T>(60);
  for (const auto& [left, right] :
       std::vector<std::pair<Shape, Shape>>{{{2, 3, 4, 5}, {2, 3, 4, 5}},
                                            {{2, 3, 4, 5}, {3, 1, 1}},
                                            {{4, 5}, {}},
                                            {{}, {4, 5}},
                                            {{2, 1, 5}, {3, 1}},
                                            {{20000}, {20000}},
                                            {{0, 3}, {3}}}) {
    const Tensor a = RandomBytes<T>(left, 1);
    const Tensor b = RandomBytes<T>(right, 2);
    const std::vector<Tensor> inputs = {a,
                                        Single(0.031f),
                                        Single<T>(kA),
                                        b,
                                        Single(0.017f),
                                        Single<T>(kB),
                                        Single(0.043f),
                                        Single<T>(kC)};
    const std::vector<Tensor> wide = {Dequantized<T>(a, 0.031f, kA), Dequantized<T>(b, 0.017f, kB)};
    const double c_scale = 0.043f;
    ExpectQuantized<T>(RunMicrosoft("QLinearAdd", inputs), EvaluateOp("Add", wide)[0], c_scale, kC);
    ExpectQuantized<T>(RunMicrosoft("QLinearMul", inputs), EvaluateOp("Mul", wide)[0], c_scale, kC);
  }
}

TEST(QLinearBinary, EveryTypeAndBroadcast) {
  ExpectBinary<std::uint8_t>();
  ExpectBinary<std::int8_t>();
}

TEST(QLinearBinary, HalvesGoToEvenWithTheZeroPoint) {
  const auto run = [](const char* op, std::uint8_t zero) {
    return RunMicrosoft(
        op, {Tensor::From<std::uint8_t>({4}, {1, 3, 5, 7}), Single(1.0f), Single<std::uint8_t>(0),
             Tensor::From<std::uint8_t>({1}, {1}), Single(1.0f), Single<std::uint8_t>(1),
             Single(2.0f), Single<std::uint8_t>(zero)});
  };
  // b is 0.
  EXPECT_TRUE(SameTensor(Tensor::From<std::uint8_t>({4}, {0, 2, 2, 4}), run("QLinearAdd", 0)));
  EXPECT_TRUE(SameTensor(Tensor::From<std::uint8_t>({4}, {2, 2, 4, 4}), run("QLinearAdd", 1)));
  EXPECT_TRUE(SameTensor(Tensor::From<std::uint8_t>({4}, {9, 9, 9, 9}), run("QLinearMul", 9)));
}

TEST(QLinearBinary, ZeroPointsMayBeAbsent) {
  const Tensor a = RandomBytes<std::int8_t>({9}, 1);
  const Tensor zero = Single<std::int8_t>(0);
  const Tensor scale = Single(0.5f);
  for (const char* op : {"QLinearAdd", "QLinearMul"}) {
    EXPECT_TRUE(SameTensor(RunMicrosoft(op, {a, scale, zero, a, scale, zero, scale, zero}),
                           RunMicrosoft(op, {a, scale, Tensor(), a, scale, Tensor(), scale})));
  }
}

template <typename T>
void ExpectTables(T x_zero, T y_zero) {
  Tensor x(DataTypeOf<T>::value, {256});  // every value
  for (std::int64_t i = 0; i < 256; ++i) {
    x.data<T>()[i] = static_cast<T>(static_cast<std::uint8_t>(i));
  }
  const Tensor wide = Dequantized<T>(x, 0.05f, x_zero);
  const std::vector<Tensor> inputs = {x, Single(0.05f), Single<T>(x_zero), Single(0.004f),
                                      Single<T>(y_zero)};
  ExpectQuantized<T>(RunMicrosoft("QLinearSigmoid", inputs), EvaluateOp("Sigmoid", {wide})[0],
                     0.004f, y_zero);
  for (const float alpha : {0.01f, 0.3f}) {
    Attributes attributes;
    attributes.Set("alpha", alpha);
    ExpectQuantized<T>(
        RunMicrosoft("QLinearLeakyRelu", inputs, alpha == 0.01f ? Attributes() : attributes),
        EvaluateOp("LeakyRelu", {wide}, attributes)[0], 0.004f, y_zero);
  }
}

TEST(QLinearTables, EveryValueOfEveryType) {
  ExpectTables<std::uint8_t>(128, 0);
  ExpectTables<std::int8_t>(3, -128);
}

TEST(QLinearConcat, PartsAreBroughtToOneScale) {
  for (const std::int64_t axis : {0, 1, -1}) {
    const auto at = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
    std::vector<Tensor> inputs = {Single(0.5f), Single<std::uint8_t>(10)};
    std::vector<Tensor> wide;
    for (const std::int64_t size : {2, 3, 0, 1}) {
      Shape shape{2, 3, 4};
      shape[at] = size;
      const Tensor x = RandomBytes<std::uint8_t>(shape, static_cast<unsigned>(size));
      const float scale = 0.1f + 0.2f * static_cast<float>(size);
      const auto zero = static_cast<std::uint8_t>(7 * size);
      inputs.insert(inputs.end(), {x, Single(scale), Single(zero)});
      wide.push_back(Dequantized<std::uint8_t>(x, scale, zero));
    }
    const Tensor exact = EvaluateOp("Concat", wide, With("axis", axis))[0];
    ExpectQuantized<std::uint8_t>(RunMicrosoft("QLinearConcat", inputs, With("axis", axis)), exact,
                                  0.5, 10);
  }
}

template <typename T>
Tensor ChannelsLast(const Tensor& x) {
  std::vector<std::int64_t> perm{0};
  for (std::size_t k = 2; k < x.shape().size(); ++k) perm.push_back(static_cast<std::int64_t>(k));
  perm.push_back(1);
  Attributes attributes;
  attributes.Set("perm", perm);
  return EvaluateOp("Transpose", {x}, attributes)[0];
}

template <typename T>
void ExpectGlobal(T x_zero, T y_zero) {
  for (const Shape& shape :
       {Shape{2, 3, 4, 5}, Shape{1, 70, 7, 7}, Shape{2, 3, 9}, Shape{0, 3, 2}}) {
    const Tensor x = RandomBytes<T>(shape, 1);
    const auto inputs = [&](const Tensor& data) {
      return std::vector<Tensor>{data, Single(0.5f), Single<T>(x_zero), Single(0.13f),
                                 Single<T>(y_zero)};
    };
    const Tensor exact = EvaluateOp("GlobalAveragePool", {Dequantized<T>(x, 0.5f, x_zero)})[0];
    const Tensor found = RunMicrosoft("QLinearGlobalAveragePool", inputs(x));
    ExpectQuantized<T>(found, exact, 0.13f, y_zero);
    EXPECT_TRUE(SameTensor(ChannelsLast<T>(found),
                           RunMicrosoft("QLinearGlobalAveragePool", inputs(ChannelsLast<T>(x)),
                                        With("channels_last", 1))));
  }
}

TEST(QLinearGlobalAveragePool, EveryTypeAndLayout) {
  ExpectGlobal<std::uint8_t>(100, 20);
  ExpectGlobal<std::int8_t>(-100, 5);
}

TEST(QLinearAveragePool, WindowsOfEveryKind) {
  struct Pool {
    Shape x;
    std::vector<std::int64_t> kernel, strides, pads;
  };
  for (const Pool& pool :
       {Pool{{2, 3, 7, 8}, {3, 2}, {2, 1}, {1, 0, 1, 1}}, Pool{{1, 2, 9}, {4}, {3}, {2, 1}},
        Pool{{1, 2, 4, 5, 6}, {2, 3, 2}, {1, 2, 2}, {0, 1, 0, 1, 1, 1}}}) {
    for (const std::int64_t with_pads : {0, 1}) {
      for (const std::int64_t ceil : {0, 1}) {
        Attributes attributes;
        attributes.Set("kernel_shape", pool.kernel);
        attributes.Set("strides", pool.strides);
        attributes.Set("pads", pool.pads);
        attributes.Set("count_include_pad", with_pads);
        // With both, runtimes disagree on windows beyond the padding.
        attributes.Set("ceil_mode", with_pads == 0 ? ceil : 0);
        const Tensor x = RandomBytes<std::uint8_t>(pool.x, 1);
        const auto inputs = [&](const Tensor& data) {
          return std::vector<Tensor>{data, Single(0.5f), Single<std::uint8_t>(100), Single(0.37f),
                                     Single<std::uint8_t>(120)};
        };
        const Tensor exact =
            EvaluateOp("AveragePool", {Dequantized<std::uint8_t>(x, 0.5f, 100)}, attributes, 13)[0];
        const Tensor found = RunMicrosoft("QLinearAveragePool", inputs(x), attributes);
        ExpectQuantized<std::uint8_t>(found, exact, 0.37f, 120);
        attributes.Set("channels_last", std::int64_t{1});
        EXPECT_TRUE(SameTensor(
            ChannelsLast<std::uint8_t>(found),
            RunMicrosoft("QLinearAveragePool", inputs(ChannelsLast<std::uint8_t>(x)), attributes)));
      }
    }
  }
}

template <typename T>
void ExpectSoftmax(T y_zero) {
  const Tensor x = RandomBytes<T>({3, 4, 5}, 1);
  const std::vector<Tensor> inputs = {x, Single(0.05f), Single<T>(3), Single(1.0f / 256),
                                      Single<T>(y_zero)};
  const Tensor wide = Dequantized<T>(x, 0.05f, 3);
  for (const std::int64_t opset : {12, 13}) {
    for (const std::int64_t axis : {0, 1, 2, -1}) {
      Attributes attributes = With("opset", opset);
      attributes.Set("axis", axis);
      ExpectQuantized<T>(
          RunMicrosoft("QLinearSoftmax", inputs, attributes),
          EvaluateOp("Softmax", {wide}, With("axis", axis), static_cast<int>(opset))[0], 1.0 / 256,
          y_zero);
    }
    ExpectQuantized<T>(RunMicrosoft("QLinearSoftmax", inputs, With("opset", opset)),
                       EvaluateOp("Softmax", {wide}, {}, static_cast<int>(opset))[0], 1.0 / 256,
                       y_zero);
  }
}

TEST(QLinearSoftmax, EveryAxisAndType) {
  ExpectSoftmax<std::uint8_t>(0);
  ExpectSoftmax<std::int8_t>(-128);
}

TEST(QLinearSoftmax, OneElementIsOne) {
  EXPECT_TRUE(SameTensor(Tensor::From<std::uint8_t>({2, 1}, {255, 255}),
                         RunMicrosoft("QLinearSoftmax",
                                      {Tensor::From<std::uint8_t>({2, 1}, {0, 200}), Single(0.5f),
                                       Tensor(), Single(1.0f / 256)},
                                      With("opset", 13))));
}

TEST(DynamicQuantizeLinear, ScaleAndZeroPointFitTheData) {
  const auto run = [](const std::vector<float>& values) {
    return RunNode("", "DynamicQuantizeLinear",
                   {Tensor::From<float>({static_cast<std::int64_t>(values.size())}, values)}, {},
                   11, 3);
  };
  auto y = run({0, 2, -3, -2.5f, 1.34f, 0.5f});
  EXPECT_TRUE(SameTensor(Tensor::From<std::uint8_t>({6}, {153, 255, 0, 26, 221, 179}), y[0]));
  EXPECT_EQ(y[1].data<float>()[0], 5.0f / 255.0f);
  EXPECT_EQ(y[2].data<std::uint8_t>()[0], 153);
  y = run({1, 2.1f, 1.3f, 2.5f});  // zero is always among the values
  EXPECT_EQ(y[1].data<float>()[0], 2.5f / 255.0f);
  EXPECT_EQ(y[2].data<std::uint8_t>()[0], 0);
  y = run({-1, -2.1f});
  EXPECT_EQ(y[2].data<std::uint8_t>()[0], 255);
  y = run({0, 0});
  EXPECT_EQ(y[1].data<float>()[0], 1.0f);
  EXPECT_TRUE(SameTensor(Tensor::From<std::uint8_t>({2}, {0, 0}), y[0]));
  y = run({});
  EXPECT_EQ(y[0].size(), 0);
  EXPECT_EQ(y[1].data<float>()[0], 1.0f);
}

TEST(QLinear, FoldsWhereAllIsConstant) {
  const Tensor x = RandomBytes<std::uint8_t>({1, 2, 5, 5}, 1);
  const Tensor zero = Single<std::uint8_t>(9);
  const Tensor scale = Single(0.5f);
  const Tensor w = RandomBytes<std::uint8_t>({3, 2, 3, 3}, 2);
  const Tensor matrix = RandomBytes<std::uint8_t>({5, 4}, 2);
  struct Folded {
    const char* domain;
    const char* op;
    std::vector<Tensor> inputs;
    Attributes attributes{};
  };
  for (const Folded& f : std::vector<Folded>{
           {"", "QLinearConv", {x, scale, zero, w, scale, zero, Single(80.0f), zero}},
           {"", "ConvInteger", {x, w, zero}},
           {"", "MatMulInteger", {x, matrix, zero}},
           {"", "QLinearMatMul", {x, scale, zero, matrix, scale, zero, Single(80.0f), zero}},
           {"", "DynamicQuantizeLinear", {RandomFloats({2, 3})}},
           {kMicrosoft, "QLinearAdd", {x, scale, zero, x, scale, zero, scale, zero}},
           {kMicrosoft, "QLinearSigmoid", {x, scale, zero, Single(0.004f), zero}},
           {kMicrosoft, "QLinearConcat", {scale, zero, x, scale, zero}, With("axis", 1)},
           {kMicrosoft, "QLinearGlobalAveragePool", {x, scale, zero, scale, zero}},
           {kMicrosoft, "QLinearSoftmax", {x, scale, zero, scale, zero}, With("opset", 13)},
           {kMicrosoft, "MatMulIntegerToFloat", {x, matrix, scale, scale, zero}}}) {
    testing::GraphBuilder b(13);
    std::vector<ValueId> constants;
    for (const Tensor& input : f.inputs) constants.push_back(b.Constant(input));
    const ValueId y = b.Op(f.op, constants, f.attributes);
    Node& node = b.ir().nodes.back();
    node.domain = f.domain;
    if (!node.domain.empty()) node.opset = 1;
    b.Output(y, "y");
    const Model model = Model::Compile(b.Take(), {.threads = 1});
    Session session = model.NewSession();
    EXPECT_TRUE(
        SameTensor(RunNode(f.domain, f.op, f.inputs, f.attributes, *f.domain == 0 ? 13 : 1)[0],
                   session.Run({}).begin()->second))
        << f.op;
  }
}

TEST(QLinear, RefusesWhatDoesNotFit) {
  const Tensor x = RandomBytes<std::uint8_t>({1, 2, 3}, 1);
  const Tensor zero = Single<std::uint8_t>(0);
  const Tensor scale = Single(1.0f);
  const auto refused = [](const char* op, const std::vector<Tensor>& inputs, Attributes attributes,
                          const char* what) {
    const auto thrown = Catch([&] { RunNode(kMicrosoft, op, inputs, std::move(attributes)); });
    EXPECT_EQ(thrown.code, ErrorCode::kInvalidModel) << op;
    EXPECT_THAT(thrown.message, HasSubstr(what)) << op;
  };
  refused("QLinearAdd", {x, scale, zero, x, scale, zero, Tensor(), zero}, {}, "absent");
  refused("QLinearAdd",
          {x, scale, zero, RandomBytes<std::uint8_t>({4}, 1), scale, zero, scale, zero}, {},
          "broadcast");
  refused("QLinearMul", {RandomFloats({2}), scale, zero, x, scale, zero, scale, zero}, {},
          "float32");
  refused("QLinearSigmoid", {x, scale, Single<std::int8_t>(0), scale, zero}, {}, "type");
  refused("QLinearSigmoid", {x, RandomFloats({2}), zero, scale, zero}, {}, "shape");
  refused("QLinearConcat", {scale, zero, x, scale, zero, x}, With("axis", 1), "inputs");
  refused("QLinearConcat", {scale, zero, x, scale, zero}, {}, "axis");
  refused("QLinearConcat",
          {scale, zero, x, scale, zero, RandomBytes<std::uint8_t>({1, 2, 4}, 1), scale, zero},
          With("axis", 1), "differ");
  refused("QLinearGlobalAveragePool", {RandomBytes<std::uint8_t>({1, 2}, 1), scale, zero, scale},
          {}, "rank");
  refused("QLinearGlobalAveragePool", {RandomBytes<std::uint8_t>({1, 2, 0}, 1), scale, zero, scale},
          {}, "at least one");
  refused("QLinearAveragePool", {x, scale, zero, scale, zero}, {}, "kernel_shape");
  refused("QLinearSoftmax", {x, scale, zero, scale, zero}, With("axis", 3), "axis");
}

}  // namespace
}  // namespace kinglet::qlinear_test
