#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::reverse_sequence_test {
namespace {

Tensor Lengths(const Ints& values) {
  return Of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

TEST(ReverseSequence, ByHand) {
  const Tensor x = Of<float>({4, 4}, {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15});
  EXPECT_EQ(ValuesOf<float>(RunOp("ReverseSequence", {x, Lengths({4, 3, 2, 1})})),
            (Floats{3, 6, 9, 12, 2, 5, 8, 13, 1, 4, 10, 14, 0, 7, 11, 15}));
  EXPECT_EQ(ValuesOf<float>(RunOp("ReverseSequence", {x, Lengths({0, 1, 2, 4})},
                                  {{"time_axis", Int(1)}, {"batch_axis", Int(0)}})),
            (Floats{0, 4, 8, 12, 1, 5, 9, 13, 6, 2, 10, 14, 15, 11, 7, 3}));
}

TEST(ReverseSequence, SlicesOfEveryType) {
  for (const DataType type : {DataType::kFloat32, DataType::kFloat64, DataType::kInt8,
                              DataType::kInt64, DataType::kBool}) {
    const Tensor x = testing::Iota(type, {3, 2, 5});
    const Tensor y = RunOp("ReverseSequence", {x, Lengths({3, 2})}, {}, 10);
    const std::size_t slice = 5 * DataTypeSize(type);
    const std::int64_t from[] = {4, 3, 2, 1, 0, 5};  // slices of x
    for (std::size_t k = 0; k < 6; ++k) {
      EXPECT_EQ(
          std::string(static_cast<const char*>(y.raw()) + k * slice, slice),
          std::string(static_cast<const char*>(x.raw()) + static_cast<std::size_t>(from[k]) * slice,
                      slice));
    }
  }
}

TEST(ReverseSequence, EmptyAndWrong) {
  EXPECT_EQ(RunOp("ReverseSequence", {Random({0, 2}, 1), Lengths({0, 0})}).shape(), (Shape{0, 2}));
  EXPECT_EQ(RunOp("ReverseSequence", {Random({2, 0, 3}, 1), Lengths({})}).shape(),
            (Shape{2, 0, 3}));
  EXPECT_EQ(RunOp("ReverseSequence", {Random({2, 2, 0}, 1), Lengths({1, 2})}).shape(),
            (Shape{2, 2, 0}));
  const Tensor x = Random({3, 2}, 1);
  const auto wrong = [](const std::vector<Tensor>& inputs, AttributeList list = {}) {
    ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("ReverseSequence", inputs, list); });
  };
  wrong({Random({3}, 1), Lengths({1, 1, 1})});
  wrong({x, Lengths({1})});
  wrong({x, Of<std::int32_t>({2}, {1, 1})});
  wrong({x, Lengths({1, 1})}, {{"time_axis", Int(1)}});
  wrong({x, Lengths({1, 1})}, {{"time_axis", Int(2)}, {"batch_axis", Int(-1)}});
  ExpectError(ErrorCode::kInvalidInput, [&] { RunOp("ReverseSequence", {x, Lengths({4, 1})}); });
  ExpectError(ErrorCode::kInvalidInput, [&] { RunOp("ReverseSequence", {x, Lengths({1, -1})}); });
}

}  // namespace
}  // namespace kinglet::test::reverse_sequence_test
