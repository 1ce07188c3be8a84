#include <cmath>
#include <functional>
#include <limits>

#include "tests/support/blocked_op.h"
#include "tests/support/op_test.h"

namespace kinglet::test::unary_test {
namespace {

double Softplus(double x) { return std::log(1 + std::exp(x)); }
double Logistic(double x) { return 1 / (1 + std::exp(-x)); }
double Elu(double x, double alpha) { return x < 0 ? alpha * (std::exp(x) - 1) : x; }

struct Case {
  const char* op;
  int opset;
  std::function<double(double)> expected;
  std::vector<std::pair<const char*, float>> attributes = {};
  double low = -6;
  double high = 6;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"Abs", 7, [](double x) { return std::fabs(x); }},
      {"Acos", 7, [](double x) { return std::acos(x); }, {}, -1, 1},
      {"Acosh", 9, [](double x) { return std::acosh(x); }, {}, 1, 9},
      {"Asin", 7, [](double x) { return std::asin(x); }, {}, -1, 1},
      {"Asinh", 9, [](double x) { return std::asinh(x); }},
      {"Atan", 7, [](double x) { return std::atan(x); }},
      {"Atanh", 9, [](double x) { return std::atanh(x); }, {}, -0.9, 0.9},
      {"Ceil", 7, [](double x) { return std::ceil(x); }},
      {"Celu", 12, [](double x) { return x < 0 ? 2 * (std::exp(x / 2) - 1) : x; }, {{"alpha", 2}}},
      {"Cos", 7, [](double x) { return std::cos(x); }},
      {"Cosh", 9, [](double x) { return std::cosh(x); }},
      {"Elu", 7, [](double x) { return Elu(x, 1); }},
      {"Elu", 13, [](double x) { return Elu(x, 0.5); }, {{"alpha", 0.5f}}},
      {"Erf", 9, [](double x) { return std::erf(x); }},
      {"Exp", 7, [](double x) { return std::exp(x); }},
      {"Floor", 7, [](double x) { return std::floor(x); }},
      {"Gelu", 20, [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {"HardSigmoid", 7, [](double x) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); }},
      {"HardSigmoid",
       13,
       [](double x) { return std::clamp(0.25 * x + 0.75, 0.0, 1.0); },
       {{"alpha", 0.25f}, {"beta", 0.75f}}},
      {"HardSwish", 14, [](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }},
      {"LeakyRelu", 7, [](double x) { return x < 0 ? 0.01 * x : x; }},
      {"LeakyRelu", 16, [](double x) { return x < 0 ? 0.25 * x : x; }, {{"alpha", 0.25f}}},
      {"Log", 7, [](double x) { return std::log(x); }, {}, 0.1, 9},
      {"Mish", 18, [](double x) { return x * std::tanh(Softplus(x)); }},
      {"Neg", 7, [](double x) { return -x; }},
      {"Reciprocal", 7, [](double x) { return 1 / x; }, {}, 0.1, 9},
      {"Relu", 7, [](double x) { return std::max(x, 0.0); }},
      {"Round", 11, [](double x) { return std::nearbyint(x); }},
      {"Selu", 7, [](double x) { return 1.0507009873554805 * Elu(x, 1.6732632423543772); }},
      {"Selu", 7, [](double x) { return 3 * Elu(x, 2); }, {{"alpha", 2}, {"gamma", 3}}},
      {"Shrink", 9, [](double x) { return std::fabs(x) <= 0.5 ? 0 : x; }},
      {"Shrink",
       9,
       [](double x) { return x < -2  ? x + 1.5
                             : x > 2 ? x - 1.5
                                     : 0; },
       {{"bias", 1.5f}, {"lambd", 2}}},
      {"Sigmoid", 7, Logistic},
      {"Sign", 9, [](double x) { return x > 0   ? 1.0
                                        : x < 0 ? -1.0
                                                : 0.0; }},
      {"Sin", 7, [](double x) { return std::sin(x); }},
      {"Sinh", 9, [](double x) { return std::sinh(x); }},
      {"Softplus", 7, Softplus},
      {"Softsign", 7, [](double x) { return x / (1 + std::fabs(x)); }},
      {"Sqrt", 7, [](double x) { return std::sqrt(x); }, {}, 0, 9},
      {"Tan", 7, [](double x) { return std::tan(x); }, {}, -1.4, 1.4},
      {"Tanh", 7, [](double x) { return std::tanh(x); }},
      {"ThresholdedRelu", 10, [](double x) { return x > 1 ? x : 0; }},
      {"ThresholdedRelu", 10, [](double x) { return x > 2 ? x : 0; }, {{"alpha", 2}}},
  };
  return cases;
}

