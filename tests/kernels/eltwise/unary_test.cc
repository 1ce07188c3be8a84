#include "kernels/eltwise/unary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/activation.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::unary_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

constexpr double kUnit = 0x1p-24;
constexpr float kInf = std::numeric_limits<float>::infinity();

double Softplus(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }

// By the definitions of ONNX, in double precision.
double Exact(UnaryOp op, double x, double a, double b) {
  switch (op) {
    case UnaryOp::kAbs:
      return std::abs(x);
    case UnaryOp::kCeil:
      return std::ceil(x);
    case UnaryOp::kClip:
      return std::min(std::max(x, a), b);
    case UnaryOp::kElu:
      return x < 0 ? a * std::expm1(x) : x;
    case UnaryOp::kErf:
      return std::erf(x);
    case UnaryOp::kExp:
      return std::exp(x);
    case UnaryOp::kFloor:
      return std::floor(x);
    case UnaryOp::kGelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case UnaryOp::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case UnaryOp::kHardSigmoid:
      return std::max(0.0, std::min(1.0, a * x + b));
    case UnaryOp::kHardSwish:
      return x * std::max(0.0, std::min(1.0, x / 6 + 0.5));
    case UnaryOp::kNone:
      return x;
    case UnaryOp::kLeakyRelu:
      return x < 0 ? a * x : x;
    case UnaryOp::kLog:
      return std::log(x);
    case UnaryOp::kMish:
      return x * std::tanh(Softplus(x));
    case UnaryOp::kNeg:
      return -x;
    case UnaryOp::kPow:
      return std::pow(x, a);
    case UnaryOp::kReciprocal:
      return 1 / x;
    case UnaryOp::kRelu:
      return x < 0 ? 0 : x;
    case UnaryOp::kRound:
      return std::nearbyint(x);
    case UnaryOp::kSelu:
      return b * (x < 0 ? a * std::expm1(x) : x);
    case UnaryOp::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case UnaryOp::kSign:
      return x > 0 ? 1 : x < 0 ? -1 : 0;
    case UnaryOp::kSoftplus:
      return Softplus(x);
    case UnaryOp::kSoftsign:
      return x / (1 + std::abs(x));
    case UnaryOp::kSqrt:
      return std::sqrt(x);
    case UnaryOp::kSwish:
      return x / (1 + std::exp(-a * x));
    case UnaryOp::kTanh:
      return std::tanh(x);
    case UnaryOp::kThresholdedRelu:
      return x > a ? x : 0;
  }
  return 0;
}

struct Parameters {
  UnaryOp op;
  float a, b;
};

std::vector<Parameters> AllParameters() {
  std::vector<Parameters> all;
  for (int i = 0; i < kUnaryOpCount; ++i) {
    const auto op = static_cast<UnaryOp>(i);
    switch (op) {
      case UnaryOp::kClip:
        all.insert(all.end(), {{op, 0.0f, 6.0f}, {op, 0.5f, 1.0f}, {op, -kInf, kInf}});
        break;
      case UnaryOp::kPow:
        for (const float e : {-2.0f, -1.0f, 0.0f, 0.5f, 0.7f, 0.75f, 1.0f, 2.0f, 3.0f, 5.0f}) {
          all.push_back({op, e, 0.0f});
        }
        break;
      case UnaryOp::kHardSigmoid:
        all.push_back({op, 0.2f, 0.5f});
        break;
      default:
        all.push_back({op, 0.75f, 1.25f});
    }
  }
  return all;
}

void ExpectClose(const Parameters& p, float x, float y) {
  const double want = Exact(p.op, x, p.a, p.b);
  if (std::isnan(want)) {
    ASSERT_TRUE(std::isnan(y)) << "op " << static_cast<int>(p.op) << " of " << x;
    return;
  }
  ASSERT_FALSE(std::isnan(y)) << "op " << static_cast<int>(p.op) << " of " << x;
  if (std::isinf(want)) {
    ASSERT_EQ(y, want) << "op " << static_cast<int>(p.op) << " of " << x;
    return;
  }
  const bool cancels = p.op == UnaryOp::kHardSigmoid || p.op == UnaryOp::kHardSwish ||
                       p.op == UnaryOp::kGelu || p.op == UnaryOp::kGeluTanh;
  const double absolute = cancels ? 8 * (1 + std::abs(static_cast<double>(x))) : 0;
  ASSERT_NEAR(y, want, kUnit * (8 * std::abs(want) + absolute) + 0x1p-120)
      << "op " << static_cast<int>(p.op) << " a " << p.a << " of " << x;
}

