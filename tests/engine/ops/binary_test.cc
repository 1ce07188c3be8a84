#include <cmath>
#include <limits>

#include "tests/support/blocked_op.h"
#include "tests/support/op_test.h"

namespace kinglet::test::binary_test {
namespace {

using Function = float (*)(float, float);

// The slow way: the element of a broadcast operand for an output element.
float At(const Tensor& tensor, const Shape& output, std::int64_t flat) {
  std::int64_t offset = 0;
  std::int64_t stride = 1;
  const Shape& shape = tensor.shape();
  for (std::size_t d = 0; d < output.size(); ++d) {
    const std::int64_t index = flat % output[output.size() - 1 - d];
    flat /= output[output.size() - 1 - d];
    if (d >= shape.size()) continue;
    const std::int64_t own = shape[shape.size() - 1 - d];
    if (own != 1) offset += index * stride;
    stride *= own;
  }
  return tensor.data<float>()[offset];
}

Tensor Naive(Function f, const Tensor& a, const Tensor& b, const Shape& output) {
  Tensor y(DataType::kFloat32, output);
  for (std::int64_t i = 0; i < y.size(); ++i) {
    y.data<float>()[i] = f(At(a, output, i), At(b, output, i));
  }
  return y;
}

struct Case {
  const char* op;
  Function f;
};
const Case kCases[] = {
    {"Add", [](float a, float b) { return a + b; }},
    {"Sub", [](float a, float b) { return a - b; }},
    {"Mul", [](float a, float b) { return a * b; }},
    {"Div", [](float a, float b) { return a / b; }},
    {"Pow", [](float a, float b) { return std::pow(a, b); }},
};

TEST(Binary, BroadcastsFloat32) {
  const std::vector<std::array<Shape, 3>> shapes = {{{{2, 3, 4, 5}, {2, 3, 4, 5}, {2, 3, 4, 5}}},
                                                    {{{2, 3, 4, 5}, {3, 1, 1}, {2, 3, 4, 5}}},
                                                    {{{5}, {2, 3, 4, 5}, {2, 3, 4, 5}}},
                                                    {{{4, 1}, {1, 5}, {4, 5}}},
                                                    {{{}, {3}, {3}}},
                                                    {{{}, {}, {}}},
                                                    {{{2, 0, 3}, {1, 1, 3}, {2, 0, 3}}},
                                                    {{{2, 1, 4, 1}, {3, 1, 5}, {2, 3, 4, 5}}}};
  for (const Case& c : kCases) {
    for (const auto& [sa, sb, output] : shapes) {
      SCOPED_TRACE(std::string(c.op) + " " + ShapeToString(sa) + " " + ShapeToString(sb));
      const Tensor a = Random(sa, 1, 0.2f, 3.0f);
      const Tensor b = Random(sb, 2, 0.2f, 3.0f);
      ExpectNear(RunOp(c.op, {a, b}), Naive(c.f, a, b, output), 2e-6f);
    }
  }
}

// Runs that are too short for vector loops, of operands of every form, in pieces and over them.
TEST(Binary, ShortRuns) {
  const std::vector<std::array<Shape, 3>> shapes = {{{{1, 41, 61, 3}, {3}, {1, 41, 61, 3}}},
                                                    {{{7}, {5, 300, 7}, {5, 300, 7}}},
                                                    {{{2, 900, 5}, {2, 900, 1}, {2, 900, 5}}},
                                                    {{{1, 900, 1}, {2, 1, 5}, {2, 900, 5}}},
                                                    {{{3000, 1}, {31}, {3000, 31}}},
                                                    {{{40, 1, 6}, {70, 1}, {40, 70, 6}}},
                                                    {{{2, 1, 500, 2}, {9, 1, 2}, {2, 9, 500, 2}}},
                                                    {{{3, 2}, {1, 1}, {3, 2}}}};
  for (const Case& c : kCases) {
    for (const auto& [sa, sb, output] : shapes) {
      SCOPED_TRACE(std::string(c.op) + " " + ShapeToString(sa) + " " + ShapeToString(sb));
      const Tensor a = Random(sa, 1, 0.2f, 3.0f);
      const Tensor b = Random(sb, 2, 0.2f, 3.0f);
      ExpectNear(RunOp(c.op, {a, b}), Naive(c.f, a, b, output), 2e-6f);
    }
  }
  const Tensor rows = Of<std::int64_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(ValuesOf<std::int64_t>(RunOp("Add", {rows, Of<std::int64_t>({3}, {10, 20, 30})})),
            (Ints{11, 22, 33, 14, 25, 36}));
  EXPECT_EQ(ValuesOf<bool>(RunOp("Greater", {rows, Of<std::int64_t>({2, 1}, {1, 5})})),
            (std::vector<bool>{false, true, true, false, false, true}));
}

TEST(Binary, Blocked) {
  const Shape x{2, 21, 3, 5};
  struct Operand {
    Shape shape;
    Given given;
    bool blocked;
  };
  const std::vector<Operand> operands = {
      {x, Given::kBlocked, true},
      {x, Given::kPlain, true},
      {{}, Given::kPlain, true},
      {{1, 1, 1}, Given::kConstant, true},
      {{21, 1, 1}, Given::kConstant, true},
      {{1, 21, 1, 1}, Given::kConstant, true},
      {{1, 21, 1, 1}, Given::kPlain, true},
      {{2, 21, 1, 1}, Given::kBlocked, true},
      {{2, 1, 3, 5}, Given::kPlain, true},
      {{3, 5}, Given::kPlain, false},
      {{21, 1, 1}, Given::kPlain, false},
      {{1, 21, 3, 5}, Given::kBlocked, false},
  };
  for (const Case& c : kCases) {
    for (const Operand& operand : operands) {
      SCOPED_TRACE(std::string(c.op) + " " + ShapeToString(operand.shape));
      const Tensor a = Random(x, 1, 0.2f, 3.0f);
      const Tensor b = Random(operand.shape, 2, 0.2f, 3.0f);
      const Node node = MakeNode(c.op, 2);
      const auto right = EvaluateBlocked(node, {a, b}, {Given::kBlocked, operand.given});
      ExpectNear(right.outputs[0], Naive(c.f, a, b, x), 2e-6f);
      EXPECT_EQ(right.layouts[0] == Layout::kBlocked, operand.blocked);
      const auto left = EvaluateBlocked(node, {b, a}, {operand.given, Given::kBlocked});
      ExpectNear(left.outputs[0], Naive(c.f, b, a, x), 2e-6f);
      EXPECT_EQ(left.layouts[0] == Layout::kBlocked, operand.blocked);
    }
  }
}

TEST(Binary, PlainStaysPlain) {
  const Tensor a = Random({1, 3, 2, 2}, 1);
  const auto result = EvaluateBlocked(MakeNode("Add", 2), {a, a}, {Given::kPlain, Given::kPlain});
  EXPECT_EQ(result.layouts[0], Layout::kPlain);
}

TEST(Binary, FusedActivationBehindAdd) {
  const std::vector<std::pair<Fusion, Function>> fusions = {
      {{Activation::kRelu, 0, 0, false}, [](float a, float b) { return std::max(a + b, 0.0f); }},
      {{Activation::kClip, -0.5f, 0.7f, false},
       [](float a, float b) { return std::clamp(a + b, -0.5f, 0.7f); }},
      {{Activation::kLeakyRelu, 0.1f, 0, false},
       [](float a, float b) { return a + b < 0 ? 0.1f * (a + b) : a + b; }},
      {{Activation::kSigmoid, 0, 0, false},
       [](float a, float b) { return 1 / (1 + std::exp(-(a + b))); }},
      {{Activation::kHardSigmoid, 0.2f, 0.5f, false},
       [](float a, float b) { return std::clamp(0.2f * (a + b) + 0.5f, 0.0f, 1.0f); }},
      {{Activation::kHardSwish, 0, 0, false},
       [](float a, float b) { return (a + b) * std::clamp((a + b) / 6 + 0.5f, 0.0f, 1.0f); }},
      {{Activation::kSwish, 1, 0, false},
       [](float a, float b) { return (a + b) / (1 + std::exp(-(a + b))); }},
  };
  const Shape shape{2, 21, 3, 5};
  const Tensor a = Random(shape, 1, -2, 2);
  const Tensor b = Random(shape, 2, -2, 2);
  for (const auto& [fusion, f] : fusions) {
    Node node = MakeNode("Add", 2);
    node.fusion = fusion;
    const Tensor expected = Naive(f, a, b, shape);
    for (const Given given : {Given::kPlain, Given::kBlocked}) {
      ExpectNear(EvaluateBlocked(node, {a, b}, {given, given}).outputs[0], expected, 4e-6f);
    }
  }
}

template <typename T>
std::vector<T> Values(const char* op, std::vector<T> a, std::vector<T> b, AttributeList list = {},
                      int opset = 18) {
  const auto n = static_cast<std::int64_t>(a.size());
  return ValuesOf<T>(RunOp(op, {Of<T>({n}, a), Of<T>({n}, b)}, list, opset));
}

TEST(Binary, Integers) {
  using I = std::vector<std::int32_t>;
  const std::int32_t low = std::numeric_limits<std::int32_t>::min();
  const std::int32_t high = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(Values<std::int32_t>("Add", {high, -3}, {1, 1}), (I{low, -2}));
  EXPECT_EQ(Values<std::int32_t>("Sub", {low, 3}, {1, 5}), (I{high, -2}));
  EXPECT_EQ(Values<std::int32_t>("Mul", {high, 3}, {2, 5}), (I{-2, 15}));
  EXPECT_EQ(Values<std::int32_t>("Div", {7, -7, 7, -7, low, 5, 0}, {2, 2, -2, -2, -1, 0, 0}),
            (I{3, -3, -3, 3, low, 0, 0}));
  EXPECT_EQ(Values<std::int32_t>("Pow", {2, -2, 3, -1, 2}, {10, 3, 0, -3, -1}),
            (I{1024, -8, 1, -1, 0}));
  EXPECT_EQ(Values<std::uint8_t>("Add", {250}, {10}), (std::vector<std::uint8_t>{4}));
  EXPECT_EQ(Values<std::uint16_t>("Mul", {65535}, {65535}), (std::vector<std::uint16_t>{1}));
  const std::int64_t low64 = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(Values<std::int64_t>("Div", {low64}, {-1}), (Ints{low64}));
}

TEST(Binary, Mod) {
  using I = std::vector<std::int32_t>;
  const std::int32_t low = std::numeric_limits<std::int32_t>::min();
  const I a{-4, 7, 5, 4, -7, 8, low, 3};
  const I b{2, -3, 8, -2, 3, 5, -1, 0};
  EXPECT_EQ(Values<std::int32_t>("Mod", a, b), (I{0, -2, 5, 0, 2, 3, 0, 0}));
  EXPECT_EQ(Values<std::int32_t>("Mod", a, b, {{"fmod", Int(1)}}), (I{0, 1, 5, 0, -1, 3, 0, 0}));
  const Floats y = Values<float>("Mod", {-4.3f, 7.2f}, {2.1f, -3.4f}, {{"fmod", Int(1)}});
  EXPECT_NEAR(y[0], -0.1f, 1e-5f);
  EXPECT_NEAR(y[1], 0.4f, 1e-5f);
  ExpectError(ErrorCode::kInvalidModel, [] { Values<float>("Mod", {1}, {2}); });
}

TEST(Binary, PowOfMixedTypes) {
  const Tensor base = Of<float>({3}, {2, 3, 4});
  const Tensor whole = Of<std::int64_t>({3}, {3, 2, -1});
  ExpectNear(RunOp("Pow", {base, whole}), Of<float>({3}, {8, 9, 0.25f}));
  EXPECT_EQ(ValuesOf<std::int64_t>(RunOp("Pow", {whole, Of<float>({}, {2})})), (Ints{9, 4, 1}));
  EXPECT_EQ(ValuesOf<std::int64_t>(
                RunOp("Pow", {Of<std::int64_t>({2}, {4, 10}), Of<float>({2}, {0.5f, 400.0f})})),
            (Ints{2, 0}));  // 10^400 wraps around as 5^400 2^400 does
  EXPECT_EQ(ValuesOf<std::int32_t>(
                RunOp("Pow", {Of<std::int32_t>({2}, {-2, 2}), Of<float>({2}, {0.5f, 90.5f})})),
            (std::vector<std::int32_t>{0, std::numeric_limits<std::int32_t>::max()}));
  ExpectNear(RunOp("Pow", {base, Of<float>({}, {2})}), Of<float>({3}, {4, 9, 16}));
}

TEST(Binary, Bits) {
  using U = std::vector<std::uint8_t>;
  EXPECT_EQ(Values<std::uint8_t>("BitwiseAnd", {12}, {10}), U{8});
  EXPECT_EQ(Values<std::uint8_t>("BitwiseOr", {12}, {10}), U{14});
  EXPECT_EQ(Values<std::uint8_t>("BitwiseXor", {12}, {10}), U{6});
  EXPECT_EQ(Values<std::uint8_t>("BitShift", {16, 4, 1}, {1, 2, 9}, {{"direction", Text("RIGHT")}}),
            (U{8, 1, 0}));
  EXPECT_EQ(Values<std::uint8_t>("BitShift", {16, 4, 1}, {1, 9, 7}, {{"direction", Text("LEFT")}}),
            (U{32, 0, 128}));
  EXPECT_EQ(ValuesOf<std::uint8_t>(RunOp("BitwiseNot", {Of<std::uint8_t>({1}, {1})}, {}, 18)),
            U{254});
  ExpectError(ErrorCode::kInvalidModel, [] { Values<std::uint8_t>("BitShift", {1}, {1}); });
}

TEST(Binary, WrongInputs) {
  const Tensor a = Random({1, 3, 8, 8}, 1);
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Add", {a, Random({1, 3, 7, 7}, 1)}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Add", {a, Of<double>({}, {1})}); });
  ExpectError(ErrorCode::kUnsupported, [] {
    const Tensor b(DataType::kBool, {2});
    RunOp("Add", {b, b});
  });
  ExpectError(ErrorCode::kUnsupported, [&] { RunOp("Mod", {a, a}, {{"fmod", Int(1)}}, 9); });
}

