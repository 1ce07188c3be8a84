#include <limits>

#include "tests/support/blocked_op.h"
#include "tests/support/op_test.h"

namespace kinglet::test::variadic_test {
namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Variadic, BroadcastsAnyNumber) {
  const Tensor a = Of<float>({2, 1}, {1, 4});
  const Tensor b = Of<float>({3}, {2, 3, 6});
  const Tensor c = Of<float>({}, {3});
  ExpectNear(RunOp("Sum", {a, b, c}), Of<float>({2, 3}, {6, 7, 10, 9, 10, 13}));
  ExpectNear(RunOp("Mean", {a, b, c}),
             Of<float>({2, 3}, {2, 7.f / 3, 10.f / 3, 3, 10.f / 3, 13.f / 3}));
  ExpectNear(RunOp("Min", {a, b, c}), Of<float>({2, 3}, {1, 1, 1, 2, 3, 3}));
  ExpectNear(RunOp("Max", {a, b, c}), Of<float>({2, 3}, {3, 3, 6, 4, 4, 6}));
  ExpectNear(RunOp("Mean", {a, b}), Of<float>({2, 3}, {1.5f, 2, 3.5f, 3, 3.5f, 5}));
  ExpectNear(RunOp("Sum", {c, b, a}), Of<float>({2, 3}, {6, 7, 10, 9, 10, 13}));
  for (const char* op : {"Sum", "Mean", "Min", "Max"}) ExpectNear(RunOp(op, {b}), b);
}

TEST(Variadic, TypesAndNan) {
  ExpectNear(RunOp("Max", {Of<float>({2}, {kNan, 1}), Of<float>({2}, {1, kNan})}),
             Of<float>({2}, {kNan, kNan}));
  ExpectNear(RunOp("Min", {Of<float>({2}, {kNan, 1}), Of<float>({2}, {1, kNan})}),
             Of<float>({2}, {kNan, kNan}));
  EXPECT_EQ(ValuesOf<std::int64_t>(
                RunOp("Max", {Of<std::int64_t>({2}, {1, 5}), Of<std::int64_t>({}, {3})})),
            (Ints{3, 5}));
  EXPECT_EQ(ValuesOf<double>(RunOp("Mean", {Of<double>({1}, {1}), Of<double>({1}, {2})})),
            (std::vector<double>{1.5}));
}

TEST(Variadic, Blocked) {
  const Shape shape{2, 21, 3, 5};
  const std::vector<Tensor> x = {Random(shape, 1), Random(shape, 2), Random(shape, 3)};
  for (const char* op : {"Sum", "Mean", "Min", "Max"}) {
    for (const std::size_t count : {1u, 2u, 3u}) {
      SCOPED_TRACE(std::string(op) + " of " + std::to_string(count));
      const std::vector<Tensor> some(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(count));
      std::vector<Given> given(count, Given::kPlain);
      given[count - 1] = Given::kBlocked;
      const auto blocked = EvaluateBlocked(MakeNode(op, count), some, given);
      EXPECT_EQ(blocked.layouts[0], Layout::kBlocked);
      ExpectNear(blocked.outputs[0], RunOp(op, some));
    }
  }
  const auto mixed = EvaluateBlocked(MakeNode("Sum", 3), {x[0], x[1], Random({21, 1, 1}, 4)},
                                     {Given::kBlocked, Given::kBlocked, Given::kConstant});
  EXPECT_EQ(mixed.layouts[0], Layout::kPlain);
}

TEST(Variadic, WrongInputs) {
  const Tensor a = Random({2, 3}, 1);
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Sum", {a, a, Random({2, 2}, 1)}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Sum", {a, Of<double>({}, {1})}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Sum", {a, Tensor(), a}); });
  ExpectError(ErrorCode::kUnsupported, [&] { RunOp("Sum", {Of<std::int64_t>({1}, {1})}); });
}

TEST(PRelu, PlainAndBlocked) {
  const Tensor x = Random({2, 21, 3, 5}, 1);
  const Tensor slope = Random({21, 1, 1}, 2);
  Tensor expected = x.Clone();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const float v = x.data<float>()[i];
    expected.data<float>()[i] = v < 0 ? v * slope.data<float>()[i / 15 % 21] : v;
  }
  for (const Given given : {Given::kPlain, Given::kBlocked}) {
    const auto y = EvaluateBlocked(MakeNode("PRelu", 2), {x, slope}, {given, Given::kConstant});
    ExpectNear(y.outputs[0], expected);
    EXPECT_EQ(y.layouts[0] == Layout::kBlocked, given == Given::kBlocked);
  }
  EXPECT_EQ(ValuesOf<std::int32_t>(
                RunOp("PRelu", {Of<std::int32_t>({2}, {-2, 2}), Of<std::int32_t>({1}, {3})})),
            (std::vector<std::int32_t>{-6, 2}));
  ExpectError(ErrorCode::kInvalidModel, [] {
    RunOp("PRelu", {Random({3}, 1), Random({2, 3}, 1)});
  });
}

}  // namespace
}  // namespace kinglet::test::variadic_test