Attributes AttributesOf(const Case& c) {
  Attributes attributes;
  for (const auto& [name, value] : c.attributes) attributes.Set(name, value);
  return attributes;
}

// {2, 21, 3, 5}: pad lanes in the second block.
Tensor Input(const Case& c) {
  return Random({2, 21, 3, 5}, 7, static_cast<float>(c.low), static_cast<float>(c.high));
}

Tensor Expected(const Case& c, const Tensor& x) {
  Tensor y(DataType::kFloat32, x.shape());
  for (std::int64_t i = 0; i < x.size(); ++i) {
    y.data<float>()[i] = static_cast<float>(c.expected(x.data<float>()[i]));
  }
  return y;
}

TEST(Unary, Float32) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.op);
    const Tensor x = Input(c);
    ExpectNear(EvaluateOp(c.op, {x}, AttributesOf(c), c.opset)[0], Expected(c, x), 4e-6f);
  }
}

TEST(Unary, Float64) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.op);
    const std::vector<double> x = {c.low + 0.07, 0.5 * (c.low + c.high), c.high - 0.01};
    const Tensor y = EvaluateOp(c.op, {Of<double>({3}, x)}, AttributesOf(c), c.opset)[0];
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = c.expected(x[i]);
      EXPECT_NEAR(y.data<double>()[i], expected, 1e-7 * (1 + std::fabs(expected)));
    }
  }
}

TEST(Unary, Blocked) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.op);
    Node node = MakeNode(c.op, 1, {}, c.opset);
    node.attributes = AttributesOf(c);
    const Tensor x = Input(c);
    const BlockedResult result = EvaluateBlocked(node, {x}, {Given::kBlocked});
    EXPECT_EQ(result.layouts[0], Layout::kBlocked);
    ExpectNear(result.outputs[0], Expected(c, x), 4e-6f);
  }
}

TEST(Unary, LargeTensorsAreCutIntoUnits) {
  const Tensor x = Random({3, 5, 70, 71}, 3);
  const BlockedResult plain = EvaluateBlocked(MakeNode("Relu", 1), {x}, {Given::kPlain});
  const BlockedResult blocked = EvaluateBlocked(MakeNode("Relu", 1), {x}, {Given::kBlocked});
  Tensor expected = x.Clone();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    expected.data<float>()[i] = std::max(0.0f, x.data<float>()[i]);
  }
  ExpectNear(plain.outputs[0], expected);
  ExpectNear(blocked.outputs[0], expected);
}

// Of Kinglet's domain for what passes recognise, of ONNX's with a factor from opset 24 on.
TEST(Unary, SwishOfBothDomains) {
  Node node = MakeNode("Swish", 1, {}, 1);
  node.domain = "kinglet";
  const Tensor x = Random({1, 3, 2, 2}, 5, -4, 4);
  Tensor expected = x.Clone();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double v = x.data<float>()[i];
    expected.data<float>()[i] = static_cast<float>(v * Logistic(v));
  }
  ExpectNear(EvaluateBlocked(node, {x}, {Given::kBlocked}).outputs[0], expected, 2e-6f);
  ExpectNear(RunOp("Swish", {x}, {}, 24), expected, 2e-6f);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double v = x.data<float>()[i];
    expected.data<float>()[i] = static_cast<float>(v * Logistic(0.5 * v));
  }
  ExpectNear(RunOp("Swish", {x}, {{"alpha", Float(0.5f)}}, 24), expected, 2e-6f);
  const Tensor wide = RunOp("Swish", {Of<double>({1}, {2.0})}, {{"alpha", Float(0.5f)}}, 24);
  EXPECT_NEAR(wide.data<double>()[0], 2 * Logistic(1.0), 1e-14);
}

