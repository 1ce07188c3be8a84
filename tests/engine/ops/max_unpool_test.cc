#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::max_unpool_test {
namespace {

const AttributeList kTwoByTwo = {{"kernel_shape", Attribute(Ints{2, 2})},
                                 {"strides", Attribute(Ints{2, 2})}};

Attributes TwoByTwo() {
  return MakeAttributes(
      {{"kernel_shape", Attribute(Ints{2, 2})}, {"strides", Attribute(Ints{2, 2})}});
}

TEST(MaxUnpool, PutsBackWhatMaxPoolTook) {
  for (const Shape& shape : {Shape{2, 3, 6, 8}, Shape{1, 2, 7, 5}}) {
    const Tensor x = Random(shape, 1, 1, 2);
    const auto pooled = EvaluateOp("MaxPool", {x}, TwoByTwo(), 12, 2);
    std::vector<Tensor> inputs = pooled;
    if (shape[2] % 2 != 0) inputs.push_back(Of<std::int64_t>({4}, shape));
    const Tensor y = EvaluateOp("MaxUnpool", inputs, TwoByTwo(), 11)[0];
    ASSERT_EQ(y.shape(), shape);
    std::int64_t kept = 0;
    for (std::int64_t i = 0; i < y.size(); ++i) {
      if (y.data<float>()[i] == 0) continue;
      EXPECT_EQ(y.data<float>()[i], x.data<float>()[i]);
      ++kept;
    }
    EXPECT_EQ(kept, pooled[0].size());
  }
}

TEST(MaxUnpool, ShapesOfKernelsStridesAndPads) {
  const auto shape = [](const Shape& in, AttributeList list) {
    const Tensor indices(DataType::kInt64, in);
    return RunOp("MaxUnpool", {Random(in, 1), indices}, list).shape();
  };
  EXPECT_EQ(shape({1, 1, 3}, {{"kernel_shape", Attribute(Ints{2})}}), (Shape{1, 1, 4}));
  EXPECT_EQ(shape({1, 1, 3, 4}, {{"kernel_shape", Attribute(Ints{3, 2})},
                                 {"strides", Attribute(Ints{2, 1})},
                                 {"pads", Attribute(Ints{1, 0, 1, 1})}}),
            (Shape{1, 1, 5, 4}));
  EXPECT_EQ(shape({1, 1, 2, 2, 2}, {{"kernel_shape", Attribute(Ints{2, 2, 2})},
                                    {"strides", Attribute(Ints{2, 2, 2})}}),
            (Shape{1, 1, 4, 4, 4}));
}

TEST(MaxUnpool, DoublesEmptyAndWrong) {
  const Tensor x = Of<double>({1, 1, 1, 1}, {5});
  const Tensor at = Of<std::int64_t>({1, 1, 1, 1}, {2});
  EXPECT_EQ(ValuesOf<double>(EvaluateOp("MaxUnpool", {x, at}, TwoByTwo(), 11)[0]),
            (std::vector<double>{0, 0, 5, 0}));
  EXPECT_EQ(
      EvaluateOp("MaxUnpool", {Random({0, 1, 2, 2}, 1), Tensor(DataType::kInt64, {0, 1, 2, 2})},
                 TwoByTwo(), 11)[0]
          .shape(),
      (Shape{0, 1, 4, 4}));
  const auto wrong = [](ErrorCode code, const std::vector<Tensor>& inputs, AttributeList list) {
    ExpectError(code, [&] { RunOp("MaxUnpool", inputs, list); });
  };
  const AttributeList& list = kTwoByTwo;
  for (const std::int64_t index : {4, -1}) {
    wrong(ErrorCode::kInvalidInput, {x, Of<std::int64_t>({1, 1, 1, 1}, {index})}, list);
  }
  constexpr ErrorCode kInvalid = ErrorCode::kInvalidModel;
  wrong(kInvalid, {x, Of<std::int64_t>({1, 1, 1}, {0})}, list);
  wrong(kInvalid, {x, Of<std::int32_t>({1, 1, 1, 1}, {0})}, list);
  wrong(kInvalid, {x, at}, {});
  wrong(kInvalid, {x, at}, {{"kernel_shape", Attribute(Ints{2})}});
  wrong(kInvalid, {x, at}, {{"kernel_shape", Attribute(Ints{2, 0})}});
  wrong(kInvalid, {x, at},
        {{"kernel_shape", Attribute(Ints{2, 2})}, {"strides", Attribute(Ints{0, 1})}});
  wrong(kInvalid, {x, at},
        {{"kernel_shape", Attribute(Ints{2, 2})}, {"pads", Attribute(Ints{9, 0, 0, 0})}});
  wrong(kInvalid, {x, at, Of<std::int64_t>({4}, {1, 2, 2, 2})}, list);
  wrong(kInvalid, {x, at, Of<std::int64_t>({3}, {1, 1, 2})}, list);
  wrong(ErrorCode::kUnsupported, {testing::Iota(DataType::kInt32, {1, 1, 1, 1}), at}, list);
}

}  // namespace
}  // namespace kinglet::test::max_unpool_test
