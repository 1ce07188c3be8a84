#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::col2im_test {
namespace {

struct Case {
  Ints image, block;
  Ints strides{}, pads{}, dilations{};

  std::int64_t Of(const Ints& values, std::size_t k, std::int64_t fallback) const {
    return values.empty() ? fallback : values[k];
  }
  std::int64_t Count(std::size_t k) const {
    const std::int64_t extent = (block[k] - 1) * Of(dilations, k, 1) + 1;
    const std::int64_t padded = image[k] + Of(pads, k, 0) + Of(pads, k + image.size(), 0);
    return (padded - extent) / Of(strides, k, 1) + 1;
  }
  std::int64_t Columns() const {
    std::int64_t columns = 1;
    for (std::size_t k = 0; k < image.size(); ++k) columns *= Count(k);
    return columns;
  }
};

std::int64_t Product(const Ints& sizes) {
  std::int64_t product = 1;
  for (const std::int64_t size : sizes) product *= size;
  return product;
}

// Every column's every element, one by one.
template <typename T>
Tensor Naive(const Case& c, const Tensor& x, std::int64_t channels) {
  Shape shape{x.shape()[0], channels};
  shape.insert(shape.end(), c.image.begin(), c.image.end());
  Tensor y(DataTypeOf<T>::value, shape);
  const std::int64_t taps = Product(c.block), columns = c.Columns(), size = Product(c.image);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const std::int64_t plane = i / columns / taps;
    std::int64_t tap = i / columns % taps, column = i % columns, offset = 0, stride = 1;
    bool inside = true;
    for (std::size_t k = c.image.size(); k-- > 0;) {
      const std::int64_t at = column % c.Count(k) * c.Of(c.strides, k, 1) - c.Of(c.pads, k, 0) +
                              tap % c.block[k] * c.Of(c.dilations, k, 1);
      column /= c.Count(k);
      tap /= c.block[k];
      inside &= at >= 0 && at < c.image[k];
      offset += at * stride;
      stride *= c.image[k];
    }
    if (inside) y.data<T>()[plane * size + offset] += x.data<T>()[i];
  }
  return y;
}

Tensor List(const Ints& values) {
  return test::Of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

Tensor Apply(const Case& c, const Tensor& x) {
  Attributes attributes;
  if (!c.strides.empty()) attributes.Set("strides", c.strides);
  if (!c.pads.empty()) attributes.Set("pads", c.pads);
  if (!c.dilations.empty()) attributes.Set("dilations", c.dilations);
  return EvaluateOp("Col2Im", {x, List(c.image), List(c.block)}, attributes, 18)[0];
}

const Case kCases[] = {{.image = {5, 5}, .block = {1, 5}},
                       {.image = {6, 7}, .block = {2, 3}},
                       {.image = {5, 5}, .block = {3, 3}, .strides = {2, 2}},
                       {.image = {5, 6}, .block = {3, 2}, .pads = {0, 1, 2, 1}},
                       {.image = {6, 6}, .block = {2, 2}, .dilations = {1, 5}},
                       {.image = {9}, .block = {4}, .strides = {3}, .pads = {1, 1}},
                       {.image = {3, 4, 5}, .block = {2, 2, 3}, .pads = {1, 0, 1, 0, 1, 1}}};

TEST(Col2Im, EveryAttribute) {
  for (const Case& c : kCases) {
    const Tensor x = Random({2, 3 * Product(c.block), c.Columns()}, 1);
    ExpectNear(Apply(c, x), Naive<float>(c, x, 3), 1e-6f);
  }
}

// Blocks that lie side by side, and some that do not quite.
const Case kSideBySide[] = {
    {.image = {10, 14}, .block = {2, 2}, .strides = {2, 2}},
    {.image = {6, 40}, .block = {3, 4}, .strides = {3, 4}},
    {.image = {6, 5}, .block = {2, 1}, .strides = {2, 1}, .dilations = {1, 3}},
    {.image = {12}, .block = {3}, .strides = {3}},
    {.image = {4, 6, 8}, .block = {2, 3, 2}, .strides = {2, 3, 2}},
    {.image = {2, 4, 2, 6}, .block = {2, 2, 1, 3}, .strides = {2, 2, 1, 3}},
    {.image = {11, 14}, .block = {2, 2}, .strides = {2, 2}},
    {.image = {10, 14}, .block = {2, 2}, .strides = {2, 2}, .pads = {1, 0, 1, 0}},
    {.image = {10, 14}, .block = {2, 2}, .strides = {2, 2}, .pads = {0, 0, 2, 0}},
    {.image = {9, 14}, .block = {2, 2}, .strides = {2, 2}, .dilations = {2, 1}}};

TEST(Col2Im, BlocksSideBySide) {
  for (const Case& c : kSideBySide) {
    const Tensor x = Random({2, 3 * Product(c.block), c.Columns()}, 1);
    EXPECT_TRUE(testing::SameTensor(Naive<float>(c, x, 3), Apply(c, x)));
  }
}

TEST(Col2Im, IntegersAndDoubles) {
  for (const Case& c : {Case{.image = {4, 5}, .block = {2, 2}, .pads = {1, 1, 1, 1}},
                        Case{.image = {4, 6}, .block = {2, 2}, .strides = {2, 2}}}) {
    const Shape shape{1, 8, c.Columns()};
    const Tensor ints = testing::Iota(DataType::kInt32, shape);
    EXPECT_TRUE(testing::SameTensor(Naive<std::int32_t>(c, ints, 2), Apply(c, ints)));
    const Tensor doubles = testing::Iota(DataType::kFloat64, shape);
    EXPECT_TRUE(testing::SameTensor(Naive<double>(c, doubles, 2), Apply(c, doubles)));
  }
}

TEST(Col2Im, EmptyAndWrong) {
  const Case c{.image = {5, 5}, .block = {2, 2}};
  EXPECT_EQ(Apply(c, Random({0, 8, 16}, 1)).shape(), (Shape{0, 2, 5, 5}));
  EXPECT_EQ(Apply(c, Random({2, 0, 16}, 1)).shape(), (Shape{2, 0, 5, 5}));
  const auto wrong = [](const Case& bad, const Shape& x) {
    ExpectError(ErrorCode::kInvalidModel, [&] { Apply(bad, Random(x, 1)); });
  };
  wrong(c, {1, 7, 16});
  wrong(c, {1, 8, 15});
  wrong(c, {8, 16});
  wrong({.image = {5, 5}, .block = {2}}, {1, 8, 16});
  wrong({.image = {5, 5}, .block = {2, 6}}, {1, 12, 16});
  wrong({.image = {5, 5}, .block = {0, 2}}, {1, 8, 16});
  wrong({.image = {5, -5}, .block = {2, 2}}, {1, 8, 16});
  wrong({.image = {5, 5}, .block = {2, 2}, .strides = {0, 1}}, {1, 8, 16});
  wrong({.image = {5, 5}, .block = {2, 2}, .strides = {1}}, {1, 8, 16});
  wrong({.image = {5, 5}, .block = {2, 2}, .pads = {-1, 0, 0, 0}}, {1, 8, 16});
  wrong({.image = {5, 5}, .block = {2, 2}, .dilations = {1, std::int64_t{1} << 40}}, {1, 8, 16});
  wrong({.image = {}, .block = {}}, {1, 8, 16});
}

}  // namespace
}  // namespace kinglet::test::col2im_test
