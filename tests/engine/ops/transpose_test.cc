#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "tests/support/index.h"
#include "tests/support/quantized_op.h"

namespace kinglet::transpose_test {
namespace {

using testing::Catch;
using testing::Index;
using testing::Iota;
using testing::Moved;
using testing::SameTensor;

Attributes Perm(const std::vector<std::int64_t>& perm) {
  Attributes attributes;
  attributes.Set("perm", perm);
  return attributes;
}

Tensor NaiveTranspose(const Tensor& in, const std::vector<std::int64_t>& perm) {
  Shape out;
  for (const std::int64_t axis : perm) out.push_back(in.shape()[static_cast<std::size_t>(axis)]);
  return Moved(in, out, [&](const Index& index) {
    Index source(index.size());
    for (std::size_t k = 0; k < perm.size(); ++k)
      source[static_cast<std::size_t>(perm[k])] = index[k];
    return source;
  });
}

TEST(Transpose, EveryPermutationOfFourAxes) {
  for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 17, 1, 33}, Shape{2, 0, 3, 4}}) {
    for (const DataType type : {DataType::kFloat32, DataType::kUInt8, DataType::kInt64}) {
      const Tensor in = Iota(type, shape);
      std::vector<std::int64_t> perm(4);
      std::iota(perm.begin(), perm.end(), 0);
      do {
        EXPECT_TRUE(
            SameTensor(NaiveTranspose(in, perm), EvaluateOp("Transpose", {in}, Perm(perm))[0]));
      } while (std::next_permutation(perm.begin(), perm.end()));
    }
  }
}

TEST(Transpose, ReversesByDefaultAndTakesScalars) {
  const Tensor in = Iota(DataType::kFloat64, {2, 3, 4});
  EXPECT_TRUE(SameTensor(NaiveTranspose(in, {2, 1, 0}), EvaluateOp("Transpose", {in})[0]));
  const Tensor scalar = Iota(DataType::kFloat32, {});
  EXPECT_TRUE(SameTensor(scalar, EvaluateOp("Transpose", {scalar})[0]));
}

TEST(Transpose, RefusesAxesTwice) {
  const Tensor in = Iota(DataType::kFloat32, {2, 3, 4, 5});
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Transpose", {in}, Perm({0, 0, 1, 2}));
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Transpose", {in}, Perm({0, 1, 2}));
            }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] {
              EvaluateOp("Transpose", {in}, Perm({0, 1, 2, 9}));
            }).code,
            ErrorCode::kInvalidModel);
}

Attributes Blocksize(std::int64_t size, const char* mode = nullptr) {
  Attributes attributes;
  attributes.Set("blocksize", size);
  if (mode != nullptr) attributes.Set("mode", std::string(mode));
  return attributes;
}

TEST(DepthToSpace, WholeBlocksStayBlocked) {
  for (const std::int64_t blocks : {1, 2}) {
    for (const std::int64_t size : {2, 3}) {
      const std::int64_t channels = size * size * blocks;
      testing::ExpectBlockedEqualsPlain(
          testing::MakeNode("DepthToSpace", 1, Blocksize(size)),
          {testing::RandomBytes<std::uint8_t>({2, 64 * channels, 3, 4}, 1)});
      testing::ExpectBlockedEqualsPlain(testing::MakeNode("DepthToSpace", 1, Blocksize(size)),
                                        {testing::RandomFloats({2, 16 * channels, 1, 1})});
    }
  }
  const Node node = testing::MakeNode("DepthToSpace", 1, Blocksize(2));
  EXPECT_FALSE(testing::RunBlocked(node, {testing::RandomFloats({1, 32, 3, 4})}).blocked[0]);
}

TEST(DepthToSpace, BothModes) {
  const std::int64_t b = 2;
  const Tensor in = Iota(DataType::kFloat32, {2, 12, 3, 5});
  for (const bool crd : {false, true}) {
    const Tensor expected = Moved(in, {2, 3, 6, 10}, [&](const Index& i) {
      const std::int64_t dy = i[2] % b, dx = i[3] % b;
      const std::int64_t channel = crd ? (i[1] * b + dy) * b + dx : (dy * b + dx) * 3 + i[1];
      return Index{i[0], channel, i[2] / b, i[3] / b};
    });
    EXPECT_TRUE(SameTensor(expected,
                           EvaluateOp("DepthToSpace", {in}, Blocksize(b, crd ? "CRD" : "DCR"))[0]));
  }
  EXPECT_EQ(Catch([&] { EvaluateOp("DepthToSpace", {in}, Blocksize(5)); }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] { EvaluateOp("DepthToSpace", {in}, Blocksize(std::int64_t{1} << 40)); }).code,
            ErrorCode::kInvalidModel);
}

TEST(SpaceToDepth, IsTheInverse) {
  const Tensor in = Iota(DataType::kFloat32, {2, 12, 3, 5});
  const Tensor spread = EvaluateOp("DepthToSpace", {in}, Blocksize(2))[0];
  EXPECT_TRUE(SameTensor(in, EvaluateOp("SpaceToDepth", {spread}, Blocksize(2))[0]));
  EXPECT_EQ(Catch([&] { EvaluateOp("SpaceToDepth", {in}, Blocksize(2)); }).code,
            ErrorCode::kInvalidModel);
  EXPECT_EQ(Catch([&] { EvaluateOp("SpaceToDepth", {in}, Blocksize(0)); }).code,
            ErrorCode::kInvalidModel);
}

TEST(ChannelShuffle, PlainAndBlocked) {
  for (const std::int64_t groups : {1, 2, 3, 4, 29}) {
    const std::int64_t channels = 116 / 4 * (groups == 3 ? 3 : 4);
    const Tensor in = Iota(DataType::kFloat32, {2, channels, 3, 5});
    Attributes attributes;
    attributes.Set("group", groups);
    const Node node = testing::MakeNode("ChannelShuffle", 1, attributes, 1, 1, "kinglet");
    const Tensor* const inputs[] = {&in};
    const Tensor expected = Moved(in, in.shape(), [&](const Index& i) {
      return Index{i[0], i[1] % groups * (channels / groups) + i[1] / groups, i[2], i[3]};
    });
    EXPECT_TRUE(SameTensor(expected, EvaluateNode(node, inputs)[0]));
    if (groups > 1) testing::ExpectBlockedEqualsPlain(node, {in});
  }
}

}  // namespace
}  // namespace kinglet::transpose_test
