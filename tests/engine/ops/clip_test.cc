#include <limits>

#include "tests/support/blocked_op.h"
#include "tests/support/op_test.h"

namespace kinglet::test::clip_test {
namespace {

TEST(Clip, AttributesBefore11) {
  const Tensor x = Of<float>({4}, {-2, 0, 3, 9});
  ExpectNear(RunOp("Clip", {x}, {{"min", Float(-1)}, {"max", Float(6)}}, 10),
             Of<float>({4}, {-1, 0, 3, 6}));
  ExpectNear(RunOp("Clip", {x}, {{"max", Float(6)}}, 7), Of<float>({4}, {-2, 0, 3, 6}));
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Clip", {x, Of<float>({}, {0})}, {}, 10); });
}

TEST(Clip, InputsFrom11) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Of<float>({4}, {-2, nan, 3, 9});
  const Tensor zero = Of<float>({}, {0});
  const Tensor six = Of<float>({1}, {6});
  ExpectNear(RunOp("Clip", {x, zero, six}, {}, 11), Of<float>({4}, {0, nan, 3, 6}));
  ExpectNear(RunOp("Clip", {x, Tensor(), six}), Of<float>({4}, {-2, nan, 3, 6}));
  ExpectNear(RunOp("Clip", {x, zero}), Of<float>({4}, {0, nan, 3, 9}));
  ExpectNear(RunOp("Clip", {x}), x);
  // Crossed bounds give the upper one.
  ExpectNear(RunOp("Clip", {Of<float>({2}, {-1, 9}), six, zero}), Of<float>({2}, {0, 0}));
  EXPECT_EQ(
      ValuesOf<std::int8_t>(RunOp("Clip", {Of<std::int8_t>({3}, {-9, 1, 9}),
                                           Of<std::int8_t>({}, {-2}), Of<std::int8_t>({}, {2})})),
      (std::vector<std::int8_t>{-2, 1, 2}));
}

TEST(Clip, BlockedKeepsPadLanesZero) {
  const Tensor x = Random({2, 21, 3, 5}, 1, -3, 3);
  const Tensor low = Of<float>({}, {0.5f});
  Tensor expected = x.Clone();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    expected.data<float>()[i] = std::max(0.5f, x.data<float>()[i]);
  }
  for (const Given bound : {Given::kConstant, Given::kPlain}) {
    const auto result = EvaluateBlocked(MakeNode("Clip", 2), {x, low}, {Given::kBlocked, bound});
    EXPECT_EQ(result.layouts[0], Layout::kBlocked);
    ExpectNear(result.outputs[0], expected);
  }
}

TEST(Clip, WrongInputs) {
  const Tensor x = Random({2}, 1);
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Clip", {x, Of<double>({}, {0})}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Clip", {x, x}); });
}

}  // namespace
}  // namespace kinglet::test::clip_test
