#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/op_runner.h"

namespace kinglet::reshape_test {
namespace {

using testing::Catch;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Iota;
using testing::SameTensor;

Tensor Ints(const std::vector<std::int64_t>& values) {
  return Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}
Attributes IntAttribute(const char* name, std::int64_t value) {
  Attributes attributes;
  attributes.Set(name, value);
  return attributes;
}
Attributes Axes(const std::vector<std::int64_t>& axes) {
  Attributes attributes;
  attributes.Set("axes", axes);
  return attributes;
}
Shape ReshapeTo(const Shape& from, const std::vector<std::int64_t>& to, Attributes a = {},
                int opset = 14) {
  const Tensor in = Iota(DataType::kFloat32, from);
  const Tensor out = EvaluateOp("Reshape", {in, Ints(to)}, std::move(a), opset)[0];
  EXPECT_TRUE(SameTensor(in.Reshaped(out.shape()), out));
  return out.shape();
}

TEST(Reshape, FillsInZeroAndMinusOne) {
  EXPECT_THAT(ReshapeTo({2, 3, 4}, {4, 6}), ElementsAre(4, 6));
  EXPECT_THAT(ReshapeTo({2, 3, 4}, {0, -1}), ElementsAre(2, 12));
  EXPECT_THAT(ReshapeTo({2, 3, 4}, {-1, 0, 2, 2}), ElementsAre(2, 3, 2, 2));
  EXPECT_THAT(ReshapeTo({1, 1}, {}), ElementsAre());
  EXPECT_THAT(ReshapeTo({0, 3}, {0, 3}), ElementsAre(0, 3));
  EXPECT_THAT(ReshapeTo({0, 3}, {3, 4, 0}, IntAttribute("allowzero", 1)), ElementsAre(3, 4, 0));
  EXPECT_THAT(ReshapeTo({0, 3}, {3, -1}), ElementsAre(3, 0));
}

TEST(Reshape, RefusesWhatDoesNotFit) {
  for (const std::vector<std::int64_t>& to : {std::vector<std::int64_t>{7, -1},
                                              {-1, -1},
                                              {-2, 3},
                                              {5},
                                              {2, 3, 4, 0},
                                              {std::int64_t{1} << 33, std::int64_t{1} << 33, -1},
                                              {std::int64_t{1} << 62, 4, 0}}) {
    const auto thrown = Catch([&] {
      EvaluateOp("Reshape", {Iota(DataType::kFloat32, {2, 3, 4}), Ints(to)}, {}, 14);
    });
    EXPECT_EQ(thrown.code, ErrorCode::kInvalidModel) << thrown.message;
  }
}

TEST(Flatten, SplitsAtTheAxis) {
  const Tensor in = Iota(DataType::kInt16, {2, 3, 4, 5});
  EXPECT_THAT(EvaluateOp("Flatten", {in})[0].shape(), ElementsAre(2, 60));
  EXPECT_THAT(EvaluateOp("Flatten", {in}, IntAttribute("axis", 0))[0].shape(), ElementsAre(1, 120));
  EXPECT_THAT(EvaluateOp("Flatten", {in}, IntAttribute("axis", 4))[0].shape(), ElementsAre(120, 1));
  EXPECT_THAT(EvaluateOp("Flatten", {in}, IntAttribute("axis", -1))[0].shape(), ElementsAre(24, 5));
  EXPECT_THAT(Catch([&] { EvaluateOp("Flatten", {in}, IntAttribute("axis", 5)); }).message,
              HasSubstr("axis 5"));
}

TEST(Squeeze, DropsAxesOfOne) {
  const Tensor in = Iota(DataType::kFloat32, {1, 3, 1, 5});
  EXPECT_THAT(EvaluateOp("Squeeze", {in})[0].shape(), ElementsAre(3, 5));
  EXPECT_THAT(EvaluateOp("Squeeze", {in, Ints({-2})})[0].shape(), ElementsAre(1, 3, 5));
  EXPECT_THAT(EvaluateOp("Squeeze", {in}, Axes({0, 2}), 11)[0].shape(), ElementsAre(3, 5));
  EXPECT_THAT(Catch([&] { EvaluateOp("Squeeze", {in, Ints({1})}); }).message, HasSubstr("size 3"));
  EXPECT_THAT(Catch([&] {
                EvaluateOp("Squeeze", {in, Ints({0, -4})});
              }).message,
              HasSubstr("twice"));
}

TEST(Unsqueeze, InsertsAxesOfOne) {
  const Tensor in = Iota(DataType::kFloat32, {3, 5});
  EXPECT_THAT(EvaluateOp("Unsqueeze", {in, Ints({2, 0, -1})})[0].shape(),
              ElementsAre(1, 3, 1, 5, 1));
  EXPECT_THAT(EvaluateOp("Unsqueeze", {in}, Axes({1}), 11)[0].shape(), ElementsAre(3, 1, 5));
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Unsqueeze", {in, Ints({0, 1, 2, 3, 4, 5, 6})});
            }).code,
            ErrorCode::kUnsupported);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Unsqueeze", {in, Ints({4})});
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] { EvaluateOp("Unsqueeze", {in}, {}, 11); }).code, ErrorCode::kInvalidModel);
}

Tensor Ones() {
  Tensor ones(DataType::kBool, {2, 3});
  std::fill_n(ones.data<bool>(), 6, true);
  return ones;
}

TEST(Dropout, PassesOnAndMasksNothing) {
  const Tensor in = Iota(DataType::kFloat32, {2, 3});
  const auto outputs = EvaluateOp("Dropout", {in}, {}, 13, 2);
  EXPECT_TRUE(SameTensor(in, outputs[0]));
  EXPECT_TRUE(SameTensor(Ones(), outputs[1]));
  EXPECT_EQ(EvaluateOp("Dropout", {in}, {}, 7, 2)[1].type(), DataType::kFloat32);
}

TEST(Dropout, RefusesTraining) {
  const Tensor in = Iota(DataType::kFloat32, {2, 3});
  Tensor yes(DataType::kBool, {});
  *yes.data<bool>() = true;
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Dropout", {in, {}, yes}, {}, 13);
            }).code,
            ErrorCode::kUnsupported);
  const Tensor none = Tensor::From<float>({}, {0.0f});
  EXPECT_TRUE(SameTensor(in, EvaluateOp("Dropout", {in, none, yes}, {}, 13)[0]));
}

}  // namespace
}  // namespace kinglet::reshape_test
