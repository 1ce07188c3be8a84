#include <gmock/gmock.h>

#include <limits>

#include "tests/support/index.h"
#include "tests/support/quantized_op.h"

namespace kinglet::pad_test {
namespace {

using testing::Catch;
using testing::ExpectBlockedEqualsPlain;
using testing::ForEachIndex;
using ::testing::HasSubstr;
using testing::Index;
using testing::Iota;
using testing::MakeNode;
using testing::RandomFloats;
using testing::SameTensor;

Tensor Ints(const std::vector<std::int64_t>& values) {
  return Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}
Attributes Mode(const char* mode) {
  Attributes attributes;
  attributes.Set("mode", std::string(mode));
  return attributes;
}

// By walking: a step beyond an edge stays, turns around or begins again.
std::int64_t Walk(std::int64_t at, std::int64_t size, const std::string& mode) {
  while (at < 0 || at >= size) {
    if (mode == "constant") return -1;
    if (mode == "edge") {
      at += at < 0 ? 1 : -1;
    } else if (mode == "wrap") {
      at += at < 0 ? size : -size;
    } else {
      at = size == 1 ? 0 : at < 0 ? -at : 2 * (size - 1) - at;
    }
  }
  return at;
}

Tensor Naive(const Tensor& in, const std::vector<std::int64_t>& pads, const std::string& mode,
             float constant) {
  const std::size_t rank = in.shape().size();
  Shape shape = in.shape();
  for (std::size_t k = 0; k < rank; ++k) shape[k] += pads[k] + pads[rank + k];
  Tensor out(DataType::kFloat32, shape);
  ForEachIndex(shape, [&](Index index, std::int64_t at) {
    bool inside = true;
    for (std::size_t k = 0; k < rank; ++k) {
      // What is cut off is not there to be repeated.
      const std::int64_t first = std::max<std::int64_t>(-pads[k], 0);
      const std::int64_t kept = in.shape()[k] - first - std::max<std::int64_t>(-pads[rank + k], 0);
      index[k] = Walk(index[k] - std::max<std::int64_t>(pads[k], 0), kept, mode);
      inside = inside && index[k] >= 0;
      index[k] += first;
    }
    out.data<float>()[at] =
        inside ? in.data<float>()[testing::FlatIndex(in.shape(), index)] : constant;
  });
  return out;
}

TEST(Pad, EveryModeAndNegativeWidths) {
  const Tensor in = RandomFloats({2, 3, 4});
  const Tensor constant = Tensor::From<float>({}, {7});
  for (const std::vector<std::int64_t>& pads : {std::vector<std::int64_t>{0, 1, 2, 0, 2, 1},
                                                {1, 0, 9, 0, 0, 7},
                                                {0, -1, -2, 0, 0, 1},
                                                {-1, -1, -1, -1, -1, -1},
                                                {0, 2, -2, 0, -1, 3},
                                                {0, -2, 5, 0, 4, -1},
                                                {3, 5, 0, 2, 4, 0}}) {
    for (const char* mode : {"constant", "reflect", "edge", "wrap"}) {
      EXPECT_TRUE(SameTensor(Naive(in, pads, mode, 7),
                             EvaluateOp("Pad", {in, Ints(pads), constant}, Mode(mode), 19)[0]))
          << mode;
    }
  }
}

TEST(Pad, AttributesBeforeOpset11AndAxesSince18) {
  const Tensor in = RandomFloats({2, 3});
  const std::vector<std::int64_t> pads{1, 0, 0, 2};
  Attributes attributes;
  attributes.Set("pads", pads);
  attributes.Set("value", 2.5f);
  EXPECT_TRUE(
      SameTensor(Naive(in, pads, "constant", 2.5f), EvaluateOp("Pad", {in}, attributes, 9)[0]));
  EXPECT_TRUE(SameTensor(Naive(in, {0, 1, 0, 2}, "constant", 0),
                         EvaluateOp("Pad", {in, Ints({1, 2}), {}, Ints({-1})}, {}, 18)[0]));
  EXPECT_EQ(EvaluateOp("Pad", {Iota(DataType::kInt8, {2}), Ints({1, 1})})[0].data<std::int8_t>()[2],
            1);
}

TEST(Pad, WrapsFromOpset18On) {
  const Tensor in = RandomFloats({2, 3});
  EXPECT_TRUE(SameTensor(Naive(in, {0, 2, 0, 1}, "wrap", 0),
                         EvaluateOp("Pad", {in, Ints({0, 2, 0, 1})}, Mode("wrap"), 18)[0]));
  EXPECT_THAT(Catch([&] {
                EvaluateOp("Pad", {in, Ints({0, 2, 0, 1})}, Mode("wrap"), 13);
              }).message,
              HasSubstr("wrap"));
}

TEST(Pad, EmptyTensors) {
  const Tensor none(DataType::kFloat32, {0, 2});
  EXPECT_TRUE(SameTensor(Tensor(DataType::kFloat32, {1, 2}),
                         EvaluateOp("Pad", {none, Ints({1, 0, 0, 0})})[0]));
  EXPECT_EQ(EvaluateOp("Pad", {none, Ints({0, std::int64_t{1} << 40, 0, 0})})[0].size(), 0);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Pad", {none, Ints({1, 0, 0, 0})}, Mode("edge"));
            }).code,
            ErrorCode::kInvalidModel);
}

