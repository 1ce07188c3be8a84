#include "kernels/softmax/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::softmax_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

constexpr double kUnit = 0x1p-24;
constexpr float kInf = std::numeric_limits<float>::infinity();

size_t At(const Softmax& s, int64_t o, int64_t k, int64_t i) {
  return static_cast<size_t>((o * s.axis + k) * s.inner + i);
}

void ExpectLine(const Softmax& s, const GuardedBuffer<float>& x, const GuardedBuffer<float>& y,
                int64_t o, int64_t i) {
  double max = -HUGE_VAL, sum = 0;
  for (int64_t k = 0; k < s.axis; ++k) max = std::max(max, static_cast<double>(x[At(s, o, k, i)]));
  for (int64_t k = 0; k < s.axis; ++k) sum += std::exp(x[At(s, o, k, i)] - max);
  for (int64_t k = 0; k < s.axis; ++k) {
    const double shifted = x[At(s, o, k, i)] - max, depth = static_cast<double>(s.axis);
    const double want = s.log ? shifted - std::log(sum) : std::exp(shifted) / sum;
    const double bound = s.log ? kUnit * (4 * std::abs(want) + depth + 16)
                               : kUnit * (16 + 2 * std::abs(shifted) + depth) * want + 0x1p-125;
    ASSERT_NEAR(y[At(s, o, k, i)], want, bound) << "line " << o << ", " << i << " at " << k;
  }
}

void Check(const Softmax& s, float scale) {
  SCOPED_TRACE(::testing::Message()
               << s.outer << 'x' << s.axis << 'x' << s.inner << " log " << s.log);
  const auto count = static_cast<size_t>(s.outer * s.axis * s.inner);
  const GuardedBuffer<float> x(RandomFloats(count, 71, -scale, scale), 1);
  GuardedBuffer<float> y(count, 2);
  const int64_t half = UnitCount(s) / 2;
  GetSoftmax()(s, x.data(), y.data(), half, UnitCount(s));
  GetSoftmax()(s, x.data(), y.data(), 0, half);
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t i = 0; i < s.inner; ++i) ExpectLine(s, x, y, o, i);
  }
  ASSERT_TRUE(y.Intact());
  GuardedBuffer<float> z(x.values(), 2);
  GetSoftmax()(s, z.data(), z.data(), 0, UnitCount(s));
  ASSERT_EQ(z.values(), y.values());
}

TEST(Softmax, EveryLengthOfTheLastAxis) {
  ForEachTarget([] {
    for (const bool log : {false, true}) {
      for (int64_t axis = 1; axis <= 70; ++axis) Check({3, axis, 1, log}, 5);
      Check({2, 1000, 1, log}, 10);
      Check({2, 1001, 1, log}, 100);
    }
  });
}

TEST(Softmax, StridedAxis) {
  ForEachTarget([] {
    for (const bool log : {false, true}) {
      for (const int64_t inner : {2, 3, 15, 16, 17, 63, 64, 65, 130}) {
        for (const int64_t axis : {1, 2, 21}) Check({2, axis, inner, log}, 8);
      }
    }
  });
}

TEST(Softmax, NothingToDo) {
  EXPECT_EQ(UnitCount(Softmax{3, 0, 1}), 0);
  EXPECT_EQ(UnitCount(Softmax{0, 4, 1}), 0);
  EXPECT_EQ(UnitCount(Softmax{3, 4, 0}), 0);
}

// As ONNX Runtime: these lines have no distribution.
TEST(Softmax, InfinitiesAndNan) {
  ForEachTarget([] {
    const float nan = std::nanf("");
    for (const int64_t inner : {1, 2, 70}) {
      for (const int64_t axis : {5, 40}) {
        for (const bool log : {false, true}) {
          const Softmax s = {1, axis, inner, log};
          const auto run = [&](float rest, float first) {
            std::vector<float> x(static_cast<size_t>(axis * inner), rest);
            std::fill_n(x.begin(), inner, first);
            GetSoftmax()(s, x.data(), x.data(), 0, UnitCount(s));
            return x;
          };
          for (const float v : run(-kInf, -kInf)) EXPECT_TRUE(std::isnan(v));
          for (const float v : run(1.0f, kInf)) EXPECT_TRUE(std::isnan(v));
          for (const float v : run(1.0f, nan)) EXPECT_TRUE(std::isnan(v));
          for (const float v : run(kInf, -kInf)) EXPECT_TRUE(std::isnan(v));
          const auto masked = run(-kInf, 3.0f);
          EXPECT_EQ(masked.front(), log ? 0.0f : 1.0f);
          EXPECT_EQ(masked.back(), log ? -kInf : 0.0f);
          const auto far = run(-1e38f, 1e38f);
          EXPECT_EQ(far.front(), log ? 0.0f : 1.0f);
          EXPECT_EQ(far.back(), log ? -2e38f : 0.0f);
        }
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::softmax_test
