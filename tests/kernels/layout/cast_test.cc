#include "kernels/layout/cast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/layout/numbers.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::cast_test {
namespace {

using enum ElementType;
using testing::GuardedBuffer;

// Whole and broken numbers of either sign around zero, and beyond the range of small integers.
template <typename T>
std::vector<T> Values(size_t n, bool far) {
  std::vector<T> x(n);
  for (size_t i = 0; i < n; ++i) {
    const double value = (static_cast<double>(i * 37 % 401) - 200) * (i % 3 == 0 ? 2.75 : 1);
    if constexpr (std::is_integral_v<T>) {
      x[i] = static_cast<T>(static_cast<int64_t>(value));
    } else {
      x[i] = static_cast<T>(value);
    }
    if (i % 9 == 4) x[i] = T{0};
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (far && n > 3) x[3] = static_cast<T>(3e9), x[1] = std::numeric_limits<T>::quiet_NaN();
    if (far && n > 4) x[4] = -std::numeric_limits<T>::infinity();
  }
  return x;
}

template <typename From, typename To>
To Expected(From x, bool to_bool) {
  if (to_bool) return x != From{0} ? To{1} : To{0};
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return FloatToInteger<To>(static_cast<double>(x));
  } else {
    return static_cast<To>(x);
  }
}

template <typename From, typename To>
void Check(ElementType from, ElementType to) {
  const CastFn cast = FindCast(from, to);
  ASSERT_NE(cast, nullptr) << ElementName(from) << " to " << ElementName(to);
  for (size_t n = 0; n <= 1100; n = n < 70 ? n + 1 : n + 515) {
    for (const bool far : {false, true}) {
      if (far && !std::is_integral_v<To>) continue;
      std::vector<From> values = Values<From>(n, far);
      if (from == kBool) {
        for (From& value : values) value = static_cast<From>(value != From{0} ? 1 : 0);
      }
      const GuardedBuffer<From> x(values, 1);
      GuardedBuffer<To> y(n, 1);
      cast(x.data(), y.data(), n);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(y[i], (Expected<From, To>(x[i], to == kBool)))
            << ElementName(from) << " to " << ElementName(to) << ", " << i << " of " << n;
      }
      ASSERT_TRUE(y.Intact());
    }
  }
}

TEST(Cast, EveryPairAndLength) {
  testing::ForEachTarget([] {
    Check<float, uint8_t>(kFloat32, kUInt8);
    Check<float, int8_t>(kFloat32, kInt8);
    Check<float, int32_t>(kFloat32, kInt32);
    Check<float, uint32_t>(kFloat32, kUInt32);
    Check<float, int64_t>(kFloat32, kInt64);
    Check<float, uint8_t>(kFloat32, kBool);
    Check<float, double>(kFloat32, kFloat64);
    Check<double, float>(kFloat64, kFloat32);
    Check<int8_t, float>(kInt8, kFloat32);
    Check<uint8_t, float>(kUInt8, kFloat32);
    Check<uint8_t, float>(kBool, kFloat32);
    Check<int32_t, float>(kInt32, kFloat32);
    Check<int64_t, float>(kInt64, kFloat32);
    Check<int64_t, int32_t>(kInt64, kInt32);
    Check<int32_t, int64_t>(kInt32, kInt64);
    Check<uint8_t, int64_t>(kUInt8, kInt64);
    Check<uint8_t, int64_t>(kBool, kInt64);
    Check<uint8_t, int32_t>(kUInt8, kInt32);
    Check<uint8_t, int32_t>(kBool, kInt32);
    Check<int64_t, uint8_t>(kInt64, kBool);
    Check<int32_t, uint8_t>(kInt32, kBool);
  });
}

TEST(Cast, OtherPairsHaveNone) {
  EXPECT_EQ(FindCast(kFloat32, kFloat32), nullptr);
  EXPECT_EQ(FindCast(kFloat16, kFloat32), nullptr);
}

}  // namespace
}  // namespace kinglet::kernels::cast_test