TEST(Unary, GeluByTanh) {
  const Tensor x = Of<float>({3}, {-1, 0, 2});
  const Tensor y = RunOp("Gelu", {x}, {{"approximate", Text("tanh")}}, 20);
  ExpectNear(y, Of<float>({3}, {-0.15880801f, 0.0f, 1.9545977f}), 2e-6f);
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("Gelu", {x}, {{"approximate", Text("cubic")}}, 20);
  });
}

TEST(Unary, SpecialValues) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  ExpectNear(RunOp("Round", {Of<float>({6}, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2.6f})}),
             Of<float>({6}, {0, 2, 2, 0, -2, 3}));
  ExpectNear(RunOp("Relu", {Of<float>({3}, {nan, -inf, inf})}), Of<float>({3}, {nan, 0, inf}));
  ExpectNear(RunOp("Softplus", {Of<float>({3}, {1000, -1000, 0})}),
             Of<float>({3}, {1000, 0, std::log(2.0f)}));
  ExpectNear(RunOp("Sigmoid", {Of<float>({3}, {1000, -1000, nan})}), Of<float>({3}, {1, 0, nan}));
  ExpectNear(RunOp("Sign", {Of<float>({4}, {nan, 0, -inf, 3})}), Of<float>({4}, {nan, 0, -1, 1}));
  ExpectNear(RunOp("Mish", {Of<float>({2}, {-200, 200})}, {}, 18), Of<float>({2}, {0, 200}));
}

TEST(Unary, Integers) {
  const std::int32_t low = std::numeric_limits<std::int32_t>::min();
  const Tensor x = Of<std::int32_t>({4}, {-3, 0, 5, low});
  EXPECT_EQ(ValuesOf<std::int32_t>(RunOp("Abs", {x})), (std::vector<std::int32_t>{3, 0, 5, low}));
  EXPECT_EQ(ValuesOf<std::int32_t>(RunOp("Neg", {x})), (std::vector<std::int32_t>{3, 0, -5, low}));
  EXPECT_EQ(ValuesOf<std::int32_t>(RunOp("Sign", {x})), (std::vector<std::int32_t>{-1, 0, 1, -1}));
  EXPECT_EQ(ValuesOf<std::int32_t>(RunOp("Relu", {x})), (std::vector<std::int32_t>{0, 0, 5, 0}));
  const Tensor u = Of<std::uint8_t>({2}, {0, 200});
  EXPECT_EQ(ValuesOf<std::uint8_t>(RunOp("Abs", {u})), (std::vector<std::uint8_t>{0, 200}));
  EXPECT_EQ(ValuesOf<std::uint8_t>(RunOp("Sign", {u})), (std::vector<std::uint8_t>{0, 1}));
}

TEST(Unary, EmptyAndScalar) {
  EXPECT_EQ(RunOp("Exp", {Tensor(DataType::kFloat32, {2, 0, 3})}).shape(), (Shape{2, 0, 3}));
  EXPECT_EQ(ValuesOf<float>(RunOp("Neg", {Of<float>({}, {4})})), Floats{-4});
}

TEST(Unary, WrongTypes) {
  const Tensor x = Of<std::int64_t>({1}, {1});
  ExpectError(ErrorCode::kUnsupported, [&] { RunOp("Exp", {x}); });
  ExpectError(ErrorCode::kUnsupported, [&] { RunOp("Neg", {Of<std::uint8_t>({1}, {1})}); });
  ExpectError(ErrorCode::kUnsupported, [&] { RunOp("HardSwish", {Of<float>({1}, {1})}, {}, 13); });
}

}  // namespace
}  // namespace kinglet::test::unary_test
