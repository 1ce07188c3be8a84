#include <gmock/gmock.h>

#include "tests/support/index.h"
#include "tests/support/op_runner.h"

namespace kinglet::expand_test {
namespace {

using testing::Catch;
using ::testing::HasSubstr;
using testing::Index;
using testing::Iota;
using testing::Moved;
using testing::SameTensor;

Tensor Ints(const std::vector<std::int64_t>& values) {
  return Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

TEST(Expand, RepeatsSizesOfOneBothWays) {
  const auto check = [](const Shape& from, const Shape& to, const Shape& out) {
    for (const DataType type : {DataType::kFloat32, DataType::kUInt8}) {
      const Tensor in = Iota(type, from);
      const Tensor expected = Moved(in, out, [&](const Index& index) {
        Index source(index.end() - static_cast<std::ptrdiff_t>(from.size()), index.end());
        for (std::size_t k = 0; k < from.size(); ++k) source[k] %= from[k];
        return source;
      });
      EXPECT_TRUE(SameTensor(expected, EvaluateOp("Expand", {in, Ints(to)})[0]));
    }
  };
  check({3, 1}, {3, 4}, {3, 4});
  check({3, 1}, {2, 1, 6}, {2, 3, 6});
  check({1, 5}, {7, 1}, {7, 5});
  check({2, 1, 3, 1}, {1, 4, 1, 2}, {2, 4, 3, 2});
  check({1}, {}, {1});
  check({2, 1}, {2, 0}, {2, 0});
  EXPECT_TRUE(SameTensor(Iota(DataType::kInt8, {1, 1}),
                         EvaluateOp("Expand", {Iota(DataType::kInt8, {}), Ints({1, 1})})[0]));
}

TEST(Expand, RefusesBombsAndMisfits) {
  const Tensor in = Iota(DataType::kFloat32, {3, 1});
  const std::int64_t big = std::int64_t{1} << 40;
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Expand", {in, Ints({big, big, 3, 1})});
            }).code,
            ErrorCode::kResource);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Expand", {in, Ints({2, 1})});
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Expand", {in, Ints({3, -1})});
            }).code,
            ErrorCode::kInvalidModel);
}

TEST(Tile, RepeatsEveryAxis) {
  const auto check = [](const Shape& from, const std::vector<std::int64_t>& repeats) {
    for (const DataType type : {DataType::kFloat32, DataType::kInt16}) {
      const Tensor in = Iota(type, from);
      Shape out;
      for (std::size_t k = 0; k < from.size(); ++k) out.push_back(from[k] * repeats[k]);
      const Tensor expected = Moved(in, out, [&](Index index) {
        for (std::size_t k = 0; k < from.size(); ++k) index[k] %= from[k];
        return index;
      });
      EXPECT_TRUE(SameTensor(expected, EvaluateOp("Tile", {in, Ints(repeats)})[0]));
    }
  };
  check({2, 3}, {1, 1});
  check({2, 3}, {2, 2});
  check({2, 3}, {3, 1});
  check({2, 3, 4}, {1, 2, 1});
  check({2, 1, 2, 3, 1}, {2, 3, 2, 2, 2});
  check({2, 3}, {0, 2});
  check({0, 3}, {2, 2});
  check({}, {});
}

TEST(Tile, RefusesBombsAndMisfits) {
  const Tensor in = Iota(DataType::kFloat32, {3, 2});
  const std::int64_t big = std::int64_t{1} << 62;
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Tile", {in, Ints({big, 1})});
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] { EvaluateOp("Tile", {in, Ints({2})}); }).code, ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] { EvaluateOp("Tile", {in, Ints({2, -1})}); }).code, ErrorCode::kInvalidModel);
}

TEST(Gather, TakesSlicesOnEveryAxis) {
  const Tensor in = Iota(DataType::kFloat32, {4, 5, 3});
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const Tensor indices = Tensor::From<std::int32_t>({2, 2}, {0, -1, 2, -3});
    Shape out = in.shape();
    out[axis] = 2;
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(axis), 2);
    const Tensor expected = Moved(in, out, [&](Index index) {
      const std::int64_t k = indices.data<std::int32_t>()[index[axis] * 2 + index[axis + 1]];
      index.erase(index.begin() + static_cast<std::ptrdiff_t>(axis));
      index[axis] = k < 0 ? k + in.shape()[axis] : k;
      return index;
    });
    Attributes attributes;
    attributes.Set("axis", static_cast<std::int64_t>(axis));
    EXPECT_TRUE(SameTensor(expected, EvaluateOp("Gather", {in, indices}, attributes)[0]));
  }
  const Tensor third = EvaluateOp("Gather", {in, Tensor::From<std::int64_t>({}, {2})})[0];
  EXPECT_EQ(third.shape(), (Shape{5, 3}));
}

TEST(Gather, RefusesConstantIndicesOutOfRange) {
  const Tensor in = Iota(DataType::kFloat32, {3, 2});
  EXPECT_THAT(Catch([&] {
                EvaluateOp("Gather", {in, Ints({1000})});
              }).message,
              HasSubstr("index 1000 is out of range [-3, 3)"));
  EXPECT_EQ(Catch([&] { EvaluateOp("Gather", {in, in}); }).code, ErrorCode::kInvalidModel);
}

TEST(Gather, ReportsIndicesOutOfRangeWhileItRuns) {
  const Tensor in = Iota(DataType::kFloat32, {3, 2});
  const Tensor indices = Ints({0, 3});
  TensorState data{DataType::kFloat32, {3, 2}, {}}, index{DataType::kInt64, {2}, {}}, out;
  const Node node = testing::MakeNode("Gather", 2);
  const NodeStates states{{&data, &index}, {&out}};
  InferNode(node, states, {});
  PlainPlanContext context(node, states);
  const auto step = FindOp("", "Gather")->plan(context);
  Tensor result(out.type, out.shape);
  const void* const inputs[] = {in.raw(), indices.raw()};
  void* const outputs[] = {result.raw()};
  RunStatus status;
  step->Run({inputs, outputs, nullptr, &status}, 0, step->units);
  EXPECT_FALSE(status.ok());
  EXPECT_STREQ(status.message(), "index 3 is out of range [-3, 3)");
}

}  // namespace
}  // namespace kinglet::expand_test
