#include "kernels/layout/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/common/half.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels {
namespace {

using testing::GuardedBuffer;

constexpr ElementType kFloat = ElementType::kFloat32;
constexpr ElementType kBrain = ElementType::kBFloat16;

TEST(Convert, FloatsAndBFloat16sAtEveryLength) {
  testing::ForEachTarget([] {
    for (size_t n = 0; n <= 35; ++n) {
      std::vector<float> values = testing::RandomFloats(n, 3, -100.0f, 100.0f);
      if (n > 2) values[n / 2] = std::nanf(""), values[0] = std::numeric_limits<float>::infinity();
      const GuardedBuffer<float> x(values, n % 4);
      GuardedBuffer<uint16_t> y(n, n % 5);
      FindConversion(kFloat, kBrain).run(x.data(), y.data(), n);
      ASSERT_TRUE(y.Intact());
      GuardedBuffer<float> z(n, n % 3);
      FindConversion(kBrain, kFloat).run(y.data(), z.data(), n);
      ASSERT_TRUE(z.Intact());
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(y[i], ToBFloat16(x[i]).bits) << n << ", " << i;
        ASSERT_EQ(std::isnan(z[i]), std::isnan(x[i])) << n << ", " << i;
        if (std::isnan(x[i])) continue;
        ASSERT_EQ(z[i], ToFloat(BFloat16{y[i]})) << n << ", " << i;
      }
    }
  });
}

TEST(Convert, SaysWhatThereIsNot) {
  EXPECT_EQ(FindConversion(kFloat, ElementType::kInt8).run, nullptr);
  EXPECT_EQ(FindConversion(kFloat, kFloat).run, nullptr);
}

}  // namespace
}  // namespace kinglet::kernels
