#include "kernels/reduce/arg.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::arg_test {
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
      const int64_t count = n % 7 == 0 ? 130 : 4;
      const GuardedBuffer<float> x(Ties(static_cast<size_t>(n * count), 90, nans), 1);
      GuardedBuffer<int64_t> out(static_cast<size_t>(count));
      GetArgTable(maximum).rows(x.data(), n, count, last, out.data());
      for (int64_t r = 0; r < count; ++r) {
        ASSERT_EQ(out[static_cast<size_t>(r)], Naive(x.data() + r * n, n, 1, maximum, last))
            << "row " << r << " of " << n;
      }
      ASSERT_TRUE(out.Intact());
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
    for (const size_t n : {33u, 100u}) {
      std::vector<float> x(n, -inf);
      const auto row = [&](bool maximum, bool last) {
        int64_t index = -1;
        GetArgTable(maximum).rows(x.data(), static_cast<int64_t>(n), 1, last, &index);
        return index;
      };
      EXPECT_EQ(row(true, false), 0);
      EXPECT_EQ(row(true, true), static_cast<int64_t>(n) - 1);
      x[30] = inf;
      EXPECT_EQ(row(true, false), 30);
      EXPECT_EQ(row(false, false), 0);
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::arg_test