TEST(Pad, RefusesNonsense) {
  const Tensor in = RandomFloats({2, 3});
  EXPECT_EQ(Catch([&] { EvaluateOp("Pad", {in, Ints({1, 1})}); }).code, ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Pad", {in, Ints({-3, 0, 0, 0})});
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Pad", {in, Ints({std::int64_t{1} << 40, 0, std::int64_t{1} << 40, 0})});
            }).code,
            ErrorCode::kResource);
  // Nothing is left to repeat; constants need nothing.
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Pad", {in, Ints({0, -3, 0, 2})}, Mode("edge"));
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(EvaluateOp("Pad", {in, Ints({0, -3, 0, 2})})[0].shape(), (Shape{2, 2}));
  constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Pad", {in, Ints({0, kFar, 0, -(kFar + 1)})});
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_THAT(Catch([&] {
                EvaluateOp("Pad", {in, Ints({0, 0, 0, 0})}, Mode("fold"));
              }).message,
              HasSubstr("'fold'"));
}

TEST(Pad, Blocked) {
  const Tensor in = RandomFloats({2, 21, 4, 5});
  const auto node = [](const char* mode, std::vector<std::int64_t> pads, float value = 0) {
    Attributes attributes = Mode(mode);
    attributes.Set("pads", std::move(pads));
    attributes.Set("value", value);
    return MakeNode("Pad", 1, attributes, 10);
  };
  ExpectBlockedEqualsPlain(node("constant", {0, 0, 1, 2, 0, 0, 3, 0}), {in});
  ExpectBlockedEqualsPlain(node("constant", {1, 0, -1, 2, 0, 0, 3, -2}), {in});
  ExpectBlockedEqualsPlain(node("reflect", {0, 0, 1, 2, 0, 0, 3, 0}), {in});
  ExpectBlockedEqualsPlain(node("edge", {0, 0, 1, 2, 0, 0, 3, 0}), {in});
  ExpectBlockedEqualsPlain(node("constant", {0, 0, 1, 1, 0, 0, 1, 1}, 2), {in});
  EXPECT_FALSE(testing::RunBlocked(node("constant", {0, 1, 0, 0, 0, 0, 0, 0}), {in}).blocked[0]);
}

TEST(Pad, BlockedCodes) {
  const std::vector<std::int64_t> pads{1, 0, 1, 2, 0, 0, 3, -1};
  for (const std::int64_t channels : {1, 63, 64, 65, 130}) {
    const Tensor in = testing::RandomBytes<std::uint8_t>({2, channels, 4, 5}, 3);
    for (const char* mode : {"constant", "edge"}) {
      ExpectBlockedEqualsPlain(MakeNode("Pad", 3, Mode(mode), 13),
                               {in, Ints(pads), testing::Single<std::uint8_t>(131)});
      ExpectBlockedEqualsPlain(MakeNode("Pad", 2, Mode(mode), 13), {in, Ints(pads)});
    }
  }
}

}  // namespace
}  // namespace kinglet::pad_test
