#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::gather_nd_test {
namespace {

using testing::Iota;

TEST(GatherNd, ElementsSlicesAndBatches) {
  const Tensor data = Iota(DataType::kFloat32, {2, 3, 4});
  const auto elements = Of<std::int64_t>({2, 3}, {0, 1, 2, -1, -1, -1});
  EXPECT_EQ(ValuesOf<float>(RunOp("GatherND", {data, elements})), (Floats{6, 23}));
  const auto slices = Of<std::int64_t>({2, 1, 2}, {1, 0, 0, 2});
  const Tensor found = RunOp("GatherND", {data, slices});
  EXPECT_EQ(found.shape(), (Shape{2, 1, 4}));
  EXPECT_EQ(ValuesOf<float>(found), (Floats{12, 13, 14, 15, 8, 9, 10, 11}));
  const auto batched = Of<std::int32_t>({2, 2, 1}, {0, 2, -3, 1});
  const Tensor rows = RunOp("GatherND", {data, batched}, {{"batch_dims", Int(1)}}, 12);
  EXPECT_EQ(rows.shape(), (Shape{2, 2, 4}));
  EXPECT_EQ(ValuesOf<float>(rows),
            (Floats{0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}));
}

TEST(GatherNd, Empty) {
  const Tensor data = Iota(DataType::kInt64, {3, 0});
  EXPECT_EQ(RunOp("GatherND", {data, Of<std::int64_t>({2, 1}, {0, 1})}).shape(), (Shape{2, 0}));
  const Tensor some = Iota(DataType::kInt64, {3, 2});
  EXPECT_EQ(RunOp("GatherND", {some, Tensor(DataType::kInt64, {0, 2})}).shape(), (Shape{0}));
}

TEST(GatherNd, WrongInputs) {
  const Tensor data = Iota(DataType::kFloat32, {2, 3});
  const auto gather = [&](const Tensor& indices, std::int64_t batch_dims = 0) {
    RunOp("GatherND", {data, indices}, {{"batch_dims", Int(batch_dims)}});
  };
  ExpectError(ErrorCode::kInvalidInput, [&] { gather(Of<std::int64_t>({1, 2}, {0, 3})); });
  ExpectError(ErrorCode::kInvalidInput, [&] { gather(Of<std::int64_t>({1, 2}, {-3, 0})); });
  ExpectError(ErrorCode::kInvalidInput, [&] {
    gather(Of<std::int64_t>({1, 1}, {std::int64_t{1} << 62}));
  });
  ExpectError(ErrorCode::kInvalidModel, [&] { gather(Of<std::int64_t>({1, 3}, {0, 0, 0})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { gather(Of<std::int64_t>({}, {0})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { gather(Of<std::int64_t>({1, 1}, {0}), 1); });
  ExpectError(ErrorCode::kInvalidModel, [&] { gather(Of<std::int64_t>({1, 1}, {0}), -1); });
  ExpectError(ErrorCode::kInvalidModel, [&] { gather(Of<float>({1, 1}, {0})); });
}

TEST(GatherElements, EveryAxis) {
  const Tensor data = Iota(DataType::kInt16, {2, 3, 2});
  for (std::int64_t axis = -3; axis < 3; ++axis) {
    const auto along = static_cast<std::size_t>((axis + 3) % 3);
    const auto indices = Of<std::int64_t>({2, 2, 2}, {0, 1, -1, 0, 1, 1, 0, -2});
    const Tensor found = RunOp("GatherElements", {data, indices}, {{"axis", Int(axis)}});
    ASSERT_EQ(found.shape(), (Shape{2, 2, 2}));
    for (std::int64_t k = 0; k < 8; ++k) {
      std::int64_t at[] = {k / 4, k / 2 % 2, k % 2};
      const std::int64_t index = indices.data<std::int64_t>()[k];
      at[along] = index < 0 ? index + data.shape()[along] : index;
      EXPECT_EQ(found.data<std::int16_t>()[k], at[0] * 6 + at[1] * 2 + at[2]) << axis << ", " << k;
    }
  }
}

TEST(GatherElements, WrongInputs) {
  const Tensor data = Iota(DataType::kFloat32, {2, 3});
  const auto gather = [&](const Tensor& indices) {
    RunOp("GatherElements", {data, indices}, {{"axis", Int(1)}});
  };
  gather(Of<std::int32_t>({1, 5}, {0, 1, 2, -3, 2}));
  EXPECT_EQ(RunOp("GatherElements", {data, Tensor(DataType::kInt64, {2, 0})}).size(), 0);
  ExpectError(ErrorCode::kInvalidInput, [&] { gather(Of<std::int64_t>({1, 1}, {3})); });
  ExpectError(ErrorCode::kInvalidInput, [&] { gather(Of<std::int64_t>({1, 1}, {-4})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { gather(Of<std::int64_t>({3, 1}, {0, 0, 0})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { gather(Of<std::int64_t>({1}, {0})); });
}

}  // namespace
}  // namespace kinglet::test::gather_nd_test
