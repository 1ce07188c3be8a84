#include "kernels/reduce/arg.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

// The scan that keeps the best so far.
int64_t Naive(const float* x, int64_t n, int64_t step, bool maximum, bool last) {
  int64_t best = 0;
  for (int64_t k = 1; k < n; ++k) {
    const float value = x[k * step], so_far = x[best * step];
    if ((maximum ? value > so_far : value < so_far) || (last && value == so_far)) best = k;
  }
  return best;
}

// Few different values, so that there are ties, and a NaN in `nans` of a hundred.
std::vector<float> Ties(size_t count, uint32_t seed, float nans) {
  auto values = RandomFloats(count, seed, -4, 4);
  const auto dice = RandomFloats(count, seed + 1, 0, 100);
  for (size_t i = 0; i < count; ++i) {
    values[i] = dice[i] < nans ? std::nanf("") : std::round(values[i]);
  }
  return values;
}

template <typename F>
void ForEachKind(F f) {
  ForEachTarget([&] {
    for (const bool maximum : {false, true}) {
      for (const bool last : {false, true}) {
        for (const float nans : {0.0f, 20.0f, 100.0f}) {
          SCOPED_TRACE(::testing::Message() << maximum << last << ' ' << nans);
          f(maximum, last, nans);
          if (::testing::Test::HasFatalFailure()) return;
        }
      }
    }
  });
}

TEST(Arg, RowsOfEveryLength) {
  ForEachKind([](bool maximum, bool last, float nans) {
    for (int64_t n = 1; n <= 80; ++n) {
      for (uint32_t seed = 0; seed < 4; ++seed) {
        const GuardedBuffer<float> x(Ties(static_cast<size_t>(n), 90 + 2 * seed, nans), seed);
        ASSERT_EQ(GetArgTable(maximum).row(x.data(), n, last), Naive(x.data(), n, 1, maximum, last))
            << "of " << n;
      }
    }
  });
}

TEST(Arg, ColumnsOfEveryCount) {
  ForEachKind([](bool maximum, bool last, float nans) {
    for (const int64_t n : {1, 2, 21}) {
      for (int64_t count = 0; count <= 80; ++count) {
        const int64_t stride = count + count % 3;
        const auto size = static_cast<size_t>(n * stride);
        const GuardedBuffer<float> x(Ties(size, 95, nans), 1);
        GuardedBuffer<int64_t> out(static_cast<size_t>(count));
        GetArgTable(maximum).columns(x.data(), n, stride, count, last, out.data());
        for (int64_t j = 0; j < count; ++j) {
          ASSERT_EQ(out[static_cast<size_t>(j)], Naive(x.data() + j, n, stride, maximum, last))
              << "column " << j << " of " << count;
        }
        ASSERT_TRUE(out.Intact());
      }
    }
  });
}

TEST(Arg, ExtremesOfEveryLength) {
  ForEachKind([](bool maximum, bool, float nans) {
    for (int64_t n = 1; n <= 80; ++n) {
      const GuardedBuffer<float> x(Ties(static_cast<size_t>(n), 97, nans / 10), 1);
      float want = x[0];
      for (const float value : x.values()) {
        if (std::isnan(want)) break;
        if (std::isnan(value) || (maximum ? value > want : value < want)) want = value;
      }
      const float got = GetArgTable(maximum).extreme(x.data(), n);
      ASSERT_TRUE(got == want || (std::isnan(got) && std::isnan(want))) << "of " << n;
    }
  });
}

TEST(Arg, InfinitiesAreValues) {
  ForEachTarget([] {
    const float inf = std::numeric_limits<float>::infinity();
    std::vector<float> x(33, -inf);
    EXPECT_EQ(GetArgTable(true).row(x.data(), 33, false), 0);
    EXPECT_EQ(GetArgTable(true).row(x.data(), 33, true), 32);
    x[30] = inf;
    EXPECT_EQ(GetArgTable(true).row(x.data(), 33, false), 30);
    EXPECT_EQ(GetArgTable(false).row(x.data(), 33, false), 0);
  });
}

}  // namespace
}  // namespace kinglet::kernels
