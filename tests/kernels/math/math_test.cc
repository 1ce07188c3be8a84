#include "kernels/math/math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::math_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

constexpr double kUnit = 0x1p-24;
constexpr float kInf = std::numeric_limits<float>::infinity();

struct Case {
  std::string name;
  MathFn MathTable::*member;
  float a, b;
  std::function<double(double)> exact;
  double relative;  // bound in units of kUnit * |y|
  double absolute;  // and of kUnit * |x|
};

double Log1pExp(double x) { return x > 30 ? x + std::exp(-x) : std::log1p(std::exp(x)); }

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"exp", &MathTable::exp, 0, 0, [](double x) { return std::exp(x); }, 8, 0},
      {"log", &MathTable::log, 0, 0, [](double x) { return std::log(x); }, 8, 0},
      {"tanh", &MathTable::tanh, 0, 0, [](double x) { return std::tanh(x); }, 8, 0},
      {"erf", &MathTable::erf, 0, 0, [](double x) { return std::erf(x); }, 8, 0},
      {"sigmoid", &MathTable::sigmoid, 0, 0, [](double x) { return 1 / (1 + std::exp(-x)); }, 8, 0},
      {"swish", &MathTable::swish, 1, 0, [](double x) { return x / (1 + std::exp(-x)); }, 8, 0},
      {"swish 0.5", &MathTable::swish, 0.5f, 0, [](double x) { return x / (1 + std::exp(-x / 2)); },
       8, 0},
      {"softplus", &MathTable::softplus, 0, 0, Log1pExp, 8, 0},
      {"mish", &MathTable::mish, 0, 0, [](double x) { return x * std::tanh(Log1pExp(x)); }, 8, 0},
      {"gelu", &MathTable::gelu, 0, 0,
       [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }, 0, 8},
      {"gelu_tanh", &MathTable::gelu_tanh, 0, 0,
       [](double x) {
         return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
       },
       0, 8},
      {"elu", &MathTable::elu, 1.5f, 0, [](double x) { return x < 0 ? 1.5 * std::expm1(x) : x; }, 8,
       0},
      {"celu", &MathTable::celu, 1.5f, 0,
       [](double x) { return std::max(x, 0.0) + std::min(0.0, 1.5 * std::expm1(x / 1.5)); }, 8, 0},
      {"selu", &MathTable::selu, 1.625f, 1.25f,
       [](double x) { return 1.25 * (x < 0 ? 1.625 * std::expm1(x) : x); }, 8, 0},
#define KINGLET_FUNCTION(name) \
  {#name, &MathTable::name, 0, 0, [](double x) { return std::name(x); }, 8, 0}
      KINGLET_FUNCTION(tan),
      KINGLET_FUNCTION(asin),
      KINGLET_FUNCTION(acos),
      KINGLET_FUNCTION(atan),
      KINGLET_FUNCTION(sinh),
      KINGLET_FUNCTION(cosh),
      KINGLET_FUNCTION(asinh),
      KINGLET_FUNCTION(acosh),
      KINGLET_FUNCTION(atanh),
      KINGLET_FUNCTION(sin),
      KINGLET_FUNCTION(cos)
#undef KINGLET_FUNCTION
  };
  return cases;
}

std::vector<float> Grid() {
  std::vector<float> x;
  for (const float scale : {0.01f, 1.0f, 5.0f, 20.0f, 88.7f}) {
    const auto part = RandomFloats(3000, 31, -scale, scale);
    x.insert(x.end(), part.begin(), part.end());
  }
  for (int e = -40; e <= 40; ++e) {
    for (const float m : {1.0f, 1.37f, -1.0f, -1.9f}) x.push_back(std::ldexp(m, e));
  }
  return x;
}

TEST(Math, WithinTheStatedBounds) {
  ForEachTarget([] {
    const std::vector<float> x = Grid();
    std::vector<float> y(x.size());
    for (const Case& c : Cases()) {
      (GetMathTable().*c.member)(x.data(), y.data(), x.size(), c.a, c.b);
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = c.exact(x[i]);
        if (std::isnan(want)) {
          ASSERT_TRUE(std::isnan(y[i])) << c.name << " of " << x[i];
        } else if (std::abs(want) > std::numeric_limits<float>::max()) {
          ASSERT_TRUE(std::isinf(y[i]) && std::signbit(y[i]) == std::signbit(want))
              << c.name << " of " << x[i];
        } else {
          const double bound = kUnit * (c.relative * std::abs(want) + c.absolute * std::abs(x[i]));
          ASSERT_NEAR(y[i], want, bound + 0x1p-125 * (1 + std::abs(x[i])))
              << c.name << " of " << x[i];
        }
      }
    }
  });
}

