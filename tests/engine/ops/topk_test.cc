#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/ops/dispatch.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::topk_test {
namespace {

// By sorting everything; NaN last.
void Check(const Tensor& x, std::int64_t k, std::int64_t axis, bool largest) {
  SCOPED_TRACE(::testing::Message() << DataTypeName(x.type()) << ShapeToString(x.shape()) << " k "
                                    << k << " axis " << axis << " largest " << largest);
  Attributes attributes = MakeAttributes({{"axis", Int(axis)}, {"largest", Int(largest ? 1 : 0)}});
  const auto found = EvaluateOp("TopK", {x, Of<std::int64_t>({1}, {k})}, attributes, 11, 2);
  const std::int64_t size = x.shape()[static_cast<std::size_t>(axis)];
  std::int64_t inner = 1;
  for (std::size_t d = static_cast<std::size_t>(axis) + 1; d < x.shape().size(); ++d) {
    inner *= x.shape()[d];
  }
  DispatchNumeric(x.type(), [&]<typename T>() {
    const T* data = x.data<T>();
    for (std::int64_t line = 0; line < x.size() / std::max<std::int64_t>(size, 1); ++line) {
      const T* in = data + line / inner * size * inner + line % inner;
      std::vector<std::int64_t> order(static_cast<std::size_t>(size));
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        const T u = in[a * inner], v = in[b * inner];
        if (u != u || v != v) return u == u;
        return largest ? u > v : u < v;
      });
      for (std::int64_t i = 0; i < k; ++i) {
        const std::int64_t at = line / inner * k * inner + line % inner + i * inner;
        const std::int64_t expected = order[static_cast<std::size_t>(i)];
        ASSERT_EQ(found[1].data<std::int64_t>()[at], expected) << line << ", " << i;
        const T value = found[0].data<T>()[at], from = in[expected * inner];
        ASSERT_TRUE(value == from || (value != value && from != from));
      }
    }
  });
}

Tensor WithTiesAndNan(Shape shape) {
  Tensor x = Random(std::move(shape), 3, -4, 4);
  float* data = x.data<float>();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    if (i % 3 == 0) data[i] = std::floor(data[i]);
    if (i % 17 == 4) data[i] = std::nanf("");
    if (i % 29 == 5) data[i] = std::numeric_limits<float>::infinity();
    if (i % 31 == 6) data[i] = -0.0f;
  }
  return x;
}

TEST(TopK, Floats) {
  for (const bool largest : {true, false}) {
    for (const std::int64_t size : {1, 7, 32, 33, 300, 1100, 5000}) {
      const Tensor x = WithTiesAndNan({2, size});
      for (const std::int64_t k : {std::int64_t{0}, std::int64_t{1}, size / 20, size / 2, size}) {
        Check(x, k, 1, largest);
      }
    }
    const Tensor x = WithTiesAndNan({2, 40, 3});
    for (const std::int64_t k : {1, 2, 39, 40}) Check(x, k, 1, largest);
    for (const std::int64_t k : {1, 2}) Check(x, k, 0, largest);
  }
}

// The best ones come last, so that the limit rises all the time.
TEST(TopK, AscendingAndEqual) {
  Tensor x = testing::Iota(DataType::kFloat32, {9000});
  Check(x, 10, 0, true);
  Check(x, 10, 0, false);
  std::fill_n(x.data<float>(), 9000, 1.0f);
  Check(x, 10, 0, true);
  Check(x, 10, 0, false);
}

TEST(TopK, OtherTypes) {
  for (const DataType type :
       {DataType::kFloat64, DataType::kInt8, DataType::kInt16, DataType::kInt32, DataType::kInt64,
        DataType::kUInt8, DataType::kUInt16, DataType::kUInt32, DataType::kUInt64}) {
    Tensor x(type, {3, 50});
    DispatchNumeric(type, [&]<typename T>() {
      for (std::int64_t i = 0; i < x.size(); ++i) {
        x.data<T>()[i] = static_cast<T>(i * 37 % 120 - (std::is_signed_v<T> ? 60 : 0));
      }
      x.data<T>()[7] = std::numeric_limits<T>::max();
      x.data<T>()[8] = std::numeric_limits<T>::lowest();
    });
    for (const bool largest : {true, false}) {
      for (const std::int64_t k : {3, 30, 50}) Check(x, k, 1, largest);
    }
  }
}

TEST(TopK, OlderVersions) {
  const Tensor x = Of<float>({4}, {1, 3, 3, 2});
  const auto seven = EvaluateOp("TopK", {x}, MakeAttributes({{"k", Int(2)}}), 7, 2);
  EXPECT_EQ(ValuesOf<std::int64_t>(seven[1]), (Ints{1, 2}));
  const auto ten = EvaluateOp("TopK", {x, Of<std::int64_t>({1}, {3})}, {}, 10, 2);
  EXPECT_EQ(ValuesOf<float>(ten[0]), (Floats{3, 3, 2}));
}

TEST(TopK, WrongInputs) {
  const Tensor x = Of<float>({4}, {1, 3, 3, 2});
  const auto run = [&](const Tensor& k, AttributeList attributes = {}) {
    EvaluateOp("TopK", {x, k}, MakeAttributes(attributes), 11, 2);
  };
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Of<std::int64_t>({1}, {5})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Of<std::int64_t>({1}, {-1})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Of<std::int64_t>({2}, {1, 1})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(Of<float>({1}, {1})); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run(Of<std::int64_t>({1}, {1}), {{"axis", Int(1)}});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] { EvaluateOp("TopK", {x}, {}, 7, 2); });
}

}  // namespace
}  // namespace kinglet::test::topk_test
