#include "engine/ops/broadcast.h"

#include <gtest/gtest.h>

namespace kinglet::broadcast_test {
namespace {

// The offset of output element `flat` in an operand, the slow way.
std::int64_t NaiveOffset(const Shape& output, const Shape& operand, std::int64_t flat) {
  std::int64_t offset = 0;
  std::int64_t stride = 1;
  for (std::size_t d = 0; d < output.size(); ++d) {
    const std::int64_t size = output[output.size() - 1 - d];
    const std::int64_t index = flat % size;
    flat /= size;
    if (d >= operand.size()) continue;
    const std::int64_t own = operand[operand.size() - 1 - d];
    if (own != 1) offset += index * stride;
    stride *= own;
  }
  return offset;
}

void CheckAllRanges(const Shape& output, const Shape& a, const Shape& b) {
  SCOPED_TRACE(ShapeToString(a) + " and " + ShapeToString(b));
  const auto broadcast = MakeBroadcast<2>(output, {&a, &b});
  ASSERT_EQ(broadcast.count, ElementCount(output));
  for (std::int64_t begin = 0; begin <= broadcast.count; begin += 3) {
    for (std::int64_t end = begin; end <= broadcast.count; end += 5) {
      std::int64_t next = begin;
      broadcast.ForRuns(begin, end, [&](const auto& offsets, std::int64_t at, std::int64_t n) {
        ASSERT_EQ(at, next);
        for (std::int64_t i = 0; i < n; ++i) {
          ASSERT_EQ(offsets[0] + i * broadcast.InnerStride(0), NaiveOffset(output, a, at + i));
          ASSERT_EQ(offsets[1] + i * broadcast.InnerStride(1), NaiveOffset(output, b, at + i));
        }
        next += n;
      });
      ASSERT_EQ(next, end);
    }
  }
}

TEST(Broadcast, MatchesTheNaiveOffsets) {
  CheckAllRanges({2, 3, 4, 5}, {2, 3, 4, 5}, {3, 1, 1});
  CheckAllRanges({2, 3, 4, 5}, {2, 3, 4, 5}, {2, 3, 4, 5});
  CheckAllRanges({2, 3, 4, 5}, {2, 3, 1, 1}, {1, 1, 4, 5});
  CheckAllRanges({2, 3, 4, 5}, {5}, {2, 1, 4, 1});
  CheckAllRanges({2, 3, 4, 5}, {}, {2, 3, 4, 5});
  CheckAllRanges({3, 1, 2, 1, 3}, {1, 1, 2, 1, 3}, {3, 1, 2, 1, 1});
  CheckAllRanges({2, 1, 2, 1, 2, 1, 2, 2}, {2, 1, 1, 1, 2, 1, 1, 2}, {2, 1, 2});
  CheckAllRanges({}, {}, {1, 1});
  CheckAllRanges({0, 3}, {0, 3}, {3});
}

TEST(Broadcast, MergesWhatItCan) {
  const Shape output{2, 3, 4, 5};
  const Shape channel{3, 1, 1};
  const auto equal = MakeBroadcast<2>(output, {&output, &output});
  EXPECT_EQ(equal.rank, 1u);
  EXPECT_EQ(equal.sizes[0], 120);
  const auto per_channel = MakeBroadcast<2>(output, {&output, &channel});
  EXPECT_EQ(per_channel.rank, 3u);
  EXPECT_EQ(per_channel.sizes[2], 20);
  EXPECT_EQ(per_channel.InnerStride(1), 0);
}

}  // namespace
}  // namespace kinglet::broadcast_test
