#include "kernels/eltwise/binary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::binary_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

float Exact(BinaryOp op, float a, float b) {
  switch (op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSub:
      return a - b;
    case BinaryOp::kMul:
      return a * b;
    case BinaryOp::kDiv:
      return a / b;
    case BinaryOp::kMin:
      return std::isnan(a) || a < b ? a : b;
    case BinaryOp::kMax:
      return std::isnan(a) || a > b ? a : b;
    case BinaryOp::kPow:
      return std::pow(a, b);
    case BinaryOp::kPRelu:
      return a < 0 ? a * b : a;
    case BinaryOp::kFmod:
      return std::fmod(a, b);
  }
  return 0;
}

BinaryOp Op(int i) { return static_cast<BinaryOp>(i); }

void ExpectSame(float got, float want) {
  if (std::isnan(want)) {
    ASSERT_TRUE(std::isnan(got));
  } else {
    ASSERT_FLOAT_EQ(got, want);
  }
}

TEST(Binary, ArraysAndScalarsAtEveryLength) {
  ForEachTarget([] {
    const auto left = RandomFloats(71, 51, -4, 4), right = RandomFloats(71, 52, -4, 4);
    for (int k = 0; k < kBinaryOpCount; ++k) {
      const BinaryFns& f = GetBinary(Op(k));
      for (size_t n = 0; n <= left.size(); ++n) {
        const GuardedBuffer<float> a({left.begin(), left.begin() + static_cast<long>(n)}, n % 3);
        const GuardedBuffer<float> b({right.begin(), right.begin() + static_cast<long>(n)}, n % 4);
        GuardedBuffer<float> y(n, 1);
        f.arrays(a.data(), b.data(), y.data(), n);
        for (size_t i = 0; i < n; ++i) ExpectSame(y[i], Exact(Op(k), a[i], b[i]));
        f.array_scalar(a.data(), -1.5f, y.data(), n);
        for (size_t i = 0; i < n; ++i) ExpectSame(y[i], Exact(Op(k), a[i], -1.5f));
        f.scalar_array(1.5f, b.data(), y.data(), n);
        for (size_t i = 0; i < n; ++i) ExpectSame(y[i], Exact(Op(k), 1.5f, b[i]));
        ASSERT_TRUE(y.Intact());
        GuardedBuffer<float> z(a.values());
        f.arrays(z.data(), b.data(), z.data(), n);
        for (size_t i = 0; i < n; ++i) ExpectSame(z[i], Exact(Op(k), a[i], b[i]));
        GuardedBuffer<float> w(b.values());
        f.arrays(a.data(), w.data(), w.data(), n);
        for (size_t i = 0; i < n; ++i) ExpectSame(w[i], Exact(Op(k), a[i], b[i]));
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

// To the bit, where quotients are just below a whole number, large, or no numbers.
TEST(Binary, RemaindersAreExact) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float odd[] = {0.0f,       -0.0f,     1.0f,    -3.0f,       0.1f,
                       7.25f,      1e-40f,    -1e-45f, 1e10f,       3e38f,
                       -kInfinity, kInfinity, 5e-39f,  16777215.0f, std::nanf("")};
  std::vector<float> a, b;
  for (const float x : odd) {
    for (const float y : odd) a.push_back(x), b.push_back(y);
  }
  const auto factors = RandomFloats(3000, 58, 0.5f, 2.0f), wholes = RandomFloats(3000, 59, 0, 3e8f);
  for (size_t i = 0; i < factors.size(); ++i) {  // around whole multiples
    const float near = std::trunc(i % 2 == 0 ? wholes[i] : wholes[i] / 1e6f) * factors[i];
    for (const float x : {near, std::nextafter(near, 0.0f), std::nextafter(near, kInfinity)}) {
      a.push_back(i % 3 == 0 ? -x : x), b.push_back(i % 5 == 0 ? -factors[i] : factors[i]);
    }
  }
  ForEachTarget([&] {
    std::vector<float> y(a.size());
    GetBinary(BinaryOp::kFmod).arrays(a.data(), b.data(), y.data(), y.size());
    for (size_t i = 0; i < y.size(); ++i) {
      const float want = std::fmod(a[i], b[i]);
      ASSERT_TRUE(std::isnan(want) ? std::isnan(y[i])
                                   : y[i] == want && std::signbit(y[i]) == std::signbit(want))
          << a[i] << " by " << b[i] << ": " << y[i] << ", expected " << want;
    }
  });
}

TEST(Binary, BlockedBroadcasts) {
  ForEachTarget([] {
    for (const size_t pixels : {0u, 1u, 2u, 5u}) {
      const GuardedBuffer<float> x(RandomFloats(pixels * 16, 53, -3, 3), 1);
      const GuardedBuffer<float> channels(RandomFloats(16, 54, -3, 3), 2);
      for (int k = 0; k < kBinaryOpCount; ++k) {
        const BinaryFns& f = GetBinary(Op(k));
        GuardedBuffer<float> y(pixels * 16, 3);
        const auto expect = [&](auto want) {
          for (size_t i = 0; i < y.size(); ++i) ExpectSame(y[i], want(i));
          ASSERT_TRUE(y.Intact());
        };
        f.pixels_channels(x.data(), channels.data(), y.data(), pixels);
        expect([&](size_t i) { return Exact(Op(k), x[i], channels[i % 16]); });
        f.channels_pixels(channels.data(), x.data(), y.data(), pixels);
        expect([&](size_t i) { return Exact(Op(k), channels[i % 16], x[i]); });
        for (const size_t step : {1u, 16u}) {
          const GuardedBuffer<float> s(RandomFloats(pixels * step, 55, -3, 3));
          f.pixels_scalars(x.data(), s.data(), step, y.data(), pixels);
          expect([&](size_t i) { return Exact(Op(k), x[i], s[i / 16 * step]); });
          f.scalars_pixels(s.data(), step, x.data(), y.data(), pixels);
          expect([&](size_t i) { return Exact(Op(k), s[i / 16 * step], x[i]); });
        }
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(Binary, RowsOfAMatrix) {
  ForEachTarget([] {
    for (const size_t n : {1u, 7u, 16u, 33u}) {
      const size_t rows = 3;
      const GuardedBuffer<float> x(RandomFloats(rows * n, 56, -3, 3));
      const GuardedBuffer<float> row(RandomFloats(n, 57, -3, 3));
      for (int k = 0; k < kBinaryOpCount; ++k) {
        GuardedBuffer<float> y(rows * n);
        GetBinary(Op(k)).rows_row(x.data(), row.data(), y.data(), rows, n);
        for (size_t i = 0; i < y.size(); ++i) ExpectSame(y[i], Exact(Op(k), x[i], row[i % n]));
        GetBinary(Op(k)).row_rows(row.data(), x.data(), y.data(), rows, n);
        for (size_t i = 0; i < y.size(); ++i) ExpectSame(y[i], Exact(Op(k), row[i % n], x[i]));
        ASSERT_TRUE(y.Intact());
      }
    }
  });
}

TEST(Binary, NanInfinityAndZero) {
  ForEachTarget([] {
    const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
    std::vector<float> values = {nan, inf, -inf, 0.0f, -0.0f, 1.0f, -2.0f}, a, b;
    for (const float left : values) {
      for (const float right : values) {
        a.push_back(left);
        b.push_back(right);
      }
    }
    for (int k = 0; k < kBinaryOpCount; ++k) {
      std::vector<float> y(a.size());
      GetBinary(Op(k)).arrays(a.data(), b.data(), y.data(), a.size());
      for (size_t i = 0; i < a.size(); ++i) {
        SCOPED_TRACE(::testing::Message() << "op " << k << " of " << a[i] << ", " << b[i]);
        ExpectSame(y[i], Exact(Op(k), a[i], b[i]));
      }
    }
  });
}

// Bases and exponents of all sizes, results that overflow and underflow among them.
TEST(Binary, Powers) {
  ForEachTarget([] {
    std::vector<float> a, b;
    for (const float base : {1e-42f, 1.17549435e-38f, 1e-30f, 0.1f, 0.70710677f, 0.70710683f,
                             0.9999999f, 1.0f, 1.0000001f, 1.4142135f, 1.4142137f, 2.0f, 10.0f,
                             1e30f, 3.4e38f, -0.5f, -3.0f, 0.0f, -0.0f}) {
      for (const float exponent : {-200.0f, -3.0f, -2.5f, -0.5f, -1e-6f, 0.0f, 1e-6f, 0.3f, 1.0f,
                                   2.2f, 3.0f, 4.0f, 17.5f, 126.0f, 127.9f, 128.0f, 1e30f}) {
        a.push_back(base);
        b.push_back(exponent);
      }
    }
    std::vector<float> y(a.size());
    GetBinary(BinaryOp::kPow).arrays(a.data(), b.data(), y.data(), a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      SCOPED_TRACE(::testing::Message() << a[i] << " ^ " << b[i]);
      ExpectSame(y[i], std::pow(a[i], b[i]));
      float one = 0;
      GetBinary(BinaryOp::kPow).array_scalar(&a[i], b[i], &one, 1);
      ExpectSame(one, std::pow(a[i], b[i]));
    }
    const auto bases = RandomFloats(20000, 58, 0, 20), exponents = RandomFloats(20000, 59, -9, 9);
    std::vector<float> z(bases.size());
    GetBinary(BinaryOp::kPow).arrays(bases.data(), exponents.data(), z.data(), z.size());
    for (size_t i = 0; i < z.size(); ++i) {
      const double want =
          std::pow(static_cast<double>(bases[i]), static_cast<double>(exponents[i]));
      ASSERT_NEAR(z[i], want, 1.1 * 0x1p-24 * want) << bases[i] << " ^ " << exponents[i];
    }
  });
}

TEST(Binary, KeepsZeroAgreesWithTheFormula) {
  for (int k = 0; k < kBinaryOpCount; ++k) {
    EXPECT_EQ(KeepsZero(Op(k)), Exact(Op(k), 0.0f, 0.0f) == 0.0f) << k;
  }
}

}  // namespace
}  // namespace kinglet::kernels::binary_test
