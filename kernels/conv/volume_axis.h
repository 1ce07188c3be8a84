// One axis of a convolution, seen from its outputs: kernels/conv/volume.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "kernels/common/partition.h"
#include "kernels/conv/volume.h"

namespace kinglet::kernels {

constexpr int64_t FloorMod(int64_t a, int64_t b) { return (a % b + b) % b; }
constexpr int64_t FloorDiv(int64_t a, int64_t b) { return (a - FloorMod(a, b)) / b; }

// Output number t of a phase reads element (t + shift) * in_step + remainder at a tap.
struct AxisTap {
  int64_t remainder, shift;
};

// The taps of a phase: first, first + classes, first + 2 * classes, ...; `before` counts those of
// the classes that are packed before.
struct PhaseTaps {
  int64_t first, count, before;
};

class PhasedAxis {
 public:
  PhasedAxis() = default;
  PhasedAxis(const VolumeAxis& axis, bool transposed) : axis_(axis), transposed_(transposed) {
    if (transposed) {
      gcd_ = std::gcd(axis.stride, axis.dilation);
      classes_ = axis.stride / gcd_;
      inverse_ = InverseOf(axis.dilation / gcd_, classes_);
    }
    const AxisTap first = Tap(0);
    low_ = high_ = first.shift;
    for (int64_t k = 1; k < axis.kernel; ++k) {
      const int64_t shift = Tap(k).shift;
      low_ = std::min(low_, shift);
      high_ = std::max(high_, shift);
    }
  }

  const VolumeAxis& axis() const { return axis_; }
  int64_t in_step() const { return transposed_ ? 1 : axis_.stride; }
  int64_t out_step() const { return transposed_ ? axis_.stride : 1; }
  int64_t classes() const { return classes_; }
  // Outputs are p, p + out_step, p + 2 * out_step, ... of phase p.
  int64_t phases() const { return std::min(out_step(), axis_.out); }
  int64_t Count(int64_t phase) const { return CeilDiv(axis_.out - phase, out_step()); }
  // The least and the largest shift of any tap.
  int64_t low() const { return low_; }
  int64_t span() const { return high_ - low_; }

  AxisTap Tap(int64_t k) const {
    const int64_t at = k * axis_.dilation - axis_.pad;
    if (!transposed_) return {FloorMod(at, axis_.stride), FloorDiv(at, axis_.stride)};
    return {0, -FloorDiv(at, axis_.stride)};
  }

  PhaseTaps TapsOf(int64_t phase) const {
    if (!transposed_) return TapsOfClass(0);
    const int64_t from = FloorMod(phase + axis_.pad, axis_.stride);
    if (from % gcd_ != 0) return {0, 0, 0};
    const int64_t first = from / gcd_ % classes_ * inverse_ % classes_;
    if (first >= axis_.kernel) return {0, 0, 0};
    return TapsOfClass(first);
  }
  // The same by what the taps of a phase have in common: their number modulo classes().
  PhaseTaps TapsOfClass(int64_t tap_class) const {
    const int64_t before =
        tap_class * (axis_.kernel / classes_) + std::min(tap_class, axis_.kernel % classes_);
    return {tap_class, TapCount(tap_class), before};
  }
  // Classes that have taps.
  int64_t ClassCount() const { return std::min(classes_, axis_.kernel); }
  // Most taps of any phase.
  int64_t MostTaps() const { return TapCount(0); }
  // Taps summed over the outputs, those that read outside the input included.
  double AllTaps() const {
    double sum = 0;
    for (int64_t c = 0; c < ClassCount(); ++c) {
      const int64_t phase =
          transposed_ ? FloorMod(c * axis_.dilation - axis_.pad, axis_.stride) : 0;
      // Phases that a common factor of stride and dilation keeps from the taps have none.
      if (phase < phases()) {
        sum += static_cast<double>(Count(phase)) * static_cast<double>(TapCount(c));
      }
    }
    return sum;
  }

 private:
  int64_t TapCount(int64_t tap_class) const { return CeilDiv(axis_.kernel - tap_class, classes_); }

  // x with a * x = 1 modulo m, by Euclid's algorithm; 0 for m = 1.
  static int64_t InverseOf(int64_t a, int64_t m) {
    int64_t r0 = m;
    int64_t r1 = a % m;
    int64_t x0 = 0;
    int64_t x1 = 1;
    while (r1 > 0) {
      const int64_t q = r0 / r1;
      const int64_t r = r0 - q * r1;
      const int64_t x = x0 - q * x1;
      r0 = r1;
      r1 = r;
      x0 = x1;
      x1 = x;
    }
    return FloorMod(x0, m);
  }

  VolumeAxis axis_;
  bool transposed_ = false;
  int64_t gcd_ = 1, classes_ = 1, inverse_ = 0;
  int64_t low_ = 0, high_ = 0;
};

}  // namespace kinglet::kernels
