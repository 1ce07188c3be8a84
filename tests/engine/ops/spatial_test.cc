#include "engine/ops/spatial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kinglet/error.h"

namespace kinglet::spatial_test {
namespace {

using Ints = std::vector<std::int64_t>;
using ::testing::ElementsAre;

class FakeContext final : public NodeContext {
 public:
  explicit FakeContext(const Node& node, Shape shape = {})
      : NodeContext(node), shape_(std::move(shape)) {}
  DataType InputType(std::size_t) const override { return DataType::kFloat32; }
  const Shape& InputShape(std::size_t) const override { return shape_; }
  const Tensor* InputValue(std::size_t) const override { return nullptr; }

 private:
  Shape shape_;
};

Node MakeNode(std::initializer_list<std::pair<const char*, Attribute>> attributes) {
  Node node;
  node.name = "n";
  node.op = "Conv";
  node.opset = 13;
  for (const auto& [name, value] : attributes) node.attributes.Set(name, value);
  return node;
}

using Attrs = std::initializer_list<std::pair<const char*, Attribute>>;

Window Conv(Attrs attributes, Ints input, Ints kernel) {
  const Node node = MakeNode(attributes);
  return ConvWindow(FakeContext(node), input, kernel);
}
Window Pool(Attrs attributes, Ints input) {
  const Node node = MakeNode(attributes);
  return PoolWindow(FakeContext(node), input);
}
Window Transpose(Attrs attributes, Ints input, Ints kernel) {
  const Node node = MakeNode(attributes);
  return ConvTransposeWindow(FakeContext(node), input, kernel);
}

template <typename F>
void ExpectInvalid(F function) {
  try {
    function();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr("node 'n' (Conv)"));
  }
}

TEST(Window, ConvDefaultsAndPads) {
  const Window plain = Conv({}, {8, 9}, {3, 2});
  EXPECT_THAT(plain.output, ElementsAre(6, 8));
  EXPECT_THAT(plain.strides, ElementsAre(1, 1));
  const Window window = Conv({{"pads", Ints{1, 0, 2, 1}},
                              {"strides", Ints{2, 3}},
                              {"dilations", Ints{2, 1}},
                              {"kernel_shape", Ints{3, 3}}},
                             {8, 9}, {3, 3});
  EXPECT_THAT(window.output, ElementsAre((8 + 3 - 5) / 2 + 1, (9 + 1 - 3) / 3 + 1));
  EXPECT_THAT(window.pads_begin, ElementsAre(1, 0));
  EXPECT_THAT(window.pads_end, ElementsAre(2, 1));
  EXPECT_EQ(window.Extent(0), 5);
}

TEST(Window, AutoPad) {
  const Window upper =
      Conv({{"auto_pad", std::string("SAME_UPPER")}, {"strides", Ints{2, 2}}}, {224, 7}, {3, 3});
  EXPECT_THAT(upper.output, ElementsAre(112, 4));
  EXPECT_THAT(upper.pads_begin, ElementsAre(0, 1));
  EXPECT_THAT(upper.pads_end, ElementsAre(1, 1));
  const Window lower =
      Conv({{"auto_pad", std::string("SAME_LOWER")}, {"strides", Ints{2, 2}}}, {224, 7}, {3, 3});
  EXPECT_THAT(lower.pads_begin, ElementsAre(1, 1));
  EXPECT_THAT(lower.pads_end, ElementsAre(0, 1));
  const Window valid =
      Conv({{"auto_pad", std::string("VALID")}, {"pads", Ints{0, 0, 0, 0}}}, {8, 7}, {3, 3});
  EXPECT_THAT(valid.output, ElementsAre(6, 5));
  // A stride beyond the kernel needs no padding.
  const Window sparse =
      Conv({{"auto_pad", std::string("SAME_UPPER")}, {"strides", Ints{4}}}, {8}, {1});
  EXPECT_THAT(sparse.output, ElementsAre(2));
  EXPECT_THAT(sparse.pads_end, ElementsAre(0));
}

TEST(Window, CeilModeDropsAWindowInThePadding) {
  EXPECT_THAT(Pool({{"kernel_shape", Ints{3}}, {"strides", Ints{2}}}, {8}).output, ElementsAre(3));
  EXPECT_THAT(Pool({{"kernel_shape", Ints{3}},
                    {"strides", Ints{2}},
                    {"ceil_mode", Attribute(std::int64_t{1})}},
                   {8})
                  .output,
              ElementsAre(4));
  // ceil((2 + 2 - 1) / 3) + 1 = 2, and the second window would begin at 3 = 2 + 1.
  EXPECT_THAT(Pool({{"kernel_shape", Ints{2}},
                    {"strides", Ints{3}},
                    {"pads", Ints{1, 1}},
                    {"ceil_mode", Attribute(std::int64_t{1})}},
                   {2})
                  .output,
              ElementsAre(1));
}

TEST(Window, TransposeSizes) {
  EXPECT_THAT(
      Transpose(
          {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}, {"output_padding", Ints{1, 0}}},
          {4, 5}, {3, 3})
          .output,
      ElementsAre(8, 9));
  const Window shaped =
      Transpose({{"strides", Ints{3, 2}}, {"output_shape", Ints{10, 8}}}, {3, 3}, {3, 3});
  EXPECT_THAT(shaped.output, ElementsAre(10, 8));
  EXPECT_THAT(shaped.pads_begin, ElementsAre(0, 0));  // both exceed what the taps reach
  const Window same =
      Transpose({{"strides", Ints{2}}, {"auto_pad", std::string("SAME_UPPER")}}, {3}, {3});
  EXPECT_THAT(same.output, ElementsAre(6));
  EXPECT_THAT(same.pads_begin, ElementsAre(0));
  EXPECT_THAT(same.pads_end, ElementsAre(1));
  const Window lower =
      Transpose({{"strides", Ints{2}}, {"auto_pad", std::string("SAME_LOWER")}}, {3}, {3});
  EXPECT_THAT(lower.pads_begin, ElementsAre(1));
}

