#include <cstring>
#include <limits>

#include "engine/op/context.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::trilu_test {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

// The definition, element by element.
Tensor Naive(const Tensor& x, std::int64_t k, bool upper) {
  Tensor y(x.type(), x.shape());
  const std::int64_t rows = x.shape()[x.shape().size() - 2], columns = x.shape().back();
  const std::size_t size = DataTypeSize(x.type());
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(y.raw());
  for (std::int64_t i = 0; i < x.size(); ++i, from += size, to += size) {
    const std::int64_t distance = i % columns - i / columns % rows;
    const bool kept = upper ? distance >= k : distance <= k;
    for (std::size_t b = 0; b < size; ++b) to[b] = kept ? from[b] : char{0};
  }
  return y;
}

Tensor Diagonal(std::int64_t k) { return Of<std::int64_t>({}, {k}); }

TEST(Trilu, EveryDiagonal) {
  for (const Shape& shape : {Shape{4, 5}, Shape{5, 4}, Shape{1, 3}, Shape{2, 3, 3, 70}}) {
    const Tensor x = testing::RandomFloats(shape);
    const std::int64_t rows = shape[shape.size() - 2], columns = shape.back();
    for (const bool upper : {false, true}) {
      for (std::int64_t k = -rows - 1; k <= columns + 1; ++k) {
        EXPECT_TRUE(testing::SameTensor(Naive(x, k, upper),
                                        RunOp("Trilu", {x, Diagonal(k)}, {{"upper", Int(upper)}})))
            << ShapeToString(shape) << " " << k << " " << upper;
      }
      for (const std::int64_t k : {-kLargest - 1, kLargest}) {
        EXPECT_TRUE(testing::SameTensor(Naive(x, k, upper),
                                        RunOp("Trilu", {x, Diagonal(k)}, {{"upper", Int(upper)}})));
      }
    }
  }
}

TEST(Trilu, UpperFromTheMainDiagonalByDefault) {
  const Tensor x = testing::RandomFloats({3, 4, 6});
  EXPECT_TRUE(testing::SameTensor(Naive(x, 0, true), RunOp("Trilu", {x})));
  EXPECT_TRUE(testing::SameTensor(Naive(x, 0, false), RunOp("Trilu", {x}, {{"upper", Int(0)}})));
  EXPECT_TRUE(testing::SameTensor(Naive(x, 2, true),
                                  RunOp("Trilu", {x, Of<std::int64_t>({1}, {2})}, {}, 14)));
}

TEST(Trilu, EveryType) {
  for (const DataType type :
       {DataType::kFloat32, DataType::kFloat64, DataType::kFloat16, DataType::kBFloat16,
        DataType::kInt8, DataType::kInt16, DataType::kInt32, DataType::kInt64, DataType::kUInt8,
        DataType::kUInt16, DataType::kUInt32, DataType::kUInt64, DataType::kBool}) {
    Tensor x(type, {3, 4});
    auto* bytes = static_cast<unsigned char*>(x.raw());
    for (std::size_t i = 0; i < x.bytes(); ++i) bytes[i] = 1;
    const Tensor y = RunOp("Trilu", {x, Diagonal(1)});
    ASSERT_EQ(y.type(), type);
    EXPECT_EQ(std::memcmp(y.raw(), Naive(x, 1, true).raw(), x.bytes()), 0) << DataTypeName(type);
  }
}

// The diagonal is an input of the network, and the step may work in place.
TEST(Trilu, DiagonalKnownOnlyWhenRunning) {
  testing::GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 5, 7});
  const ValueId k = b.Input("k", {}, DataType::kInt64);
  b.Output(b.Op("Trilu", {b.Op("Neg", {x}), k}), "y");
  const Model model = Model::Compile(b.Take(), {});
  Session session = model.NewSession();
  for (const std::int64_t batch : {1, 3}) {
    const Tensor input = testing::RandomTensor({batch, 5, 7});
    for (const std::int64_t diagonal : {-2, 0, 3}) {
      const Tensors& outputs = session.Run({{"x", input}, {"k", Diagonal(diagonal)}});
      EXPECT_TRUE(
          testing::SameTensor(Naive(RunOp("Neg", {input}), diagonal, true), outputs.at("y")));
    }
  }
}

TEST(Trilu, ImagesAreApartUnlessTheyAreRows) {
  const auto batch_wise = [](Shape shape, BatchUse diagonal) {
    const Node node = MakeNode("Trilu", 2);
    const TensorState x{DataType::kFloat32, std::move(shape), {}};
    const TensorState k{DataType::kInt64, {}, {}};
    TensorState y;
    const NodeStates states{{&x, &k}, {&y}};
    return FindOp("", "Trilu")
        ->batch_wise(PlainPlanContext(node, states), {BatchUse::kImages, diagonal});
  };
  EXPECT_TRUE(batch_wise({2, 3, 3}, BatchUse::kFree));
  EXPECT_FALSE(batch_wise({2, 3, 3}, BatchUse::kVaries));
  EXPECT_FALSE(batch_wise({2, 3}, BatchUse::kFree));
}

TEST(Trilu, EmptyAndWrong) {
  for (const Shape& shape : {Shape{0, 3}, Shape{3, 0}, Shape{0, 2, 2}, Shape{0, 0}}) {
    EXPECT_EQ(RunOp("Trilu", {Tensor(DataType::kFloat32, shape), Diagonal(1)}).shape(), shape);
  }
  const Tensor x = testing::RandomFloats({3, 3});
  const auto wrong = [](const std::vector<Tensor>& inputs) {
    ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Trilu", inputs); });
  };
  wrong({testing::RandomFloats({3})});
  wrong({testing::RandomFloats({})});
  wrong({x, Of<std::int32_t>({}, {0})});
  wrong({x, Of<std::int64_t>({2}, {0, 0})});
  wrong({x, Of<std::int64_t>({0}, {})});
}

}  // namespace
}  // namespace kinglet::test::trilu_test
