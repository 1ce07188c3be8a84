#include <numeric>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::tensor_scatter_test {
namespace {

constexpr int kOpset = 24;

// Both tensors are {images, a, rows, b}; the rows from places[image] on.
Tensor Naive(const Tensor& cache, const Tensor& update, const Ints& places) {
  Tensor y = Tensor::From<float>(cache.shape(), ValuesOf<float>(cache));
  const Shape& s = cache.shape();
  const std::int64_t rows = update.shape()[2];
  for (std::int64_t i = 0; i < update.size(); ++i) {
    const std::int64_t column = i % s[3], row = i / s[3] % rows, outer = i / s[3] / rows;
    const std::int64_t place = places[static_cast<std::size_t>(outer / s[1])] + row;
    y.data<float>()[(outer * s[2] + place % s[2]) * s[3] + column] = update.data<float>()[i];
  }
  return y;
}

TEST(TensorScatter, LinearAndCircular) {
  const Tensor cache = Random({3, 2, 5, 4}, 1), update = Random({3, 2, 3, 4}, 2);
  const Ints linear{0, 2, 1};
  ExpectNear(RunOp("TensorScatter", {cache, update, Of<std::int64_t>({3}, linear)}, {}, kOpset),
             Naive(cache, update, linear), 0);
  const Ints circular{4, 0, 13};
  ExpectNear(RunOp("TensorScatter", {cache, update, Of<std::int64_t>({3}, circular)},
                   {{"mode", Text("circular")}}, kOpset),
             Naive(cache, update, circular), 0);
  ExpectNear(RunOp("TensorScatter", {cache, update}, {}, kOpset), Naive(cache, update, {0, 0, 0}),
             0);
}

TEST(TensorScatter, EveryAxisAndType) {
  for (const std::int64_t axis : {1, 2, -1, -2}) {
    const std::size_t at = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
    Shape small{2, 3, 4};
    small[at] = 1;
    for (const DataType type : {DataType::kUInt16, DataType::kInt8, DataType::kInt64}) {
      const Tensor cache = testing::Iota(type, {2, 3, 4});
      const Tensor update = testing::Iota(type, small);
      // Written at 1: the rest of the cache stays.
      const Tensor y = RunOp("TensorScatter", {cache, update, Of<std::int64_t>({2}, {1, 1})},
                             {{"axis", Int(axis)}}, kOpset);
      const Tensor before =
          RunOp("Slice", {cache, Of<std::int64_t>({1}, {0}), Of<std::int64_t>({1}, {1}),
                          Of<std::int64_t>({1}, {axis})});
      const Tensor behind =
          RunOp("Slice", {cache, Of<std::int64_t>({1}, {2}), Of<std::int64_t>({1}, {9}),
                          Of<std::int64_t>({1}, {axis})});
      EXPECT_TRUE(
          testing::SameTensor(RunOp("Concat", {before, update, behind}, {{"axis", Int(axis)}}), y));
    }
  }
}

TEST(TensorScatter, EmptyAndWrong) {
  const Tensor cache = Random({2, 3, 4}, 1);
  EXPECT_TRUE(testing::SameTensor(
      cache, RunOp("TensorScatter", {cache, Random({2, 0, 4}, 1)}, {}, kOpset)));
  const auto run = [&](const Shape& update, const Ints& places, AttributeList more = {}) {
    const Shape count{static_cast<std::int64_t>(places.size())};
    return RunOp("TensorScatter", {cache, Random(update, 1), Of<std::int64_t>(count, places)}, more,
                 kOpset);
  };
  EXPECT_NO_THROW(run({2, 2, 4}, {0, 1}));
  ExpectError(ErrorCode::kInvalidInput, [&] { run({2, 2, 4}, {0, 2}); });
  ExpectError(ErrorCode::kInvalidInput, [&] { run({2, 2, 4}, {-1, 0}); });
  ExpectError(ErrorCode::kInvalidInput, [&] {
    run({2, 2, 4}, {-1, 0}, {{"mode", Text("circular")}});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 2, 4}, {0}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 4, 4}, {0, 0}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 2, 3}, {0, 0}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 4}, {0, 0}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 2, 4}, {0, 0}, {{"axis", Int(0)}}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 2, 4}, {0, 0}, {{"mode", Text("any")}}); });
}

}  // namespace
}  // namespace kinglet::test::tensor_scatter_test
