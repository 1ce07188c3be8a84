#include <limits>

#include "engine/ops/dispatch.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::nonzero_test {
namespace {

TEST(NonZero, EveryRankAndType) {
  for (const Shape& shape : {Shape{40}, Shape{5, 8}, Shape{2, 5, 4}, Shape{2, 1, 5, 4}}) {
    for (const DataType type : {DataType::kBool, DataType::kFloat32, DataType::kInt64}) {
      Tensor x(type, shape);
      Ints positions;
      DispatchType(type, [&]<typename T>() {
        for (std::int64_t i = 0; i < x.size(); ++i) {
          x.data<T>()[i] = static_cast<T>(i * 7 % 5 == 1 || i == 39);
          if (i * 7 % 5 == 1 || i == 39) positions.push_back(i);
        }
      });
      const Tensor found = RunOp("NonZero", {x}, {}, 13);
      const auto count = static_cast<std::int64_t>(positions.size());
      ASSERT_EQ(found.shape(), (Shape{static_cast<std::int64_t>(shape.size()), count}));
      std::int64_t stride = 1;
      for (std::size_t k = shape.size(); k-- > 0; stride *= shape[k]) {
        for (std::int64_t i = 0; i < count; ++i) {
          EXPECT_EQ(found.data<std::int64_t>()[static_cast<std::int64_t>(k) * count + i],
                    positions[static_cast<std::size_t>(i)] / stride % shape[k]);
        }
      }
    }
  }
}

TEST(NonZero, EmptyScalarNanAndMinusZero) {
  EXPECT_EQ(RunOp("NonZero", {Tensor(DataType::kBool, {0, 3})}).shape(), (Shape{2, 0}));
  EXPECT_EQ(RunOp("NonZero", {Of<float>({3}, {0, 0, 0})}).shape(), (Shape{1, 0}));
  EXPECT_EQ(RunOp("NonZero", {Of<float>({}, {2})}).shape(), (Shape{0, 1}));
  const Tensor x = Of<float>({3}, {-0.0f, std::nanf(""), 1e-45f});
  EXPECT_EQ(ValuesOf<std::int64_t>(RunOp("NonZero", {x}, {}, 9)), (Ints{1, 2}));
}

// Bytes are looked at eight at a time.
TEST(NonZero, SparseAndDenseBytes) {
  for (const std::int64_t count : {1, 7, 8, 9, 64, 200}) {
    for (const std::int64_t step : {1, 2, 9, 63, 300}) {
      Tensor x(DataType::kUInt8, {count});
      Ints expected;
      for (std::int64_t i = 0; i < count; ++i) {
        const bool set = i % step == step / 2;
        x.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(set ? 1 << i % 8 : 0);
        if (set) expected.push_back(i);
      }
      EXPECT_EQ(ValuesOf<std::int64_t>(RunOp("NonZero", {x})), expected) << count << ", " << step;
    }
  }
}

Tensor Bools(std::vector<int> values) {
  Tensor tensor(DataType::kBool, {static_cast<std::int64_t>(values.size())});
  for (std::size_t i = 0; i < values.size(); ++i) tensor.data<bool>()[i] = values[i] != 0;
  return tensor;
}

TEST(Compress, AxesAndFlat) {
  const Tensor x = testing::Iota(DataType::kFloat32, {3, 2});
  const Tensor rows = RunOp("Compress", {x, Bools({0, 1, 1})}, {{"axis", Int(0)}});
  EXPECT_EQ(rows.shape(), (Shape{2, 2}));
  EXPECT_EQ(ValuesOf<float>(rows), (Floats{2, 3, 4, 5}));
  const Tensor columns = RunOp("Compress", {x, Bools({0, 1})}, {{"axis", Int(-1)}}, 11);
  EXPECT_EQ(columns.shape(), (Shape{3, 1}));
  EXPECT_EQ(ValuesOf<float>(columns), (Floats{1, 3, 5}));
  EXPECT_EQ(ValuesOf<float>(RunOp("Compress", {x, Bools({0, 1, 0, 0, 1})})), (Floats{1, 4}));
  // Shorter and longer than the axis.
  EXPECT_EQ(ValuesOf<float>(RunOp("Compress", {x, Bools({1})}, {{"axis", Int(0)}})),
            (Floats{0, 1}));
  EXPECT_EQ(RunOp("Compress", {x, Bools({0, 0, 0, 1})}, {{"axis", Int(0)}}).shape(), (Shape{0, 2}));
}

TEST(Compress, WrongInputs) {
  const Tensor x = testing::Iota(DataType::kFloat32, {3, 2});
  ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Compress", {x, x}); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("Compress", {x, Bools({1})}, {{"axis", Int(2)}});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("Compress", {x, Of<std::int64_t>({1}, {1})});
  });
}

std::vector<Tensor> Unique(const Tensor& x, AttributeList attributes) {
  return EvaluateOp("Unique", {x}, MakeAttributes(attributes), 11, 4);
}

TEST(Unique, SortedAndInOrder) {
  const Tensor x = Of<float>({6}, {2, 1, 1, 3, 4, 3});
  const auto sorted = Unique(x, {});
  EXPECT_EQ(ValuesOf<float>(sorted[0]), (Floats{1, 2, 3, 4}));
  EXPECT_EQ(ValuesOf<std::int64_t>(sorted[1]), (Ints{1, 0, 3, 4}));
  EXPECT_EQ(ValuesOf<std::int64_t>(sorted[2]), (Ints{1, 0, 0, 2, 3, 2}));
  EXPECT_EQ(ValuesOf<std::int64_t>(sorted[3]), (Ints{2, 1, 2, 1}));
  const auto found = Unique(x, {{"sorted", Int(0)}});
  EXPECT_EQ(ValuesOf<float>(found[0]), (Floats{2, 1, 3, 4}));
  EXPECT_EQ(ValuesOf<std::int64_t>(found[1]), (Ints{0, 1, 3, 4}));
  EXPECT_EQ(ValuesOf<std::int64_t>(found[2]), (Ints{0, 1, 1, 2, 3, 2}));
  EXPECT_EQ(ValuesOf<std::int64_t>(found[3]), (Ints{1, 2, 2, 1}));
}

TEST(Unique, SlicesNanAndEmpty) {
  const Tensor x = Of<std::int64_t>({2, 3}, {1, 0, 1, 2, 5, 2});
  const auto columns = Unique(x, {{"axis", Int(1)}});
  EXPECT_EQ(columns[0].shape(), (Shape{2, 2}));
  EXPECT_EQ(ValuesOf<std::int64_t>(columns[0]), (Ints{0, 1, 5, 2}));
  EXPECT_EQ(ValuesOf<std::int64_t>(columns[2]), (Ints{1, 0, 1}));
  const float nan = std::nanf("");
  const auto nans = Unique(Of<float>({5}, {nan, 1, nan, -1, nan}), {});
  EXPECT_EQ(ValuesOf<std::int64_t>(nans[3]), (Ints{1, 1, 3}));
  EXPECT_EQ(Unique(Tensor(DataType::kBool, {0}), {})[0].shape(), (Shape{0}));
}

}  // namespace
}  // namespace kinglet::test::nonzero_test
