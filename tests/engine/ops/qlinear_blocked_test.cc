// Sums, products and tables of codes in blocks beside the plain ones, pad lanes included: what a
// function makes of byte 0 must not stay in them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/graph/fusion.h"
#include "tests/support/quantized_op.h"

namespace kinglet::qlinear_blocked_test {
namespace {

using testing::kMicrosoft;
using testing::MakeNode;
using testing::RandomBytes;
using testing::Single;

using Code = std::uint8_t;

// a and b with scales and zero points at which code 0 gives something else.
std::vector<Tensor> Operands(const Tensor& a, const Tensor& b) {
  return {a,
          Single(0.031f),
          Single<Code>(13),
          b,
          Single(0.017f),
          Single<Code>(101),
          Single(0.043f),
          Single<Code>(60)};
}

void ExpectBinary(const Shape& left, const Shape& right) {
  const std::vector<Tensor> inputs =
      Operands(RandomBytes<Code>(left, 1), RandomBytes<Code>(right, 2));
  for (const char* op : {"QLinearAdd", "QLinearMul"}) {
    SCOPED_TRACE(op + (" of " + ShapeToString(left)) + " and " + ShapeToString(right));
    testing::ExpectBlockedEqualsPlain(MakeNode(op, 8, {}, 1, 1, kMicrosoft), inputs);
  }
}

TEST(QLinearBlocked, SumsAndProductsOfEqualShapes) {
  for (std::int64_t channels = 1; channels <= 130; ++channels) {
    ExpectBinary({2, channels, 2, 3}, {2, channels, 2, 3});
    if (HasFailure()) return;
  }
}

TEST(QLinearBlocked, SumsAndProductsWithAValueForEachChannel) {
  for (std::int64_t channels = 1; channels <= 130; ++channels) {
    ExpectBinary({2, channels, 2, 3}, {2, channels, 1, 1});
    if (HasFailure()) return;
  }
}

// More pixels than a unit has.
TEST(QLinearBlocked, SumsAndProductsOfLargeImages) {
  ExpectBinary({1, 70, 13, 17}, {1, 70, 13, 17});
  ExpectBinary({3, 65, 13, 17}, {3, 65, 1, 1});
}

// Other broadcasts are plain, and right.
TEST(QLinearBlocked, OtherBroadcastsArePlain) {
  for (const Shape& right : {Shape{1, 70, 1, 1}, Shape{2, 1, 2, 3}, Shape{70, 1, 1}, Shape{}}) {
    const std::vector<Tensor> inputs =
        Operands(RandomBytes<Code>({2, 70, 2, 3}, 1), RandomBytes<Code>(right, 2));
    const Node node = MakeNode("QLinearAdd", 8, {}, 1, 1, kMicrosoft);
    const testing::BlockedResult result = testing::RunBlocked(node, inputs);
    EXPECT_FALSE(result.blocked[0]) << ShapeToString(right);
    EXPECT_TRUE(testing::SameTensor(testing::RunMicrosoft("QLinearAdd", inputs), result.outputs[0]))
        << ShapeToString(right);
  }
}

TEST(QLinearBlocked, Tables) {
  Tensor table(DataType::kUInt8, {256});
  for (std::int64_t i = 0; i < 256; ++i) table.data<Code>()[i] = static_cast<Code>(251 - i);
  Node look_up = MakeNode("CodeTable", 2, {}, kKingletOpset, 1, std::string(kKingletDomain));
  const Node sigmoid = MakeNode("QLinearSigmoid", 5, {}, 1, 1, kMicrosoft);
  for (std::int64_t channels = 1; channels <= 130; ++channels) {
    SCOPED_TRACE(channels);
    const Tensor x = RandomBytes<Code>({2, channels, 2, 3}, 1);
    testing::ExpectBlockedEqualsPlain(look_up, {x, table});
    testing::ExpectBlockedEqualsPlain(
        sigmoid, {x, Single(0.05f), Single<Code>(128), Single(0.004f), Single<Code>(0)});
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace kinglet::qlinear_blocked_test