TEST(Math, EveryLengthAndMisalignmentInPlaceToo) {
  ForEachTarget([] {
    for (const Case& c : Cases()) {
      const MathFn f = GetMathTable().*c.member;
      const auto values = RandomFloats(70, 32, 0.1f, 4.0f);
      for (size_t n = 0; n <= values.size(); ++n) {
        const std::vector<float> part(values.begin(), values.begin() + static_cast<long>(n));
        const GuardedBuffer<float> x(part, n % 5);
        GuardedBuffer<float> y(n, (n + 1) % 3);
        f(x.data(), y.data(), n, c.a, c.b);
        ASSERT_TRUE(y.Intact());
        for (size_t i = 0; i < n; ++i) {
          const double want = c.exact(x[i]);
          if (std::isnan(want)) {
            ASSERT_TRUE(std::isnan(y[i])) << c.name << ' ' << i;
          } else {
            ASSERT_NEAR(y[i], want, 8 * kUnit * (std::abs(want) + x[i])) << c.name << ' ' << i;
          }
        }
        GuardedBuffer<float> z(part, 1);
        f(z.data(), z.data(), n, c.a, c.b);
        for (size_t i = 0; i < n; ++i) {
          ASSERT_TRUE(z[i] == y[i] || (std::isnan(z[i]) && std::isnan(y[i])))
              << c.name << " in place";
        }
        ASSERT_TRUE(z.Intact());
      }
    }
  });
}

TEST(Math, NanAndInfinities) {
  ForEachTarget([] {
    const MathTable& t = GetMathTable();
    const float nan = std::nanf("");
    const auto at = [](MathFn f, float x, float a = 1, float b = 1) {
      float y = 0;
      f(&x, &y, 1, a, b);
      return y;
    };
    for (const Case& c : Cases()) {
      EXPECT_TRUE(std::isnan(at(t.*c.member, nan, c.a, c.b))) << c.name;
    }
    EXPECT_EQ(at(t.exp, -kInf), 0);
    EXPECT_EQ(at(t.exp, kInf), kInf);
    EXPECT_EQ(at(t.log, 0), -kInf);
    EXPECT_EQ(at(t.log, kInf), kInf);
    EXPECT_TRUE(std::isnan(at(t.log, -1)));
    for (const float sign : {-1.0f, 1.0f}) {
      EXPECT_EQ(at(t.tanh, sign * kInf), sign);
      EXPECT_EQ(at(t.erf, sign * kInf), sign);
      EXPECT_EQ(at(t.sigmoid, sign * kInf), sign > 0 ? 1 : 0);
      EXPECT_EQ(at(t.softplus, sign * kInf), sign > 0 ? kInf : 0);
      EXPECT_EQ(at(t.elu, sign * kInf, 2), sign > 0 ? kInf : -2);
      EXPECT_EQ(at(t.selu, sign * kInf, 2, 3), sign > 0 ? kInf : -6);
    }
    EXPECT_EQ(at(t.mish, kInf), kInf);
    EXPECT_EQ(at(t.gelu, kInf), kInf);
    for (const float sign : {-1.0f, 1.0f}) {
      for (const MathFn f : {t.sin, t.cos, t.tan, t.asin, t.acos, t.atanh}) {
        EXPECT_TRUE(std::isnan(at(f, sign * kInf)));
      }
      EXPECT_FLOAT_EQ(at(t.atan, sign * kInf), sign * static_cast<float>(M_PI / 2));
      EXPECT_EQ(at(t.sinh, sign * kInf), sign * kInf);
      EXPECT_EQ(at(t.cosh, sign * kInf), kInf);
      EXPECT_EQ(at(t.asinh, sign * kInf), sign * kInf);
      EXPECT_EQ(at(t.atanh, sign), sign * kInf);
    }
    EXPECT_EQ(at(t.acosh, kInf), kInf);
    EXPECT_TRUE(std::isnan(at(t.acosh, 0.5f)));
  });
}

TEST(Math, ExpSum) {
  ForEachTarget([] {
    for (size_t n = 0; n <= 70; ++n) {
      const GuardedBuffer<float> x(RandomFloats(n, 33, -20, 5), n % 4);
      GuardedBuffer<float> y(n, 1);
      const float sum = GetMathTable().exp_sum(x.data(), 5.0f, y.data(), n);
      double want = 0;
      for (size_t i = 0; i < n; ++i) {
        const double e = std::exp(static_cast<double>(x[i]) - 5.0);
        want += e;
        ASSERT_NEAR(y[i], e, 40 * kUnit * e);
      }
      ASSERT_NEAR(sum, want, (40 + static_cast<double>(n)) * kUnit * want);
      ASSERT_EQ(GetMathTable().exp_sum(x.data(), 5.0f, nullptr, n), sum);
      ASSERT_TRUE(y.Intact());
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::math_test
