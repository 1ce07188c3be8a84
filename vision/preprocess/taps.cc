#include "vision/preprocess/taps.h"

#include <algorithm>
#include <cmath>

namespace kinglet::vision {
namespace {

double Scale(const Axis& axis) {
  return static_cast<double>(axis.in) / static_cast<double>(axis.out);
}

// Half the width of the triangle, in samples.
double TriangleRadius(const Axis& axis) { return std::max(Scale(axis), 1.0); }

double TriangleWeight(const Axis& axis, std::int64_t output, std::int64_t sample) {
  const double centre = (static_cast<double>(output) + 0.5) * Scale(axis);
  const double distance = std::abs(static_cast<double>(sample) + 0.5 - centre);
  return std::max(0.0, 1.0 - distance / TriangleRadius(axis));
}

// The part of the sample's cell that the output's cell covers.
double AreaWeight(const Axis& axis, std::int64_t output, std::int64_t sample) {
  const double begin = static_cast<double>(output) * Scale(axis);
  const double end = static_cast<double>(output + 1) * Scale(axis);
  const double from = std::max(begin, static_cast<double>(sample));
  return std::max(0.0, std::min(end, static_cast<double>(sample) + 1.0) - from);
}

// The first sample that may have a weight above zero.
std::int64_t FirstSample(ResizeRule rule, const Axis& axis, std::int64_t output) {
  const double centre = (static_cast<double>(output) + 0.5) * Scale(axis);
  const double begin = rule == ResizeRule::kArea ? static_cast<double>(output) * Scale(axis)
                                                 : centre - TriangleRadius(axis) - 0.5;
  return static_cast<std::int64_t>(std::floor(begin));
}

}  // namespace

std::size_t TapCount(ResizeRule rule, const Axis& axis) {
  double samples = 2.0;
  if (rule == ResizeRule::kArea) samples = std::ceil(Scale(axis)) + 1.0;
  if (rule == ResizeRule::kBilinearAntialias) samples = std::ceil(2.0 * TriangleRadius(axis)) + 1.0;
  return static_cast<std::size_t>(std::min(samples, static_cast<double>(axis.in)));
}

kernels::LinearTaps MakeLinearTaps(const Axis& axis, std::int32_t* first, std::int32_t* second,
                                   float* fraction) {
  const double last = static_cast<double>(axis.in - 1);
  for (std::int64_t i = 0; i < axis.count; ++i) {
    const double centre = static_cast<double>(axis.first + i) + 0.5;
    const double source = std::clamp(centre * Scale(axis) - 0.5, 0.0, last);
    first[i] = static_cast<std::int32_t>(source);
    second[i] = static_cast<std::int32_t>(std::min<std::int64_t>(first[i] + 1, axis.in - 1));
    fraction[i] = static_cast<float>(source - first[i]);
  }
  return {first, second, fraction, static_cast<std::size_t>(axis.count)};
}

kernels::FilterTaps MakeFilterTaps(ResizeRule rule, const Axis& axis, std::int32_t* first,
                                   float* weights) {
  const auto taps = static_cast<std::int64_t>(TapCount(rule, axis));
  for (std::int64_t i = 0; i < axis.count; ++i) {
    const std::int64_t output = axis.first + i;
    const std::int64_t begin =
        std::clamp<std::int64_t>(FirstSample(rule, axis, output), 0, axis.in - taps);
    first[i] = static_cast<std::int32_t>(begin);
    const auto weight = [&](std::int64_t k) {
      return rule == ResizeRule::kArea ? AreaWeight(axis, output, begin + k)
                                       : TriangleWeight(axis, output, begin + k);
    };
    double sum = 0.0;
    for (std::int64_t k = 0; k < taps; ++k) sum += weight(k);
    for (std::int64_t k = 0; k < taps; ++k) {
      weights[i * taps + k] = static_cast<float>(weight(k) / sum);
    }
  }
  return {first, weights, static_cast<std::size_t>(taps), static_cast<std::size_t>(axis.count)};
}

}  // namespace kinglet::vision
