#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::scatter_test {
namespace {

using testing::Iota;

TEST(ScatterElements, EveryAxisAndSize) {
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    // As large as the data off the axis, and smaller.
    for (const Shape& size : {Shape{2, 3, 2}, Shape{1, 2, 1}, Shape{2, 3, 1}}) {
      const Tensor data = Iota(DataType::kFloat32, {2, 3, 2});
      Tensor indices(DataType::kInt64, size);
      for (std::int64_t k = 0; k < indices.size(); ++k) {
        indices.data<std::int64_t>()[k] = k % 3 == 0 ? -1 : k % 2;
      }
      const Tensor updates = Random(size, 3);
      Tensor expected = Iota(DataType::kFloat32, {2, 3, 2});
      for (std::int64_t k = 0; k < indices.size(); ++k) {
        std::int64_t at[] = {k / size[2] / size[1], k / size[2] % size[1], k % size[2]};
        const std::int64_t index = indices.data<std::int64_t>()[k];
        at[axis] = index < 0 ? index + data.shape()[static_cast<std::size_t>(axis)] : index;
        expected.data<float>()[at[0] * 6 + at[1] * 2 + at[2]] = updates.data<float>()[k];
      }
      const Tensor found =
          RunOp("ScatterElements", {data, indices, updates}, {{"axis", Int(axis)}}, 11);
      EXPECT_TRUE(testing::SameTensor(expected, found)) << axis << " " << ShapeToString(size);
    }
  }
}

TEST(ScatterElements, Reductions) {
  const auto run = [](const char* reduction) {
    return ValuesOf<float>(RunOp("ScatterElements",
                                 {Of<float>({3}, {1, 2, 3}), Of<std::int32_t>({4}, {1, -2, 0, 1}),
                                  Of<float>({4}, {5, 0.5f, -1, 4})},
                                 {{"reduction", Text(reduction)}}, 18));
  };
  EXPECT_EQ(run("none"), (Floats{-1, 4, 3}));
  EXPECT_EQ(run("add"), (Floats{0, 11.5f, 3}));
  EXPECT_EQ(run("mul"), (Floats{-1, 20, 3}));
  EXPECT_EQ(run("max"), (Floats{1, 5, 3}));
  EXPECT_EQ(run("min"), (Floats{-1, 0.5f, 3}));
}

TEST(ScatterElements, ManyElementsInPieces) {
  const Tensor data = Random({3, 9000}, 1), updates = Random({2, 9000}, 2);
  Tensor indices(DataType::kInt64, {2, 9000});
  for (std::int64_t k = 0; k < indices.size(); ++k) {
    indices.data<std::int64_t>()[k] = k * 7 % 3;
  }
  const Tensor found = RunOp("Scatter", {data, indices, updates}, {}, 9);
  for (std::int64_t x = 0; x < 9000; ++x) {
    Floats column = {data.data<float>()[x], data.data<float>()[9000 + x],
                     data.data<float>()[18000 + x]};
    for (const std::int64_t k : {x, 9000 + x}) {
      column[static_cast<std::size_t>(k * 7 % 3)] = updates.data<float>()[k];
    }
    for (std::int64_t r = 0; r < 3; ++r) {
      ASSERT_EQ(found.data<float>()[r * 9000 + x], column[static_cast<std::size_t>(r)]) << x;
    }
  }
}

TEST(Scatter, WrongInputs) {
  const Tensor data = Iota(DataType::kFloat32, {2, 3});
  const auto elements = [&](const Tensor& indices, const Tensor& updates,
                            const char* reduction = "none") {
    RunOp("ScatterElements", {data, indices, updates},
          {{"axis", Int(1)}, {"reduction", Text(reduction)}}, 18);
  };
  const Tensor one = Of<float>({1, 1}, {1});
  ExpectError(ErrorCode::kInvalidInput, [&] { elements(Of<std::int64_t>({1, 1}, {3}), one); });
  ExpectError(ErrorCode::kInvalidInput, [&] {
    elements(Of<std::int64_t>({2, 1}, {0, -4}), Of<float>({2, 1}, {1, 2}));
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    elements(Of<std::int64_t>({1, 1}, {0}), Of<float>({1, 2}, {1, 2}));
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    elements(Of<std::int64_t>({1, 1}, {0}), Of<std::int64_t>({1, 1}, {1}));
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    elements(Of<std::int64_t>({1, 1}, {0}), one, "mean");
  });
  const auto nd = [&](const Tensor& indices, const Tensor& updates) {
    RunOp("ScatterND", {data, indices, updates});
  };
  ExpectError(ErrorCode::kInvalidInput, [&] {
    nd(Of<std::int64_t>({1, 1}, {2}), Of<float>({1, 3}, {1, 2, 3}));
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    nd(Of<std::int64_t>({1, 1}, {1}), Of<float>({1, 2}, {1, 2}));
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    nd(Of<std::int64_t>({1, 3}, {0, 0, 0}), Of<float>({1}, {1}));
  });
}

TEST(ScatterNd, ElementsAndSlices) {
  const Tensor data = Iota(DataType::kInt64, {3, 2});
  const Tensor elements = RunOp(
      "ScatterND", {data, Of<std::int64_t>({2, 2}, {0, 1, -1, -2}), Of<std::int64_t>({2}, {9, 8})});
  EXPECT_EQ(ValuesOf<std::int64_t>(elements), (Ints{0, 9, 2, 3, 8, 5}));
  const auto slices = [&](const char* reduction) {
    return ValuesOf<std::int64_t>(RunOp("ScatterND",
                                        {data, Of<std::int64_t>({3, 1}, {2, 0, 2}),
                                         Of<std::int64_t>({3, 2}, {10, 11, 12, 13, 1, 20})},
                                        {{"reduction", Text(reduction)}}, 18));
  };
  EXPECT_EQ(slices("none"), (Ints{12, 13, 2, 3, 1, 20}));
  EXPECT_EQ(slices("add"), (Ints{12, 14, 2, 3, 15, 36}));
  EXPECT_EQ(slices("max"), (Ints{12, 13, 2, 3, 10, 20}));
}

TEST(ScatterNd, EmptyIndices) {
  const Tensor data = Iota(DataType::kFloat32, {3, 2});
  const Tensor found = RunOp(
      "ScatterND", {data, Tensor(DataType::kInt64, {0, 1}), Tensor(DataType::kFloat32, {0, 2})});
  EXPECT_TRUE(testing::SameTensor(data, found));
}

}  // namespace
}  // namespace kinglet::test::scatter_test
