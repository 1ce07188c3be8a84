#include "kernels/normalize/normalize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::normalize_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

constexpr double kUnit = 0x1p-24;

struct Exact {
  double mean = 0, squares = 0, magnitude = 0;
};

Exact MomentsNaive(const float* x, int64_t n, int64_t step) {
  Exact e;
  for (int64_t i = 0; i < n; ++i) {
    e.mean += static_cast<double>(x[i * step]) / static_cast<double>(n);
    e.magnitude += std::abs(static_cast<double>(x[i * step])) / static_cast<double>(n);
  }
  for (int64_t i = 0; i < n; ++i) {
    e.squares += std::pow(static_cast<double>(x[i * step]) - e.mean, 2);
  }
  return e;
}

void ExpectMoments(const Moments& got, const Exact& want, int64_t n) {
  const double mean_bound = 80 * kUnit * want.magnitude;
  ASSERT_NEAR(got.mean, want.mean, mean_bound);
  ASSERT_NEAR(
      got.squares, want.squares,
      160 * kUnit *
          (want.squares + static_cast<double>(n) * want.magnitude * want.magnitude * 80 * kUnit));
}

TEST(Normalize, MomentsAtEveryLength) {
  ForEachTarget([] {
    for (const float middle : {0.0f, 30.0f}) {
      for (int64_t n = 1; n <= 140; n += n < 70 ? 1 : 7) {
        const GuardedBuffer<float> x(
            RandomFloats(static_cast<size_t>(n), 61, middle - 2, middle + 1),
            static_cast<size_t>(n) % 3);
        ExpectMoments(GetNormalizeTable().moments(x.data(), n), MomentsNaive(x.data(), n, 1), n);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

// Longer than the pieces whose sums are joined, and with pieces of different means.
TEST(Normalize, MomentsOfManyElements) {
  ForEachTarget([] {
    for (const int64_t n : {2047, 2048, 2049, 5000, 100003}) {
      auto x = RandomFloats(static_cast<size_t>(n), 62, 3, 5);
      for (size_t i = 0; i < x.size(); ++i) x[i] += static_cast<float>(i / 1000);
      ExpectMoments(GetNormalizeTable().moments(x.data(), n), MomentsNaive(x.data(), n, 1), n);
    }
  });
}

TEST(Normalize, MomentsOfTheChannelsOfABlock) {
  ForEachTarget([] {
    for (const int64_t pixels : {1, 2, 3, 17, 127, 128, 129, 1000}) {
      const GuardedBuffer<float> x(RandomFloats(static_cast<size_t>(pixels * 16), 63, -2, 9), 1);
      Moments moments[16];
      GetNormalizeTable().moments_blocked(x.data(), pixels, moments);
      for (int64_t c = 0; c < 16; ++c) {
        ExpectMoments(moments[c], MomentsNaive(x.data() + c, pixels, 16), pixels);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(Normalize, RowsAndRuns) {
  ForEachTarget([] {
    const NormalizeTable& table = GetNormalizeTable();
    for (size_t n = 0; n <= 70; ++n) {
      const auto count = static_cast<int64_t>(n);
      const GuardedBuffer<float> x(RandomFloats(n, 64, -3, 3), n % 3);
      const GuardedBuffer<float> scale(RandomFloats(n, 65, -2, 2), 1);
      const GuardedBuffer<float> shift(RandomFloats(n, 66, -2, 2), n % 2);
      GuardedBuffer<float> y(n, 2);
      for (const bool shifts : {false, true}) {
        table.row(x.data(), 0.5f, 1.5f, scale.data(), shifts ? shift.data() : nullptr, y.data(),
                  count);
        for (size_t i = 0; i < n; ++i) {
          const double scaled = (static_cast<double>(x[i]) - 0.5) * 1.5 * scale[i];
          const double want = scaled + (shifts ? shift[i] : 0);
          ASSERT_NEAR(y[i], want, 4 * kUnit * (std::abs(scaled) + 2));
        }
      }
      table.run(x.data(), 0.5f, 1.5f, 0.25f, y.data(), count);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_NEAR(y[i], (static_cast<double>(x[i]) - 0.5) * 1.5 + 0.25, 32 * kUnit);
      }
      ASSERT_TRUE(y.Intact());
      GuardedBuffer<float> z(x.values());
      table.run(z.data(), 0.5f, 1.5f, 0.25f, z.data(), count);
      ASSERT_EQ(z.values(), y.values());
    }
  });
}

TEST(Normalize, NanAndInfinitySpread) {
  ForEachTarget([] {
    for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
      for (const size_t at : {0u, 20u, 39u}) {
        std::vector<float> x(40, 1.0f);
        x[at] = bad;
        const Moments m = GetNormalizeTable().moments(x.data(), 40);
        EXPECT_FALSE(std::isfinite(m.mean));
        EXPECT_TRUE(std::isnan(m.squares));
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::normalize_test
