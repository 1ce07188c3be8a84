#include "kernels/eltwise/rotate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::rotate_test {
namespace {

using testing::GuardedBuffer;
using testing::RandomFloats;

void Check(int64_t pairs, bool interleaved) {
  SCOPED_TRACE(::testing::Message() << pairs << " pairs, interleaved " << interleaved);
  const auto n = static_cast<size_t>(pairs);
  const GuardedBuffer<float> x(RandomFloats(2 * n, 1), 1);
  const GuardedBuffer<float> cosines(RandomFloats(n, 2), 2), sines(RandomFloats(n, 3), 3);
  GuardedBuffer<float> y(2 * n, 1);
  GetRotate(interleaved)(x.data(), cosines.data(), sines.data(), pairs, y.data());
  for (size_t i = 0; i < n; ++i) {
    const size_t a = interleaved ? 2 * i : i;
    const size_t b = interleaved ? a + 1 : i + n;
    const double c = cosines[i], s = sines[i];
    const double bound = 0x1p-23 * (std::abs(x[a]) + std::abs(x[b]));
    ASSERT_NEAR(y[a], c * x[a] - s * x[b], bound) << i;
    ASSERT_NEAR(y[b], s * x[a] + c * x[b], bound) << i;
  }
  ASSERT_TRUE(y.Intact());
  GuardedBuffer<float> z(x.values(), 1);
  GetRotate(interleaved)(z.data(), cosines.data(), sines.data(), pairs, z.data());
  ASSERT_EQ(z.values(), y.values());
}

TEST(Rotate, EveryLengthAndForm) {
  testing::ForEachTarget([] {
    for (int64_t pairs = 0; pairs <= 40; ++pairs) {
      for (const bool interleaved : {false, true}) Check(pairs, interleaved);
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::rotate_test
