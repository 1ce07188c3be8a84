// The generator behind the random operators: the same numbers on every machine and in every run.
#pragma once

#include <cmath>
#include <cstdint>

namespace kinglet {

// Park and Miller's minimal standard (1988): x' = 16807 x modulo 2^31 - 1. ONNX Runtime's operators
// draw from it as well, in this order, so that a seed gives what it gives there in a first run.
class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint32_t seed) : state_(seed % kModulus) {
    if (state_ == 0) state_ = 1;
  }

  // In [0, 1), of one draw for float and two for double.
  template <typename T>
  T Uniform() {
    constexpr int kDraws = sizeof(T) == 4 ? 1 : 2;
    constexpr auto kRange = static_cast<T>(kModulus - 1);
    T sum = 0, scale = 1;
    for (int i = 0; i < kDraws; ++i) {
      sum += static_cast<T>(Draw() - 1) * scale;
      scale *= kRange;
    }
    const T value = sum / scale;
    return value < T{1} ? value : std::nextafter(T{1}, T{0});
  }

  // Standard normal, by Marsaglia's polar method (1964), which makes two at once.
  template <typename T>
  T Normal() {
    if (has_spare_) {
      has_spare_ = false;
      return static_cast<T>(spare_);
    }
    T x = 0, y = 0, square = 0;
    do {
      x = T{2} * Uniform<T>() - T{1};
      y = T{2} * Uniform<T>() - T{1};
      square = x * x + y * y;
    } while (square > T{1} || square == T{0});
    const T factor = std::sqrt(T{-2} * std::log(square) / square);
    spare_ = static_cast<double>(x * factor);
    has_spare_ = true;
    return y * factor;
  }

 private:
  static constexpr std::uint64_t kModulus = 2147483647;
  std::uint64_t Draw() {
    state_ = state_ * 16807 % kModulus;
    return state_;
  }

  std::uint64_t state_;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace kinglet
