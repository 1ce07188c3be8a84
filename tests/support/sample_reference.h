// Samples between the elements of a map by their definition, in double precision: what
// kernels/sample is tested against.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/sample/sample.h"

namespace kinglet::testing {

class SampleReference {
 public:
  explicit SampleReference(const kernels::SampleMap& map) : map_(map) {}

  // The sample at these coordinates, one for each axis; `element(offset)` reads the map.
  template <typename F>
  double At(const double* places, F&& element) const {
    return Along(0, 0, places, element);
  }

 private:
  template <typename F>
  double Along(int axis, std::int64_t offset, const double* places, F&& element) const {
    if (axis == map_.rank || axis == kernels::kSampleRank) return element(offset);
    const std::int64_t size = map_.sizes[axis];
    double x = places[axis];
    if (map_.mode == kernels::SampleMode::kNearest) x = std::nearbyint(x);
    x = Inside(x, size);
    if (!(std::abs(x) < 1 << 30)) x = -100;
    double sum = 0;
    const double first = std::floor(x);
    for (int k = -1; k <= 2; ++k) {
      const double weight = Weight(x - (first + k));
      if (weight == 0 && k != 0) continue;
      const std::int64_t at = Element(first + k, size);
      if (at >= 0) sum += weight * Along(axis + 1, offset * size + at, places, element);
    }
    return sum;
  }

  double Weight(double distance) const {
    const double d = std::abs(distance);
    if (map_.mode == kernels::SampleMode::kNearest) return d == 0 ? 1 : 0;
    if (map_.mode == kernels::SampleMode::kLinear) return d < 1 ? 1 - d : 0;
    constexpr double a = -0.75;
    if (d <= 1) return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
  }

  double Inside(double x, std::int64_t size) const {
    const double last = static_cast<double>(size - 1);
    const bool cubic = map_.mode == kernels::SampleMode::kCubic;
    if (map_.outside == kernels::SampleOutside::kZero) return x;
    if (map_.outside == kernels::SampleOutside::kBorder && cubic) return x;
    if (map_.outside == kernels::SampleOutside::kBorder) {
      return x < 0 ? 0 : x > last ? last : x;
    }
    const double low = map_.align_corners ? 0 : -0.5;
    const double high = map_.align_corners ? last : last + 0.5;
    if (low == high) return low;
    while (std::isfinite(x) && (x < low || x > high)) x = x < low ? 2 * low - x : 2 * high - x;
    return x;
  }

  std::int64_t Element(double x, std::int64_t size) const {
    if (map_.outside == kernels::SampleOutside::kBorder) {
      return x < 0 ? 0 : x >= static_cast<double>(size) ? size - 1 : static_cast<std::int64_t>(x);
    }
    const double moved = Inside(x, size);
    return moved >= 0 && moved < static_cast<double>(size) ? static_cast<std::int64_t>(moved) : -1;
  }

  kernels::SampleMap map_;
};

}  // namespace kinglet::testing
