#include "kernels/eltwise/channel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/activation.h"
#include "tests/support/blocked.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::channel_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

void ExpectAffine(const Epilogue& e, float x, float scale, float shift, float y) {
  const double exact = static_cast<double>(x) * scale + shift;
  const double want = testing::Activate(e, exact);
  const double error = 0x1p-22 * (std::abs(static_cast<double>(x) * scale) + std::abs(shift));
  ASSERT_NEAR(y, want, 2 * error + 2e-6 * std::abs(want) + 1e-6)
      << "activation " << static_cast<int>(e.activation);
}

TEST(Affine, BlockedWithEachActivation) {
  ForEachTarget([] {
    for (const size_t pixels : {0u, 1u, 3u, 64u, 65u, 130u}) {
      for (const Epilogue& e : testing::AllEpilogues()) {
        const GuardedBuffer<float> x(RandomFloats(pixels * 16, 61, -4, 4), 1);
        const GuardedBuffer<float> scale(RandomFloats(16, 62)), shift(RandomFloats(16, 63), 1);
        GuardedBuffer<float> y(pixels * 16, 2);
        GetChannelTable().affine_blocked(x.data(), scale.data(), shift.data(), y.data(), pixels, e);
        for (size_t i = 0; i < y.size(); ++i) {
          ExpectAffine(e, x[i], scale[i % 16], shift[i % 16], y[i]);
        }
        ASSERT_TRUE(y.Intact());
        GuardedBuffer<float> z(x.values());
        GetChannelTable().affine_blocked(z.data(), scale.data(), shift.data(), z.data(), pixels, e);
        ASSERT_EQ(z.values(), y.values());
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(Affine, PlainAtEveryLength) {
  ForEachTarget([] {
    for (size_t n = 0; n <= 70; ++n) {
      for (const Epilogue& e : testing::AllEpilogues()) {
        const GuardedBuffer<float> x(RandomFloats(n, 64, -4, 4), n % 3);
        GuardedBuffer<float> y(n, 1);
        GetChannelTable().affine_plain(x.data(), 0.7f, -0.3f, y.data(), n, e);
        for (size_t i = 0; i < n; ++i) ExpectAffine(e, x[i], 0.7f, -0.3f, y[i]);
        ASSERT_TRUE(y.Intact());
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(Affine, NanAndInfinityPass) {
  ForEachTarget([] {
    std::vector<float> x(33, std::nanf("")), y(33);
    GetChannelTable().affine_plain(x.data(), 1, 0, y.data(), x.size(), {Activation::kRelu});
    for (const float v : y) EXPECT_TRUE(std::isnan(v));
    x.assign(33, -HUGE_VALF);
    GetChannelTable().affine_plain(x.data(), 1, 0, y.data(), x.size(), {Activation::kClip, -1, 6});
    for (const float v : y) EXPECT_EQ(v, -1.0f);
  });
}

TEST(ZeroPadLanes, ClearsThoseAndNoOthers) {
  ForEachTarget([] {
    for (size_t channels = 0; channels <= 16; ++channels) {
      for (const size_t pixels : {0u, 1u, 3u}) {
        const auto before = RandomFloats(pixels * 16, 65, 1, 2);
        GuardedBuffer<float> y(before, 1);
        for (size_t p = 0; p < pixels; ++p) {
          if (channels < 16) y[p * 16 + 15] = std::nanf("");
        }
        GetChannelTable().zero_pad_lanes(y.data(), pixels, channels);
        for (size_t i = 0; i < y.size(); ++i) {
          ASSERT_EQ(y[i], i % 16 < channels ? before[i] : 0.0f) << channels << ' ' << i;
        }
        ASSERT_TRUE(y.Intact());
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::channel_test