TEST(Window, WrongAttributes) {
  const std::int64_t huge = std::int64_t{1} << 40;
  ExpectInvalid([] { Conv({{"strides", Ints{0, 0}}}, {8, 8}, {3, 3}); });
  ExpectInvalid([] { Conv({{"strides", Ints{-1, -1}}}, {8, 8}, {3, 3}); });
  ExpectInvalid([] { Conv({{"strides", Ints{1}}}, {8, 8}, {3, 3}); });
  ExpectInvalid([&] { Conv({{"pads", Ints{huge, huge, huge, huge}}}, {8, 8}, {3, 3}); });
  ExpectInvalid([] { Conv({{"pads", Ints{-100, -100, -100, -100}}}, {8, 8}, {3, 3}); });
  ExpectInvalid([] { Conv({{"pads", Ints{1, 1, 1}}}, {8, 8}, {3, 3}); });
  ExpectInvalid([] { Conv({{"dilations", Ints{1LL << 31, 1LL << 31}}}, {8, 8}, {3, 3}); });
  ExpectInvalid([] { Conv({{"dilations", Ints{1 << 30, 1 << 30}}}, {8, 8}, {1 << 30, 3}); });
  ExpectInvalid([] { Conv({{"kernel_shape", Ints{5, 5}}}, {8, 8}, {3, 3}); });
  ExpectInvalid([] { Conv({{"auto_pad", std::string("SAME")}}, {8, 8}, {3, 3}); });
  ExpectInvalid([] { Conv({}, {2, 2}, {3, 3}); });
  ExpectInvalid([] { Conv({}, {8, 8}, {3}); });
  ExpectInvalid([] { Pool({}, {8, 8}); });
  ExpectInvalid([] { Pool({{"kernel_shape", Ints{0, 0}}}, {8, 8}); });
  ExpectInvalid([] { Pool({{"kernel_shape", Ints{2}}}, {8, 8}); });
  ExpectInvalid([] {
    Pool({{"kernel_shape", Ints{2, 2}}, {"pads", Ints{50, 50, 50, 50}}}, {8, 8});
  });
  ExpectInvalid([] { Transpose({{"pads", Ints{5, 5}}}, {3}, {3}); });
  ExpectInvalid([] { Transpose({{"output_shape", Ints{-4}}}, {3}, {3}); });
  ExpectInvalid([] { Transpose({{"output_padding", Ints{-1}}}, {3}, {3}); });
  ExpectInvalid([] { Transpose({{"strides", Ints{1 << 30}}}, {1 << 30}, {3}); });
}

TEST(Window, SpatialSizes) {
  const Node node = MakeNode({});
  EXPECT_THAT(SpatialSizes(FakeContext(node, {1, 2, 3, 4})), ElementsAre(3, 4));
  ExpectInvalid([&] { SpatialSizes(FakeContext(node, {1, 2})); });
}

}  // namespace
}  // namespace kinglet::spatial_test
