#include "kernels/fft/fft.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

namespace kinglet::kernels {
namespace {

Complex Multiply(const Complex& a, const Complex& b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

Complex Root(double turns) {
  const double angle = -2 * std::numbers::pi * turns;
  return {std::cos(angle), std::sin(angle)};
}

int64_t PowerOfTwo(int64_t least) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(least)));
}

}  // namespace

Fft::Fft(int64_t length) : length_(length), size_(PowerOfTwo(length)) {
  const bool bluestein = size_ != length;
  if (bluestein) size_ = PowerOfTwo(2 * length - 1);
  for (int64_t k = 0; k < size_ / 2; ++k) {
    roots_.push_back(Root(static_cast<double>(k) / static_cast<double>(size_)));
  }
  if (!bluestein) return;
  // k^2 modulo 2 length, of which the root is a function: the angle stays small.
  int64_t square = 0;
  for (int64_t k = 0; k < length; ++k) {
    chirp_.push_back(Root(static_cast<double>(square) / static_cast<double>(2 * length)));
    square = (square + 2 * k + 1) % (2 * length);
  }
  filter_.resize(static_cast<size_t>(size_));
  for (int64_t k = 0; k < length; ++k) {
    const Complex& c = chirp_[static_cast<size_t>(k)];
    filter_[static_cast<size_t>(k)] = {c.re, -c.im};
    filter_[static_cast<size_t>((size_ - k) % size_)] = {c.re, -c.im};
  }
  Transform(filter_.data());
}

// Forward, over size_ elements.
void Fft::Transform(Complex* x) const noexcept {
  for (int64_t i = 1, j = 0; i < size_; ++i) {  // j: i with its bits reversed
    int64_t bit = size_ >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j |= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (int64_t half = 1; half < size_; half *= 2) {
    const int64_t step = size_ / (2 * half);
    for (int64_t begin = 0; begin < size_; begin += 2 * half) {
      for (int64_t k = 0; k < half; ++k) {
        Complex& a = x[begin + k];
        Complex& b = x[begin + k + half];
        const Complex turned = Multiply(b, roots_[static_cast<size_t>(k * step)]);
        b = {a.re - turned.re, a.im - turned.im};
        a = {a.re + turned.re, a.im + turned.im};
      }
    }
  }
}

void Fft::Run(Complex* work, bool inverse) const noexcept {
  // The inverse of x is the conjugate of the transform of x's conjugate.
  const double sign = inverse ? -1.0 : 1.0;
  const double scale = inverse ? 1.0 / static_cast<double>(length_) : 1.0;
  if (chirp_.empty()) {
    for (int64_t k = 0; k < length_; ++k) work[k].im *= sign;
    Transform(work);
    for (int64_t k = 0; k < length_; ++k) work[k] = {work[k].re * scale, work[k].im * sign * scale};
    return;
  }
  for (int64_t k = 0; k < length_; ++k) {
    work[k] = Multiply({work[k].re, work[k].im * sign}, chirp_[static_cast<size_t>(k)]);
  }
  for (int64_t k = length_; k < size_; ++k) work[k] = {};
  Transform(work);
  // The inverse transform by the conjugates again.
  for (int64_t k = 0; k < size_; ++k) {
    const Complex product = Multiply(work[k], filter_[static_cast<size_t>(k)]);
    work[k] = {product.re, -product.im};
  }
  Transform(work);
  const double over = scale / static_cast<double>(size_);
  for (int64_t k = 0; k < length_; ++k) {
    const Complex y = Multiply({work[k].re, -work[k].im}, chirp_[static_cast<size_t>(k)]);
    work[k] = {y.re * over, y.im * sign * over};
  }
}

}  // namespace kinglet::kernels
