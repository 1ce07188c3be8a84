#include <cmath>
#include <limits>

#include "tests/support/blocked_op.h"
#include "tests/support/op_test.h"

namespace kinglet::test::pool_test {
namespace {

// One image pool by hand: every window, every tap.
struct Image {
  std::int64_t kh, kw, sh, sw, dh, dw;
  std::int64_t top, left, bottom, right;
  std::int64_t out_h, out_w;
};

enum class Kind { kMax, kAverage, kAverageWithPad, kNorm2 };

Tensor Naive(Kind kind, const Image& p, const Tensor& x) {
  const Shape& s = x.shape();
  Tensor y(DataType::kFloat32, {s[0], s[1], p.out_h, p.out_w});
  float* out = y.data<float>();
  for (std::int64_t map = 0; map < s[0] * s[1]; ++map) {
    const float* in = x.data<float>() + map * s[2] * s[3];
    for (std::int64_t oy = 0; oy < p.out_h; ++oy) {
      for (std::int64_t ox = 0; ox < p.out_w; ++ox) {
        double best = std::numeric_limits<float>::lowest();
        double sum = 0;
        double squares = 0;
        int count = 0;
        int padded = 0;
        for (std::int64_t ky = 0; ky < p.kh; ++ky) {
          for (std::int64_t kx = 0; kx < p.kw; ++kx) {
            const std::int64_t iy = oy * p.sh - p.top + ky * p.dh;
            const std::int64_t ix = ox * p.sw - p.left + kx * p.dw;
            if (iy < s[2] + p.bottom && ix < s[3] + p.right) ++padded;
            if (iy < 0 || ix < 0 || iy >= s[2] || ix >= s[3]) continue;
            const double v = in[iy * s[3] + ix];
            best = std::max(best, v);
            sum += v;
            squares += v * v;
            ++count;
          }
        }
        const double value = kind == Kind::kMax              ? best
                             : kind == Kind::kAverage        ? sum / count
                             : kind == Kind::kAverageWithPad ? sum / padded
                                                             : std::sqrt(squares);
        *out++ = static_cast<float>(value);
      }
    }
  }
  return y;
}

struct Case {
  Attributes attributes;
  Image image;
};

std::vector<Case> Cases() {
  const Ints k33{3, 3}, k32{3, 2}, two{2, 2}, ones{1, 1, 1, 1};
  std::vector<Case> cases;
  cases.push_back({MakeAttributes({{"kernel_shape", k33}}), {3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 9, 7}});
  cases.push_back({MakeAttributes({{"kernel_shape", k33}, {"strides", two}, {"pads", ones}}),
                   {3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 6, 5}});
  cases.push_back({MakeAttributes({{"kernel_shape", k33}, {"strides", two}, {"ceil_mode", Int(1)}}),
                   {3, 3, 2, 2, 1, 1, 0, 0, 0, 0, 5, 4}});
  cases.push_back({MakeAttributes({{"kernel_shape", two}, {"strides", two}, {"ceil_mode", Int(1)}}),
                   {2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 6, 5}});
  cases.push_back(
      {MakeAttributes({{"kernel_shape", k32}, {"strides", Ints{1, 2}}, {"pads", Ints{2, 0, 1, 1}}}),
       {3, 2, 1, 2, 1, 1, 2, 0, 1, 1, 12, 5}});
  cases.push_back({MakeAttributes({{"kernel_shape", k33}, {"dilations", two}, {"pads", ones}}),
                   {3, 3, 1, 1, 2, 2, 1, 1, 1, 1, 9, 7}});
  cases.push_back(
      {MakeAttributes({{"kernel_shape", k33}, {"strides", two}, {"auto_pad", Text("SAME_UPPER")}}),
       {3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 6, 5}});
  cases.push_back({MakeAttributes({{"kernel_shape", Ints{7, 9}}, {"pads", Ints{3, 4, 3, 4}}}),
                   {7, 9, 1, 1, 1, 1, 3, 4, 3, 4, 11, 9}});
  return cases;
}

const Shape kShape{2, 21, 11, 9};

void Check(const char* op, Kind kind, AttributeList more, int opset) {
  const Tensor x = Random(kShape, 3, -2, 1);
  std::size_t k = 0;
  for (const Case& c : Cases()) {
    SCOPED_TRACE(std::string(op) + " case " + std::to_string(k++));
    Node node = MakeNode(op, 1, {}, opset);
    node.attributes = c.attributes;
    for (const auto& [name, value] : more) node.attributes.Set(name, value);
    const Tensor expected = Naive(kind, c.image, x);
    for (const Given given : {Given::kPlain, Given::kBlocked}) {
      const auto result = EvaluateBlocked(node, {x}, {given});
      ExpectNear(result.outputs[0], expected, 2e-6f);
      const bool blocked = given == Given::kBlocked && kind != Kind::kNorm2;
      EXPECT_EQ(result.layouts[0] == Layout::kBlocked, blocked);
    }
  }
}

TEST(Pool, Max) { Check("MaxPool", Kind::kMax, {}, 12); }
TEST(Pool, Average) { Check("AveragePool", Kind::kAverage, {}, 19); }
TEST(Pool, AverageWithPad) {
  Check("AveragePool", Kind::kAverageWithPad, {{"count_include_pad", Int(1)}}, 19);
}
TEST(Pool, Norm) { Check("LpPool", Kind::kNorm2, {}, 18); }

TEST(Pool, OtherRanks) {
  const Tensor line = Of<float>({1, 1, 5}, {1, 5, 2, 4, 3});
  const AttributeList k2{{"kernel_shape", Ints{2}}, {"strides", Ints{2}}};
  ExpectNear(RunOp("MaxPool", {line}, k2), Of<float>({1, 1, 2}, {5, 4}));
  ExpectNear(RunOp("AveragePool", {line}, k2), Of<float>({1, 1, 2}, {3, 3}));
  const AttributeList p1{{"kernel_shape", Ints{2}}, {"p", Int(1)}};
  ExpectNear(RunOp("LpPool", {line}, p1), Of<float>({1, 1, 4}, {6, 7, 6, 7}));
  const Tensor volume = Of<float>({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const AttributeList cube{{"kernel_shape", Ints{2, 2, 2}}};
  ExpectNear(RunOp("MaxPool", {volume}, cube), Of<float>({1, 1, 1, 1, 1}, {8}));
  ExpectNear(RunOp("AveragePool", {volume}, cube), Of<float>({1, 1, 1, 1, 1}, {4.5f}));
}

TEST(Pool, Indices) {
  const Tensor x = Of<float>({1, 2, 2, 2}, {1, 9, 9, 2, 0, -1, -2, 4});
  for (const int order : {0, 1}) {
    const auto y = EvaluateOp(
        "MaxPool", {x},
        MakeAttributes({{"kernel_shape", Ints{2, 2}}, {"storage_order", Int(order)}}), 12, 2);
    EXPECT_EQ(ValuesOf<float>(y[0]), (Floats{9, 4}));
    EXPECT_EQ(ValuesOf<std::int64_t>(y[1]), order == 0 ? (Ints{1, 7}) : (Ints{2, 7}));
  }
}

TEST(Pool, OtherTypes) {
  const AttributeList k2{{"kernel_shape", Ints{2}}};
  EXPECT_EQ(
      ValuesOf<std::uint8_t>(RunOp("MaxPool", {Of<std::uint8_t>({1, 1, 3}, {1, 200, 3})}, k2)),
      (std::vector<std::uint8_t>{200, 200}));
  EXPECT_EQ(ValuesOf<double>(RunOp("AveragePool", {Of<double>({1, 1, 3}, {1, 2, 4})}, k2)),
            (std::vector<double>{1.5, 3}));
}

TEST(Pool, EmptyBatch) {
  const Tensor x(DataType::kFloat32, {0, 3, 4, 4});
  EXPECT_EQ(RunOp("MaxPool", {x}, {{"kernel_shape", Ints{2, 2}}}).shape(), (Shape{0, 3, 3, 3}));
  EXPECT_EQ(RunOp("GlobalAveragePool", {x}).shape(), (Shape{0, 3, 1, 1}));
}

TEST(Pool, WrongInputs) {
  const Tensor x = Random({1, 3, 8, 8}, 1);
  const auto expect = [&](ErrorCode code, AttributeList list) {
    ExpectError(code, [&] { RunOp("AveragePool", {x}, list); });
  };
  expect(ErrorCode::kInvalidModel, {});
  expect(ErrorCode::kInvalidModel, {{"kernel_shape", Ints{0, 0}}});
  expect(ErrorCode::kInvalidModel, {{"kernel_shape", Ints{9, 9}}});
  expect(ErrorCode::kInvalidModel, {{"kernel_shape", Ints{2, 2}}, {"pads", Ints{50, 50, 50, 50}}});
  expect(ErrorCode::kUnsupported, {{"kernel_shape", Ints{2, 2}}, {"mode", Int(1)}});
  ExpectError(ErrorCode::kInvalidModel, [] { RunOp("MaxPool", {Random({3, 8}, 1)}); });
  ExpectError(ErrorCode::kUnsupported, [] {
    RunOp("MaxPool", {Of<std::int64_t>({1, 1, 2}, {1, 2})}, {{"kernel_shape", Ints{2}}});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("LpPool", {x}, {{"kernel_shape", Ints{2, 2}}, {"p", Int(0)}});
  });
}

TEST(GlobalPool, AllKindsAndLayouts) {
  const Tensor x = Random({2, 21, 5, 7}, 9, -2, 1);
  Tensor average(DataType::kFloat32, {2, 21, 1, 1});
  Tensor maximum = average.Clone();
  Tensor norm = average.Clone();
  for (std::int64_t map = 0; map < 42; ++map) {
    double sum = 0;
    double cubes = 0;
    float best = -9;
    for (int i = 0; i < 35; ++i) {
      const float v = x.data<float>()[map * 35 + i];
      sum += v;
      cubes += std::pow(std::abs(static_cast<double>(v)), 3);
      best = std::max(best, v);
    }
    average.data<float>()[map] = static_cast<float>(sum / 35);
    maximum.data<float>()[map] = best;
    norm.data<float>()[map] = static_cast<float>(std::cbrt(cubes));
  }
  for (const Given given : {Given::kPlain, Given::kBlocked}) {
    const Layout layout = given == Given::kBlocked ? Layout::kBlocked : Layout::kPlain;
    const auto a = EvaluateBlocked(MakeNode("GlobalAveragePool", 1), {x}, {given});
    ExpectNear(a.outputs[0], average, 2e-6f);
    EXPECT_EQ(a.layouts[0], layout);
    const auto m = EvaluateBlocked(MakeNode("GlobalMaxPool", 1), {x}, {given});
    ExpectNear(m.outputs[0], maximum);
    EXPECT_EQ(m.layouts[0], layout);
  }
  ExpectNear(RunOp("GlobalLpPool", {x}, {{"p", Int(3)}}), norm, 2e-6f);
  EXPECT_EQ(ValuesOf<double>(RunOp("GlobalMaxPool", {Of<double>({1, 1, 2, 2}, {1, 4, 2, 3})})),
            (std::vector<double>{4}));
  ExpectNear(RunOp("GlobalAveragePool", {Of<float>({1, 2, 3}, {1, 2, 3, 4, 5, 6})}),
             Of<float>({1, 2, 1}, {2, 5}));
}

TEST(GlobalPool, WrongInputs) {
  ExpectError(ErrorCode::kInvalidModel, [] { RunOp("GlobalMaxPool", {Random({3}, 1)}); });
  ExpectError(ErrorCode::kInvalidModel, [] { RunOp("GlobalMaxPool", {Random({1, 3, 0, 2}, 1)}); });
  ExpectError(ErrorCode::kUnsupported, [] {
    RunOp("GlobalMaxPool", {Tensor(DataType::kInt64, {1, 1, 2})});
  });
}

}  // namespace
}  // namespace kinglet::test::pool_test
