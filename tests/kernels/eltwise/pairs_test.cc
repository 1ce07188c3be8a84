#include "kernels/eltwise/pairs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/common/half.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::pairs_test {
namespace {

using testing::GuardedBuffer;

constexpr size_t kPixel = 32;

std::vector<uint16_t> Random(size_t count, uint32_t seed) {
  std::vector<uint16_t> bits;
  for (const float x : testing::RandomFloats(count, seed, -4.0f, 4.0f)) {
    bits.push_back(ToBFloat16(x).bits);
  }
  return bits;
}

float Value(uint16_t bits) { return ToFloat(BFloat16{bits}); }

// `want(i)` is f's argument at element i. The exponential of Sigmoid is not exact: one bfloat16
// off.
template <typename Want>
void Expect(const GuardedBuffer<uint16_t>& y, size_t pixels, int64_t channels, const Epilogue& f,
            Want&& want) {
  ASSERT_TRUE(y.Intact());
  for (size_t i = 0; i < pixels * kPixel; ++i) {
    const bool there = static_cast<int64_t>(i % kPixel) < channels;
    const float exact = there ? ActivateScalar(f, want(i)) : 0.0f;
    if (IsClamp(f) || !there) {
      ASSERT_EQ(y[i], there ? ToBFloat16(exact).bits : 0) << "element " << i;
    } else {
      ASSERT_NEAR(Value(y[i]), exact, std::fabs(exact) * 0x1p-7f) << "element " << i;
    }
  }
}

TEST(Pairs, UnaryAndBinaryAtEveryNumberOfChannels) {
  const Epilogue functions[] = {{},
                                {.activation = Activation::kRelu},
                                {.activation = Activation::kClip, .alpha = -1, .beta = 2},
                                {.activation = Activation::kSigmoid}};
  testing::ForEachTarget([&] {
    const PairsTable& table = GetPairsTable();
    for (const Epilogue& f : functions) {
      for (int64_t channels = 1; channels <= 32; ++channels) {
        for (const size_t pixels : {size_t{0}, size_t{1}, size_t{2}, size_t{7}}) {
          const size_t count = pixels * kPixel;
          const GuardedBuffer<uint16_t> a(Random(count, 1));
          const GuardedBuffer<uint16_t> b(Random(count, 2));
          const GuardedBuffer<uint16_t> lanes(Random(kPixel, 3));
          GuardedBuffer<uint16_t> y(count);
          table.unary(f, a.data(), y.data(), pixels, channels);
          Expect(y, pixels, channels, f, [&](size_t i) { return Value(a[i]); });
          table.add(f, a.data(), b.data(), 1, y.data(), pixels, channels);
          Expect(y, pixels, channels, f, [&](size_t i) { return Value(a[i]) + Value(b[i]); });
          table.mul(f, a.data(), lanes.data(), 0, y.data(), pixels, channels);
          Expect(y, pixels, channels, f,
                 [&](size_t i) { return Value(a[i]) * Value(lanes[i % kPixel]); });
        }
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::pairs_test
