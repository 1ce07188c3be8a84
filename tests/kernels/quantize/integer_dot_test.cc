#include "kernels/quantize/integer_dot.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/support/targets.h"

namespace kinglet::kernels::integer_dot_test {
namespace {

std::vector<int16_t> RandomSteps(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> steps(-255, 255);
  std::vector<int16_t> values(count);
  for (int16_t& value : values) value = static_cast<int16_t>(steps(generator));
  return values;
}

TEST(IntegerDots, EveryDepthAndCount) {
  testing::ForEachTarget([] {
    for (int64_t depth = 0; depth < 70; ++depth) {
      for (int64_t count = 0; count < 6; ++count) {
        const auto row = RandomSteps(static_cast<size_t>(depth), 1);
        const auto columns = RandomSteps(static_cast<size_t>(depth * count), 2);
        std::vector<int32_t> sums(static_cast<size_t>(count) + 1, -7);
        GetIntegerDots()(row.data(), columns.data(), count, depth, sums.data());
        for (int64_t j = 0; j < count; ++j) {
          int64_t expected = 0;
          for (int64_t k = 0; k < depth; ++k) {
            expected +=
                int64_t{row[static_cast<size_t>(k)]} * columns[static_cast<size_t>(j * depth + k)];
          }
          ASSERT_EQ(sums[static_cast<size_t>(j)], expected) << depth << " " << count << " " << j;
        }
        EXPECT_EQ(sums.back(), -7);
      }
    }
  });
}

TEST(IntegerDots, LongSumsWrapAround) {
  constexpr int64_t kDepth = 70001;
  const std::vector<int16_t> row(kDepth, 255);
  std::vector<int16_t> columns(3 * kDepth, 255);
  for (size_t k = kDepth; k < 2 * kDepth; ++k) columns[k] = -255;
  const auto whole = static_cast<uint32_t>(kDepth * 255 * 255);
  testing::ForEachTarget([&] {
    int32_t sums[3];
    GetIntegerDots()(row.data(), columns.data(), 3, kDepth, sums);
    EXPECT_EQ(static_cast<uint32_t>(sums[0]), whole);
    EXPECT_EQ(static_cast<uint32_t>(sums[1]), 0U - whole);
    EXPECT_EQ(static_cast<uint32_t>(sums[2]), whole);
  });
}

}  // namespace
}  // namespace kinglet::kernels::integer_dot_test
