#include "kernels/eltwise/integers.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::integers_test {
namespace {

using testing::GuardedBuffer;

template <typename T>
T Expected(IntegerOp op, T a, T b) {
  using Unsigned = std::make_unsigned_t<T>;
  if (op == IntegerOp::kEqual) return a == b ? 1 : 0;
  if (op == IntegerOp::kMul) {
    return static_cast<T>(static_cast<Unsigned>(a) * static_cast<Unsigned>(b));
  }
  if (b == 0) return 0;
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) {
    return static_cast<T>(Unsigned{0} - static_cast<Unsigned>(a));
  }
  return static_cast<T>(a / b);
}

// Of all magnitudes, with the ends of the range, zeros, ones and their negatives.
template <typename T>
std::vector<T> Values(size_t n, unsigned seed) {
  std::mt19937_64 generator(seed);
  std::vector<T> values(n);
  for (T& value : values) {
    value = static_cast<T>(generator() >> (generator() % 64));
    if (generator() % 8 == 0) value = std::numeric_limits<T>::min();
    if (generator() % 8 == 0) value = std::numeric_limits<T>::max();
    if (generator() % 8 == 0) value = static_cast<T>(generator() % 3) - T{1};
  }
  return values;
}

template <typename T, typename R>
void Check(IntegerOp op, size_t n) {
  const IntegerFn run = FindIntegers(op, std::is_signed_v<T>, sizeof(T));
  ASSERT_NE(run, nullptr);
  const GuardedBuffer<T> a(Values<T>(n, 1), 1), b(Values<T>(n, 2), 1);
  for (const int64_t a_stride : {0, 1}) {
    for (const int64_t b_stride : {0, 1}) {
      GuardedBuffer<R> y(n, 1);
      run(a.data(), a_stride, b.data(), b_stride, y.data(), static_cast<int64_t>(n));
      for (size_t i = 0; i < n; ++i) {
        const T left = a[a_stride == 0 ? 0 : i], right = b[b_stride == 0 ? 0 : i];
        ASSERT_EQ(y[i], static_cast<R>(Expected(op, left, right))) << left << ", " << right;
      }
      ASSERT_TRUE(y.Intact());
    }
  }
  if constexpr (std::is_same_v<T, R>) {
    GuardedBuffer<T> in_place(a.values(), 1);
    run(in_place.data(), 1, b.data(), 1, in_place.data(), static_cast<int64_t>(n));
    for (size_t i = 0; i < n; ++i) ASSERT_EQ(in_place[i], Expected(op, a[i], b[i]));
  }
}

template <typename T>
void CheckType() {
  for (size_t n = 0; n <= 300; n = n < 70 ? n + 1 : n + 100) {
    Check<T, T>(IntegerOp::kMul, n);
    Check<T, uint8_t>(IntegerOp::kEqual, n);
    if (std::is_same_v<T, int32_t>) Check<T, T>(IntegerOp::kDiv, n);
  }
}

TEST(Integers, EveryTypeStrideAndLength) {
  testing::ForEachTarget([] {
    CheckType<int32_t>();
    CheckType<uint32_t>();
    CheckType<int64_t>();
    CheckType<uint64_t>();
  });
}

TEST(Integers, OthersHaveNone) {
  EXPECT_EQ(FindIntegers(IntegerOp::kDiv, true, 8), nullptr);
  EXPECT_EQ(FindIntegers(IntegerOp::kDiv, false, 4), nullptr);
  EXPECT_EQ(FindIntegers(IntegerOp::kMul, true, 2), nullptr);
}

}  // namespace
}  // namespace kinglet::kernels::integers_test