std::vector<bool> Bools(const Tensor& tensor) { return ValuesOf<bool>(tensor); }

Tensor BoolTensor(std::vector<int> values) {
  Tensor tensor(DataType::kBool, {static_cast<std::int64_t>(values.size())});
  for (std::size_t i = 0; i < values.size(); ++i) tensor.data<bool>()[i] = values[i] != 0;
  return tensor;
}

TEST(Compare, Numbers) {
  const Tensor a = Of<float>({4}, {1, 2, 3, std::numeric_limits<float>::quiet_NaN()});
  const Tensor b = Of<float>({}, {2});
  EXPECT_EQ(Bools(RunOp("Equal", {a, b})), (std::vector<bool>{false, true, false, false}));
  EXPECT_EQ(Bools(RunOp("Less", {a, b})), (std::vector<bool>{true, false, false, false}));
  EXPECT_EQ(Bools(RunOp("LessOrEqual", {a, b})), (std::vector<bool>{true, true, false, false}));
  EXPECT_EQ(Bools(RunOp("Greater", {a, b})), (std::vector<bool>{false, false, true, false}));
  EXPECT_EQ(Bools(RunOp("GreaterOrEqual", {a, b})), (std::vector<bool>{false, true, true, false}));
  const Tensor i = Of<std::int64_t>({2, 1}, {1, 2});
  const Tensor j = Of<std::int64_t>({2}, {1, 2});
  const Tensor grid = RunOp("Equal", {i, j});
  EXPECT_EQ(grid.shape(), (Shape{2, 2}));
  EXPECT_EQ(Bools(grid), (std::vector<bool>{true, false, false, true}));
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Less", {a, i}); });
  ExpectError(ErrorCode::kUnsupported, [&] { RunOp("GreaterOrEqual", {a, b}, {}, 11); });
}