TEST(Unary, EveryOperatorAtEveryLength) {
  ForEachTarget([] {
    auto values = RandomFloats(71, 41, -8.0f, 8.0f);
    values[3] = 2.5f, values[4] = -2.5f, values[5] = 0.5f, values[6] = 3.5f, values[7] = -0.5f;
    values[9] = 0.0f, values[10] = 3.0f;
    for (const Parameters& p : AllParameters()) {
      const UnaryFn f = GetUnary(p.op);
      ASSERT_NE(f, nullptr);
      for (size_t n = 0; n <= values.size(); ++n) {
        const std::vector<float> part(values.begin(), values.begin() + static_cast<long>(n));
        const GuardedBuffer<float> x(part, n % 3);
        GuardedBuffer<float> y(n, (n + 1) % 4);
        f(x.data(), y.data(), n, p.a, p.b);
        ASSERT_TRUE(y.Intact());
        for (size_t i = 0; i < n; ++i) ExpectClose(p, x[i], y[i]);
        GuardedBuffer<float> z(part, 1);
        f(z.data(), z.data(), n, p.a, p.b);
        for (size_t i = 0; i < n; ++i) ExpectClose(p, x[i], z[i]);
        ASSERT_TRUE(z.Intact());
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(Unary, LargeAndTinyValues) {
  ForEachTarget([] {
    std::vector<float> x;
    for (int e = -60; e <= 60; e += 3) {
      for (const float m : {1.25f, -1.25f}) x.push_back(std::ldexp(m, e));
    }
    for (const Parameters& p : AllParameters()) {
      if (p.op == UnaryOp::kPow && std::abs(p.a) > 2) continue;  // beyond float's range
      if (p.op == UnaryOp::kExp) continue;
      std::vector<float> y(x.size());
      GetUnary(p.op)(x.data(), y.data(), x.size(), p.a, p.b);
      for (size_t i = 0; i < x.size(); ++i) ExpectClose(p, x[i], y[i]);
    }
  });
}

TEST(Unary, NanStaysNan) {
  ForEachTarget([] {
    const std::vector<float> x(19, std::nanf(""));
    for (const Parameters& p : AllParameters()) {
      if (p.op == UnaryOp::kPow && p.a == 0.0f) continue;  // x^0 is 1, whatever x
      std::vector<float> y(x.size(), 1.0f);
      GetUnary(p.op)(x.data(), y.data(), x.size(), p.a, p.b);
      for (const float v : y) EXPECT_TRUE(std::isnan(v)) << "op " << static_cast<int>(p.op);
    }
  });
}

TEST(Unary, Infinities) {
  ForEachTarget([] {
    const auto at = [](UnaryOp op, float x, float a = 0.75f, float b = 1.25f) {
      std::vector<float> v(17, x);
      GetUnary(op)(v.data(), v.data(), v.size(), a, b);
      EXPECT_EQ(v[0], v[16]);
      return v[16];
    };
    EXPECT_EQ(at(UnaryOp::kRelu, -kInf), 0);
    EXPECT_EQ(at(UnaryOp::kRelu, kInf), kInf);
    EXPECT_EQ(at(UnaryOp::kClip, kInf, 0, 6), 6);
    EXPECT_EQ(at(UnaryOp::kClip, -kInf, 0, 6), 0);
    EXPECT_EQ(at(UnaryOp::kHardSigmoid, -kInf), 0);
    EXPECT_EQ(at(UnaryOp::kHardSwish, kInf), kInf);
    EXPECT_EQ(at(UnaryOp::kReciprocal, -kInf), 0);
    EXPECT_EQ(at(UnaryOp::kReciprocal, 0.0f), kInf);
    EXPECT_EQ(at(UnaryOp::kReciprocal, -0.0f), -kInf);
    EXPECT_EQ(at(UnaryOp::kSign, -kInf), -1);
    EXPECT_EQ(at(UnaryOp::kRound, kInf), kInf);
    EXPECT_EQ(at(UnaryOp::kFloor, -kInf), -kInf);
    EXPECT_EQ(at(UnaryOp::kPow, -kInf, 0.5f), kInf);
    EXPECT_FALSE(std::signbit(at(UnaryOp::kPow, -0.0f, 0.5f)));
    EXPECT_EQ(at(UnaryOp::kPow, -kInf, 0.75f), kInf);
    EXPECT_EQ(at(UnaryOp::kPow, kInf, 0.75f), kInf);
  });
}

TEST(Unary, KeepsZeroAgreesWithTheFormula) {
  for (const Parameters& p : AllParameters()) {
    EXPECT_EQ(KeepsZero(p.op, p.a, p.b), Exact(p.op, 0.0, p.a, p.b) == 0.0)
        << "op " << static_cast<int>(p.op);
  }
}

TEST(Unary, ComputesEachActivation) {
  const auto x = RandomFloats(33, 42, -4, 4);
  for (const Epilogue& e : testing::AllEpilogues()) {
    std::vector<float> y(x.size());
    GetUnary(UnaryOf(e.activation))(x.data(), y.data(), x.size(), e.alpha, e.beta);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(y[i], testing::Activate(e, x[i]), 2e-6);
  }
}

}  // namespace
}  // namespace kinglet::kernels::unary_test
