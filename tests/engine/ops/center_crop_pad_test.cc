#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::center_crop_pad_test {
namespace {

Tensor Sizes(const Ints& values) {
  return Of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

TEST(CenterCropPad, ByHand) {
  const Tensor x = Of<float>({5}, {1, 2, 3, 4, 5});
  const auto along = [&](std::int64_t size) {
    return ValuesOf<float>(RunOp("CenterCropPad", {x, Sizes({size})}, {}, 18));
  };
  EXPECT_EQ(along(5), (Floats{1, 2, 3, 4, 5}));
  EXPECT_EQ(along(4), (Floats{1, 2, 3, 4}));
  EXPECT_EQ(along(3), (Floats{2, 3, 4}));
  EXPECT_EQ(along(2), (Floats{2, 3}));
  EXPECT_EQ(along(0), Floats{});
  EXPECT_EQ(along(6), (Floats{1, 2, 3, 4, 5, 0}));
  EXPECT_EQ(along(7), (Floats{0, 1, 2, 3, 4, 5, 0}));
}

// Element by element, cropped and filled up at once.
TEST(CenterCropPad, SeveralAxesOfEveryType) {
  const Shape in{3, 10, 8}, out{6, 7, 8};
  for (const DataType type : {DataType::kFloat32, DataType::kFloat64, DataType::kInt8,
                              DataType::kInt64, DataType::kUInt16, DataType::kBool}) {
    const Tensor x = testing::Iota(type, in);
    const Tensor y =
        RunOp("CenterCropPad", {x, Sizes({6, 7})}, {{"axes", Attribute(Ints{0, -2})}}, 18);
    ASSERT_EQ(y.shape(), out);
    const std::size_t size = DataTypeSize(type);
    for (std::int64_t i = 0; i < y.size(); ++i) {
      const std::int64_t k = i % 8, j = i / 8 % 7 + 1, h = i / 56 - 1;
      const bool inside = h >= 0 && h < 3;
      const std::string zero(size, '\0');
      const auto* from = static_cast<const char*>(x.raw()) +
                         (inside ? (h * 10 + j) * 8 + k : 0) * static_cast<std::int64_t>(size);
      ASSERT_EQ(std::string(static_cast<const char*>(y.raw()) + i * static_cast<std::int64_t>(size),
                            size),
                inside ? std::string(from, size) : zero);
    }
  }
  EXPECT_TRUE(testing::SameTensor(
      RunOp("CenterCropPad", {Random(in, 1), Sizes({8, 5, 2})},
            {{"axes", Attribute(Ints{2, 1, 0})}}, 18),
      RunOp("CenterCropPad", {Random(in, 1), Of<std::int32_t>({3}, {2, 5, 8})}, {}, 18)));
}

TEST(CenterCropPad, EmptyAndWrong) {
  const std::int64_t large = std::int64_t{1} << 60;
  EXPECT_EQ(RunOp("CenterCropPad", {Random({2, 3}, 1), Sizes({0, large})}, {}, 18).shape(),
            (Shape{0, large}));
  EXPECT_EQ(ValuesOf<float>(RunOp("CenterCropPad", {Random({0}, 1), Sizes({2})}, {}, 18)),
            (Floats{0, 0}));
  const Tensor x = Random({2, 3}, 1);
  const auto wrong = [&](const Ints& sizes, AttributeList list = {}) {
    ExpectError(ErrorCode::kInvalidModel, [&] {
      RunOp("CenterCropPad", {x, Sizes(sizes)}, list, 18);
    });
  };
  wrong({1});
  wrong({1, -1});
  wrong({1, 2}, {{"axes", Attribute(Ints{0})}});
  wrong({1, 2}, {{"axes", Attribute(Ints{0, -2})}});
  wrong({1}, {{"axes", Attribute(Ints{2})}});
  ExpectError(ErrorCode::kInvalidModel, [] {
    RunOp("CenterCropPad", {Of<float>({}, {1}), Sizes({})}, {}, 18);
  });
}

}  // namespace
}  // namespace kinglet::test::center_crop_pad_test