TEST(Compare, Logic) {
  const Tensor a = BoolTensor({0, 0, 1, 1});
  const Tensor b = BoolTensor({0, 1, 0, 1});
  EXPECT_EQ(Bools(RunOp("And", {a, b})), (std::vector<bool>{false, false, false, true}));
  EXPECT_EQ(Bools(RunOp("Or", {a, b})), (std::vector<bool>{false, true, true, true}));
  EXPECT_EQ(Bools(RunOp("Xor", {a, b})), (std::vector<bool>{false, true, true, false}));
  EXPECT_EQ(Bools(RunOp("Equal", {a, b})), (std::vector<bool>{true, false, false, true}));
  EXPECT_EQ(Bools(RunOp("Not", {a})), (std::vector<bool>{true, true, false, false}));
  ExpectError(ErrorCode::kInvalidModel, [] { RunOp("Not", {Random({1}, 1)}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("And", {a, Random({4}, 1)}); });
}

TEST(Compare, FloatTests) {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x = Of<float>({4}, {1, inf, -inf, std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(Bools(RunOp("IsNaN", {x})), (std::vector<bool>{false, false, false, true}));
  EXPECT_EQ(Bools(RunOp("IsInf", {x})), (std::vector<bool>{false, true, true, false}));
  EXPECT_EQ(Bools(RunOp("IsInf", {x}, {{"detect_negative", Int(0)}})),
            (std::vector<bool>{false, true, false, false}));
}

}  // namespace
}  // namespace kinglet::test::binary_test
