#include <gmock/gmock.h>

#include <algorithm>
#include <limits>

#include "tests/support/index.h"
#include "tests/support/quantized_op.h"

namespace kinglet::concat_test {
namespace {

using testing::Catch;
using testing::ExpectBlockedEqualsPlain;
using ::testing::HasSubstr;
using testing::Index;
using testing::Iota;
using testing::MakeNode;
using testing::Moved;
using testing::RandomBytes;
using testing::RandomFloats;
using testing::SameTensor;

Attributes Axis(std::int64_t axis) {
  Attributes attributes;
  attributes.Set("axis", axis);
  return attributes;
}
Tensor Ints(const std::vector<std::int64_t>& values) {
  return Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

// The part [from, from + size) along an axis.
Tensor Part(const Tensor& whole, std::size_t axis, std::int64_t from, std::int64_t size) {
  Shape shape = whole.shape();
  shape[axis] = size;
  return Moved(whole, shape, [&](Index index) {
    index[axis] += from;
    return index;
  });
}

TEST(Concat, JoinsPartsOnEveryAxis) {
  for (const DataType type : {DataType::kFloat32, DataType::kBool, DataType::kFloat64}) {
    const Tensor whole = Iota(type, {3, 4, 5});
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t size = whole.shape()[axis];
      const std::vector<Tensor> parts{Part(whole, axis, 0, 1), Part(whole, axis, 1, 0),
                                      Part(whole, axis, 1, size - 1)};
      EXPECT_TRUE(
          SameTensor(whole, EvaluateOp("Concat", parts, Axis(static_cast<std::int64_t>(axis)))[0]));
      EXPECT_TRUE(SameTensor(
          whole, EvaluateOp("Concat", parts, Axis(static_cast<std::int64_t>(axis) - 3))[0]));
    }
  }
  const Tensor one = Iota(DataType::kFloat32, {2, 2});
  EXPECT_TRUE(SameTensor(one, EvaluateOp("Concat", {one}, Axis(0))[0]));
}

TEST(Concat, RefusesWhatDoesNotFit) {
  const Tensor a = Iota(DataType::kFloat32, {1, 3, 8, 8});
  EXPECT_THAT(Catch([&] { EvaluateOp("Concat", {a, a}, Axis(9)); }).message, HasSubstr("axis 9"));
  EXPECT_THAT(Catch([&] {
                EvaluateOp("Concat", {a, Iota(DataType::kFloat32, {1, 3, 7, 8})}, Axis(1));
              }).message,
              HasSubstr("1x3x7x8"));
  EXPECT_THAT(Catch([&] {
                EvaluateOp("Concat", {a, Iota(DataType::kInt8, {1, 3, 8, 8})}, Axis(1));
              }).message,
              HasSubstr("int8"));
  EXPECT_THAT(Catch([&] { EvaluateOp("Concat", {a, a}); }).message, HasSubstr("axis"));
}

TEST(Concat, BlockedOnAnyAxisAndOffset) {
  for (const std::vector<std::int64_t>& channels :
       {std::vector<std::int64_t>{16, 32}, {58, 58}, {1, 2, 3, 30, 5}, {3, 13, 16}, {24, 24}}) {
    std::vector<Tensor> inputs;
    for (const std::int64_t c : channels) {
      inputs.push_back(RandomFloats({2, c, 3, 5}, static_cast<std::uint32_t>(c)));
    }
    ExpectBlockedEqualsPlain(MakeNode("Concat", inputs.size(), Axis(1)), inputs);
  }
  const Tensor in = RandomFloats({2, 21, 3, 5});
  for (const std::int64_t axis : {0, 2, 3}) {
    ExpectBlockedEqualsPlain(MakeNode("Concat", 3, Axis(axis)), {in, in, in});
  }
}

TEST(Concat, BlockedCodesOnAnyAxisAndOffset) {
  for (const std::vector<std::int64_t>& channels : {std::vector<std::int64_t>{64, 128},
                                                    {1, 2, 3, 70, 5},
                                                    {63, 66},
                                                    {96, 32, 24},
                                                    {7, 57, 64}}) {
    std::vector<Tensor> inputs;
    for (const std::int64_t c : channels) {
      inputs.push_back(RandomBytes<std::uint8_t>({2, c, 3, 5}, static_cast<unsigned>(c)));
    }
    ExpectBlockedEqualsPlain(MakeNode("Concat", inputs.size(), Axis(1)), inputs);
  }
  const Tensor in = RandomBytes<std::uint8_t>({2, 70, 3, 5}, 1);
  for (const std::int64_t axis : {0, 2, 3}) {
    ExpectBlockedEqualsPlain(MakeNode("Concat", 3, Axis(axis)), {in, in, in});
  }
}

TEST(Split, GivesEveryPart) {
  const Tensor whole = Iota(DataType::kInt32, {4, 6, 3});
  const auto check = [&](const std::vector<Tensor>& parts, const Shape& sizes) {
    std::int64_t from = 0;
    for (std::size_t k = 0; k < sizes.size(); from += sizes[k++]) {
      EXPECT_TRUE(SameTensor(Part(whole, 1, from, sizes[k]), parts[k]));
    }
  };
  check(EvaluateOp("Split", {whole}, Axis(1), 17, 3), {2, 2, 2});
  check(EvaluateOp("Split", {whole, Ints({1, 0, 5})}, Axis(-2), 13, 3), {1, 0, 5});
  Attributes attributes = Axis(1);
  attributes.Set("split", std::vector<std::int64_t>{4, 2});
  check(EvaluateOp("Split", {whole}, attributes, 11, 2), {4, 2});
  attributes = Axis(1);
  attributes.Set("num_outputs", std::int64_t{4});
  check(EvaluateOp("Split", {whole}, attributes, 18, 4), {2, 2, 2, 0});
}

TEST(Split, RefusesWrongSums) {
  const Tensor whole = Iota(DataType::kFloat32, {1, 3, 8, 8});
  EXPECT_THAT(Catch([&] {
                EvaluateOp("Split", {whole, Ints({2, 2})}, Axis(1), 13, 2);
              }).message,
              HasSubstr("sum 4"));
  EXPECT_THAT(Catch([&] {
                EvaluateOp("Split", {whole, Ints({4, -1})}, Axis(1), 13, 2);
              }).message,
              HasSubstr("negative"));
  EXPECT_EQ(Catch([&] { EvaluateOp("Split", {whole}, Axis(1), 13, 2); }).code,
            ErrorCode::kInvalidModel);
}

TEST(Split, BlockedOnAnyAxisAndOffset) {
  for (const Shape& sizes : {Shape{58, 58}, Shape{16, 32}, Shape{1, 2, 30, 5}, Shape{7, 16, 17}}) {
    std::int64_t channels = 0;
    for (const std::int64_t size : sizes) channels += size;
    Attributes attributes = Axis(1);
    attributes.Set("split", sizes);
    ExpectBlockedEqualsPlain(MakeNode("Split", 1, attributes, 11, sizes.size()),
                             {RandomFloats({2, channels, 3, 5})});
  }
  ExpectBlockedEqualsPlain(MakeNode("Split", 1, Axis(2), 11, 2), {RandomFloats({2, 21, 4, 5})});
}

TEST(Split, BlockedCodesOnAnyAxisAndOffset) {
  for (const Shape& sizes : {Shape{65, 65}, Shape{64, 32}, Shape{1, 2, 100, 5}}) {
    std::int64_t channels = 0;
    for (const std::int64_t size : sizes) channels += size;
    Attributes attributes = Axis(1);
    attributes.Set("split", sizes);
    ExpectBlockedEqualsPlain(MakeNode("Split", 1, attributes, 11, sizes.size()),
                             {RandomBytes<std::uint8_t>({2, channels, 3, 5}, 1)});
  }
  ExpectBlockedEqualsPlain(MakeNode("Split", 1, Axis(2), 11, 2),
                           {RandomBytes<std::uint8_t>({2, 70, 4, 5}, 1)});
}

Tensor RunSlice(const Tensor& in, const std::vector<std::int64_t>& starts,
                const std::vector<std::int64_t>& ends, const std::vector<std::int64_t>& axes,
                const std::vector<std::int64_t>& steps) {
  return EvaluateOp("Slice", {in, Ints(starts), Ints(ends), Ints(axes), Ints(steps)})[0];
}

// The elements that Python's slice takes, but that a start before the first element is clamped to
// it when stepping backwards, as ONNX has it.
std::vector<std::int64_t> SliceElements(std::int64_t start, std::int64_t end, std::int64_t step,
                                        std::int64_t size) {
  const auto bound = [&](std::int64_t at, std::int64_t low) {
    return std::max(low, std::min(step > 0 ? size : size - 1, at < 0 ? at + size : at));
  };
  const std::int64_t last = bound(end, step > 0 ? 0 : -1);
  std::vector<std::int64_t> taken;
  for (std::int64_t k = bound(start, 0); step > 0 ? k < last : k > last; k += step) {
    taken.push_back(k);
  }
  return taken;
}

TEST(Slice, EveryRangeOfAnAxis) {
  const Tensor in = Iota(DataType::kInt16, {2, 5, 3});
  for (std::int64_t start = -7; start <= 7; ++start) {
    for (std::int64_t end = -7; end <= 7; ++end) {
      for (const std::int64_t step : {-9, -2, -1, 1, 2, 3, 9}) {
        const auto taken = SliceElements(start, end, step, 5);
        const Tensor expected =
            Moved(in, {2, static_cast<std::int64_t>(taken.size()), 3}, [&](Index index) {
              index[1] = taken[static_cast<std::size_t>(index[1])];
              return index;
            });
        EXPECT_TRUE(SameTensor(expected, RunSlice(in, {start}, {end}, {1}, {step})))
            << start << ":" << end << ":" << step;
      }
    }
  }
}

TEST(Slice, ExtremeBoundsAndOldAttributes) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  const Tensor in = Iota(DataType::kFloat32, {2, 5});
  EXPECT_TRUE(SameTensor(in, RunSlice(in, {kMin, 0}, {kMax, kMax}, {1, 0}, {1, 1})));
  EXPECT_TRUE(SameTensor(Part(in, 1, 4, 1), RunSlice(in, {kMax}, {kMin}, {1}, {kMin})));
  EXPECT_TRUE(SameTensor(Part(in, 1, 0, 1), RunSlice(in, {0}, {kMax}, {1}, {kMax})));
  Attributes attributes;
  attributes.Set("starts", std::vector<std::int64_t>{0, 1});
  attributes.Set("ends", std::vector<std::int64_t>{2, -1});
  EXPECT_TRUE(SameTensor(Part(in, 1, 1, 3), EvaluateOp("Slice", {in}, attributes, 9)[0]));
}

TEST(Slice, RefusesNonsense) {
  const Tensor in = Iota(DataType::kFloat32, {2, 5});
  EXPECT_THAT(Catch([&] { RunSlice(in, {0}, {1}, {1}, {0}); }).message, HasSubstr("step of 0"));
  EXPECT_THAT(Catch([&] { RunSlice(in, {0}, {1}, {2}, {1}); }).message, HasSubstr("axis 2"));
  EXPECT_THAT(Catch([&] { RunSlice(in, {0, 0}, {1}, {1}, {1}); }).message, HasSubstr("elements"));
  EXPECT_THAT(Catch([&] {
                RunSlice(in, {0, 0}, {1, 1}, {1, -1}, {1, 1});
              }).message,
              HasSubstr("twice"));
}

TEST(Slice, BlockedChannelsAndPixels) {
  const Tensor in = RandomFloats({2, 53, 6, 7});
  const Tensor codes = RandomBytes<std::uint8_t>({2, 153, 6, 7}, 1);
  const auto node = [&](std::vector<std::int64_t> starts, std::vector<std::int64_t> ends) {
    Attributes attributes;
    attributes.Set("starts", std::move(starts));
    attributes.Set("ends", std::move(ends));
    return MakeNode("Slice", 1, attributes, 9);
  };
  ExpectBlockedEqualsPlain(node({0, 5}, {2, 50}), {in});
  ExpectBlockedEqualsPlain(node({0, 16}, {2, 48}), {in});
  ExpectBlockedEqualsPlain(node({0, 0, 1, 2}, {2, 53, 5, 6}), {in});
  ExpectBlockedEqualsPlain(node({1, 0, 0, 0}, {2, 53, 6, 7}), {in});
  ExpectBlockedEqualsPlain(node({0, 5}, {2, 150}), {codes});
  ExpectBlockedEqualsPlain(node({0, 64}, {2, 128}), {codes});
  ExpectBlockedEqualsPlain(node({1, 0, 1, 2}, {2, 153, 5, 6}), {codes});
  // Both at once: left to the plain layout.
  const auto both = testing::RunBlocked(node({0, 3, 1}, {2, 9, 2}), {in});
  EXPECT_FALSE(both.blocked[0]);
}

}  // namespace
}  // namespace kinglet::concat_test
