#include "kernels/common/epilogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/common/activate.h"
#include "tests/support/activation.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/kernels/common/epilogue_test.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

void ActivateForTest(const Epilogue& e, float* values, size_t count) {
  ActivateSpan(e, values, count);
}

// Element i of channel i; count a multiple of 16.
void StoreForTest(const Epilogue& e, const float* values, size_t count, void* to) {
  const hwy::HWY_NAMESPACE::CappedTag<float, 16> d;
  for (size_t i = 0; i < count; i += hwy::HWY_NAMESPACE::Lanes(d)) {
    StoreVec(d, hwy::HWY_NAMESPACE::LoadU(d, values + i), e, static_cast<int64_t>(i),
             static_cast<char*>(to) + i * static_cast<size_t>(ElementBytes(e.type)));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {
namespace {

HWY_EXPORT(ActivateForTest);
HWY_EXPORT(StoreForTest);

std::vector<float> Grid() {
  std::vector<float> x;
  for (int i = -2000; i <= 2000; ++i) x.push_back(static_cast<float>(i) * 0.0511f);
  for (int i = -200; i <= 200; ++i) x.push_back(static_cast<float>(i) * 1e-3f);
  for (float big : {1e4f, 1e30f}) x.insert(x.end(), {big, -big});
  x.insert(x.end(), {0.0f, -0.0f, 1e-38f, -1e-38f});
  x.resize((x.size() + 15) / 16 * 16);
  return x;
}

TEST(Epilogue, ActivationsMatchTheFormula) {
  testing::ForEachTarget([] {
    for (const Epilogue& e : testing::AllEpilogues()) {
      const std::vector<float> x = Grid();
      std::vector<float> y = x;
      KINGLET_RESOLVE(ActivateForTest)(e, y.data(), y.size());
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = testing::Activate(e, x[i]);
        // The gates of the hard functions cancel near their lower corner.
        const bool hard =
            e.activation == Activation::kHardSigmoid || e.activation == Activation::kHardSwish;
        const double cancelled = hard ? 3e-7 * std::min(std::abs(x[i]) + 0.5f, 4.0f) : 0.0;
        ASSERT_NEAR(y[i], want,
                    1.5e-6 * std::abs(want) + cancelled + 1e-36 * std::max(1.0f, std::abs(x[i])))
            << "activation " << static_cast<int>(e.activation) << " of " << x[i];
      }
    }
  });
}

TEST(Epilogue, VectorFormsAreTheScalarFormsAtEveryLength) {
  testing::ForEachTarget([] {
    for (const Epilogue& e : testing::AllEpilogues()) {
      const char* op = FactsOf(e.activation).op;
      for (size_t n = 0; n <= 33; ++n) {
        std::vector<float> x = testing::RandomFloats(n, 7, -8.0f, 8.0f);
        if (n > 3) x[0] = 0.0f, x[1] = -0.0f, x[2] = 3.0f, x[3] = -3.0f;
        testing::GuardedBuffer<float> y(x, n % 4);
        ResolveActivate()(e, y.data(), n);
        ASSERT_TRUE(y.Intact()) << op << " of " << n;
        for (size_t i = 0; i < n; ++i) {
          const float want = ActivateScalar(e, x[i]);
          if (IsClamp(e) || e.activation == Activation::kLeakyRelu) {
            ASSERT_EQ(y[i], want) << op << " of " << x[i];
          } else {
            ASSERT_NEAR(y[i], want, 2e-6 * std::abs(want) + 1e-6) << op << " of " << x[i];
          }
        }
      }
    }
  });
}

// The bfloat16 nearest to x, of two equally near ones the even one: by looking at both neighbours.
uint16_t NearestBFloat16(float x) {
  const auto value = [](uint32_t bits) {
    return double{ToFloat(BFloat16{static_cast<uint16_t>(bits)})};
  };
  const uint32_t below = std::bit_cast<uint32_t>(x) >> 16;  // towards zero
  const uint32_t above = below + 1;                         // infinity after the largest
  // Infinity counts as the power of two that it stands for.
  const double limit = std::isinf(value(above)) ? std::copysign(0x1p128, x) : value(above);
  const double to_below = std::abs(x - value(below)), to_above = std::abs(limit - x);
  if (to_below != to_above) return static_cast<uint16_t>(to_below < to_above ? below : above);
  return static_cast<uint16_t>(below % 2 == 0 ? below : above);
}

std::vector<float> Awkward() {
  std::vector<float> x = Grid();
  for (const uint32_t low : {0x0000u, 0x0001u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
    for (const uint32_t high : {0x0000u, 0x0001u, 0x007Fu, 0x3F80u, 0x3F81u, 0x7F7Eu, 0x7F7Fu}) {
      x.push_back(std::bit_cast<float>(high << 16 | low));
      x.push_back(-x.back());
    }
  }
  for (int i = -300; i <= 300; ++i) x.push_back(static_cast<float>(i) * 0.5f);  // with all ties
  x.resize((x.size() + 15) / 16 * 16);
  return x;
}

TEST(Epilogue, StoresTheNearestBFloat16) {
  testing::ForEachTarget([] {
    const std::vector<float> x = Awkward();
    const Epilogue e = {.type = ElementType::kBFloat16};
    std::vector<uint16_t> y(x.size());
    KINGLET_RESOLVE(StoreForTest)(e, x.data(), x.size(), y.data());
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(y[i], NearestBFloat16(x[i])) << x[i];
      BFloat16 scalar[2];  // as much as the widest type that the function may store
      StoreScalar(e, x[i], 0, scalar, 0);
      ASSERT_EQ(scalar[0].bits, y[i]) << x[i];
    }
  });
}

TEST(Epilogue, StoresNanAndInfinityInBFloat16) {
  testing::ForEachTarget([] {
    std::vector<float> x(16, std::numeric_limits<float>::infinity());
    for (size_t i = 0; i < 8; ++i) {  // NaN by their last bit, by all bits, with either sign
      x[i] =
          std::bit_cast<float>((i % 2 == 0 ? 0x7F800001u : 0x7FFFFFFFu) | (i < 4 ? 0 : 1u << 31));
    }
    x[15] = -x[15];
    std::vector<BFloat16> y(16);
    KINGLET_RESOLVE(StoreForTest)({.type = ElementType::kBFloat16}, x.data(), 16, y.data());
    for (size_t i = 0; i < 8; ++i) ASSERT_TRUE(std::isnan(ToFloat(y[i]))) << i;
    for (size_t i = 8; i < 16; ++i) ASSERT_EQ(ToFloat(y[i]), x[i]) << i;
  });
}

// round(x), ties to even, moved by the zero point and cut to the codes.
int32_t NaiveCode(double x, int32_t zero_point, int32_t low, int32_t high) {
  if (std::isnan(x)) x = 0;
  x = std::min(std::max(x, -1e6), 1e6);
  const double below = std::floor(x);
  const bool up = x - below > 0.5 || (x - below == 0.5 && std::fmod(below, 2.0) != 0.0);
  const auto code = static_cast<int32_t>(below + (up ? 1.0 : 0.0)) + zero_point;
  return std::min(std::max(code, low), high);
}

template <typename T>
void CheckCodes(Epilogue e) {
  e.type = std::is_same_v<T, int8_t> ? ElementType::kInt8 : ElementType::kUInt8;
  std::vector<float> x = Awkward();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float v : {infinity, -infinity, std::nanf(""), 2147483648.0f, -2147483904.0f}) {
    x.insert(x.end(), 16, v);
  }
  const Requantisation& r = e.requantisation;
  std::vector<T> y(x.size());
  std::vector<float> scales(x.size());
  for (size_t i = 0; i < x.size(); ++i) scales[i] = 0.25f * static_cast<float>(1 + i % 7);
  for (const bool per_channel : {false, true}) {
    e.requantisation.scales = per_channel ? scales.data() : nullptr;
    KINGLET_RESOLVE(StoreForTest)(e, x.data(), x.size(), y.data());
    for (size_t i = 0; i < x.size(); ++i) {
      const float scaled = ActivateScalar(e, x[i]) * (per_channel ? scales[i] : r.scale);
      const int32_t low = std::max<int32_t>(r.low, std::numeric_limits<T>::min());
      const int32_t high = std::min<int32_t>(r.high, std::numeric_limits<T>::max());
      ASSERT_EQ(int32_t{y[i]}, NaiveCode(scaled, r.zero_point, low, high))
          << x[i] << " zero point " << r.zero_point;
      T scalar;
      StoreScalar(e, x[i], static_cast<int64_t>(i), &scalar, 0);
      ASSERT_EQ(scalar, y[i]) << x[i];
    }
  }
}

TEST(Epilogue, StoresTheNearestCodes) {
  testing::ForEachTarget([] {
    const std::vector<Epilogue> epilogues = {
        {}, {Activation::kRelu}, {Activation::kClip, -1.0f, 6.0f}, {Activation::kLeakyRelu, 0.5f}};
    for (Epilogue e : epilogues) {
      for (const float scale : {1.0f, 0.5f, 10.0f, 0.0371f}) {
        e.requantisation = {.scale = scale};
        CheckCodes<int8_t>(e);
        CheckCodes<uint8_t>(e);
        e.requantisation.zero_point = -17;
        CheckCodes<int8_t>(e);
        e.requantisation.zero_point = 131;
        CheckCodes<uint8_t>(e);
        e.requantisation.low = 131;  // a rectifier on codes
        e.requantisation.high = 200;
        CheckCodes<uint8_t>(e);
      }
    }
  });
}

TEST(Epilogue, StoresFloatsAsTheyAre) {
  testing::ForEachTarget([] {
    const std::vector<float> x = Awkward();
    for (const Epilogue& e : testing::AllEpilogues()) {
      std::vector<float> y(x.size()), want = x;
      KINGLET_RESOLVE(StoreForTest)(e, x.data(), x.size(), y.data());
      KINGLET_RESOLVE(ActivateForTest)(e, want.data(), want.size());
      ASSERT_EQ(std::memcmp(y.data(), want.data(), x.size() * sizeof(float)), 0);
    }
  });
}

TEST(Activation, IsFoundByItsOperator) {
  for (const ActivationFacts& facts : kActivations) {
    EXPECT_EQ(FindActivation(facts.domain, facts.op), facts.activation) << facts.op;
    EXPECT_EQ(FactsOf(facts.activation).op, facts.op);
    EXPECT_FALSE(FindActivation("elsewhere", facts.op)) << facts.op;
  }
  EXPECT_EQ(FindActivation("", "Swish"), std::nullopt);
  EXPECT_EQ(FindActivation("", "Conv"), std::nullopt);
}

TEST(Epilogue, NanStaysNan) {
  testing::ForEachTarget([] {
    for (const Epilogue& e : testing::AllEpilogues()) {
      std::vector<float> y(16, std::nanf(""));
      KINGLET_RESOLVE(ActivateForTest)(e, y.data(), y.size());
      for (float v : y) ASSERT_TRUE(std::isnan(v)) << static_cast<int>(e.activation);
    }
  });
}

TEST(Epilogue, KeepsZeroSaysWhatTheFormulaDoes) {
  for (const Epilogue& e : testing::AllEpilogues()) {
    EXPECT_EQ(KeepsZero(e), testing::Activate(e, 0.0) == 0.0) << static_cast<int>(e.activation);
  }
}

}  // namespace
}  // namespace kinglet::kernels
#endif  // HWY_ONCE
