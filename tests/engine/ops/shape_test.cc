#include <gmock/gmock.h>

#include <limits>

#include "tests/support/op_runner.h"

namespace kinglet::shape_test {
namespace {

using testing::Catch;
using testing::Iota;
using testing::SameTensor;

Tensor Ints(const std::vector<std::int64_t>& values) {
  return Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}
template <typename T>
Tensor Scalar(T value) {
  return Tensor::From<T>({}, {value});
}
Attributes StartEnd(std::int64_t start, std::int64_t end) {
  Attributes attributes;
  attributes.Set("start", start);
  attributes.Set("end", end);
  return attributes;
}

TEST(Shape, TakesAndClampsARange) {
  const Tensor in = Iota(DataType::kUInt8, {2, 3, 4});
  EXPECT_TRUE(SameTensor(Ints({2, 3, 4}), EvaluateOp("Shape", {in})[0]));
  EXPECT_TRUE(SameTensor(Ints({3}), EvaluateOp("Shape", {in}, StartEnd(1, -1), 15)[0]));
  EXPECT_TRUE(SameTensor(Ints({2, 3, 4}), EvaluateOp("Shape", {in}, StartEnd(-9, 9), 15)[0]));
  EXPECT_TRUE(SameTensor(Ints({}), EvaluateOp("Shape", {in}, StartEnd(2, 1), 15)[0]));
  EXPECT_TRUE(SameTensor(Ints({}), EvaluateOp("Shape", {Scalar(1.0f)})[0]));
}

TEST(Size, CountsElements) {
  const Tensor in = Iota(DataType::kFloat32, {2, 3, 4});
  EXPECT_TRUE(SameTensor(Scalar<std::int64_t>(24), EvaluateOp("Size", {in})[0]));
}

TEST(Constant, TakesEveryKindOfValue) {
  Attributes attributes;
  attributes.Set("value_floats", std::vector<float>{1, 2});
  EXPECT_TRUE(SameTensor(Tensor::From<float>({2}, {1, 2}),
                         EvaluateOp("Constant", {}, std::move(attributes))[0]));
  attributes = {};
  attributes.Set("value_int", std::int64_t{7});
  EXPECT_TRUE(SameTensor(Scalar<std::int64_t>(7), EvaluateOp("Constant", {}, attributes)[0]));
  attributes = {};
  attributes.Set("value_string", std::string("text"));
  EXPECT_EQ(Catch([&] { EvaluateOp("Constant", {}, attributes); }).code, ErrorCode::kUnsupported);
}

TEST(ConstantOfShape, Fills) {
  Attributes attributes;
  attributes.Set("value", Tensor::From<std::int16_t>({1}, {-3}));
  EXPECT_TRUE(SameTensor(Tensor::From<std::int16_t>({2, 2}, {-3, -3, -3, -3}),
                         EvaluateOp("ConstantOfShape", {Ints({2, 2})}, attributes)[0]));
  EXPECT_TRUE(SameTensor(Scalar(0.0f), EvaluateOp("ConstantOfShape", {Ints({})})[0]));
  EXPECT_EQ(EvaluateOp("ConstantOfShape", {Ints({0, 5})})[0].size(), 0);
}

TEST(ConstantOfShape, RefusesBombsAndNegativeSizes) {
  const std::int64_t big = std::int64_t{1} << 20;
  EXPECT_EQ(Catch([&] {
              EvaluateOp("ConstantOfShape", {Ints({big, big})});
            }).code,
            ErrorCode::kResource);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("ConstantOfShape", {Ints({2, -1})});
            }).code,
            ErrorCode::kInvalidModel);
}

TEST(ConstantOfShape, RefusesHugeSizesOfNothing) {
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_EQ(Catch([&] {
              EvaluateOp("ConstantOfShape", {Ints({huge, 0, huge})});
            }).code,
            ErrorCode::kResource);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Flatten", {Tensor(DataType::kInt8, {huge, 0, huge})});
            }).code,
            ErrorCode::kResource);
}

TEST(Range, CountsUpAndDown) {
  EXPECT_TRUE(SameTensor(Tensor::From<float>({3}, {1, 3, 5}),
                         EvaluateOp("Range", {Scalar(1.0f), Scalar(5.5f), Scalar(2.0f)})[0]));
  EXPECT_TRUE(SameTensor(Tensor::From<std::int32_t>({2}, {10, 7}),
                         EvaluateOp("Range", {Scalar<std::int32_t>(10), Scalar<std::int32_t>(4),
                                              Scalar<std::int32_t>(-3)})[0]));
  EXPECT_EQ(EvaluateOp("Range", {Scalar(1.0f), Scalar(0.0f), Scalar(1.0f)})[0].size(), 0);
}

TEST(Range, ReachesAcrossAllOfAType) {
  const Tensor found = EvaluateOp(
      "Range",
      {Scalar<std::int16_t>(-32768), Scalar<std::int16_t>(32767), Scalar<std::int16_t>(1)})[0];
  ASSERT_EQ(found.size(), 65535);
  EXPECT_EQ(found.data<std::int16_t>()[65534], 32766);
  const Tensor wide =
      EvaluateOp("Range", {Scalar<std::int32_t>(-2147483647), Scalar<std::int32_t>(2147483647),
                           Scalar<std::int32_t>(2000000000)})[0];
  EXPECT_TRUE(
      SameTensor(Tensor::From<std::int32_t>({3}, {-2147483647, -147483647, 1852516353}), wide));
}

TEST(Range, RefusesEndlessOnes) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Range", {Scalar(0.0f), Scalar(9.0f), Scalar(0.0f)});
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Range", {Scalar(0.0f), Scalar(infinity), Scalar(1.0f)});
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Range", {Scalar<std::int64_t>(std::numeric_limits<std::int64_t>::min()),
                                   Scalar<std::int64_t>(std::numeric_limits<std::int64_t>::max()),
                                   Scalar<std::int64_t>(1)});
            }).code,
            ErrorCode::kInvalidModel);
}

}  // namespace
}  // namespace kinglet::shape_test
