#include "kernels/fft/fft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace kinglet::kernels::fft_test {
namespace {

std::vector<Complex> Naive(const std::vector<Complex>& x, bool inverse) {
  const auto n = static_cast<int64_t>(x.size());
  std::vector<Complex> y(x.size());
  for (int64_t k = 0; k < n; ++k) {
    Complex& sum = y[static_cast<size_t>(k)];
    for (int64_t i = 0; i < n; ++i) {
      const double angle = (inverse ? 2 : -2) * std::numbers::pi * static_cast<double>(k * i % n) /
                           static_cast<double>(n);
      const auto& [re, im] = x[static_cast<size_t>(i)];
      sum.re += re * std::cos(angle) - im * std::sin(angle);
      sum.im += re * std::sin(angle) + im * std::cos(angle);
    }
    if (inverse) sum = {sum.re / static_cast<double>(n), sum.im / static_cast<double>(n)};
  }
  return y;
}

std::vector<Complex> Signal(int64_t length) {
  std::vector<Complex> x;
  for (int64_t i = 0; i < length; ++i) {
    x.push_back({static_cast<double>(i * 7919 % 101) / 50 - 1,
                 static_cast<double>(i * 104729 % 97) / 48 - 1});
  }
  return x;
}

TEST(Fft, EveryLengthAsDefined) {
  for (int64_t length = 1; length <= 70; ++length) {
    const Fft fft(length);
    ASSERT_GE(fft.work_length(), length);
    for (const bool inverse : {false, true}) {
      const std::vector<Complex> x = Signal(length), expected = Naive(x, inverse);
      std::vector<Complex> work = x;
      work.resize(static_cast<size_t>(fft.work_length()), {1e9, -1e9});  // is not read
      fft.Run(work.data(), inverse);
      for (size_t k = 0; k < x.size(); ++k) {
        ASSERT_NEAR(work[k].re, expected[k].re, 1e-12 * static_cast<double>(length + 1));
        ASSERT_NEAR(work[k].im, expected[k].im, 1e-12 * static_cast<double>(length + 1));
      }
    }
  }
}

TEST(Fft, ThereAndBackOfLongLines) {
  for (const int64_t length : {1024, 1000, 4099, 65536}) {
    const Fft fft(length);
    const std::vector<Complex> x = Signal(length);
    std::vector<Complex> work = x;
    work.resize(static_cast<size_t>(fft.work_length()));
    fft.Run(work.data(), false);
    fft.Run(work.data(), true);
    for (size_t k = 0; k < x.size(); ++k) {
      ASSERT_NEAR(work[k].re, x[k].re, 1e-11);
      ASSERT_NEAR(work[k].im, x[k].im, 1e-11);
    }
  }
}

}  // namespace
}  // namespace kinglet::kernels::fft_test
