#include "models/quantize/layer_weights.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <set>

namespace kinglet {
namespace {

constexpr double kMostBiasCode = 1 << 30;
constexpr double kLeastStep = 1e-30;  // of a product, far above the numbers that CPUs flush

// Calls visit(channel, index) for every element of a tensor of this shape.
template <typename F>
void ForEachByChannel(const Shape& shape, int axis, F visit) {
  std::size_t inner = 1, channels = 1, outer = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const auto size = static_cast<std::size_t>(shape[d]);
    const int place = static_cast<int>(d);
    (place < axis ? outer : place == axis ? channels : inner) *= size;
  }
  std::size_t i = 0;
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t k = 0; k < inner; ++k) visit(c, i++);
    }
  }
}

// The step of weights that are codes already, as of a model trained with quantisation: every one of
// them a multiple of it. 0 where they are not.
double StepOf(const Tensor& weights) {
  constexpr std::size_t kMostValues = 256;
  constexpr double kExact = 1e-3;  // of a step: products of float32 are rounded
  const std::span<const float> all(weights.data<float>(), static_cast<std::size_t>(weights.size()));
  std::set<float> values = {0};
  for (const float w : all) {
    if (values.insert(std::abs(w)).second && values.size() > kMostValues) return 0;
  }
  double step = 0;
  for (auto it = values.begin(); it != values.end() && std::next(it) != values.end(); ++it) {
    const double gap = static_cast<double>(*std::next(it)) - *it;
    // Of two that are the same but for their rounding there is no gap.
    if (gap > 1e-5 * *std::next(it) && (step == 0 || gap < step)) step = gap;
  }
  if (!(step > 0)) return 0;
  // The largest one tells the step best.
  const double largest = *values.rbegin();
  step = largest / std::nearbyint(largest / step);
  const bool exact = std::all_of(values.begin(), values.end(), [&](float value) {
    return std::abs(value / step - std::nearbyint(value / step)) < kExact;
  });
  return exact ? step : 0;
}

}  // namespace

Tensor LayerWeights::Values() const {
  Tensor values(DataType::kFloat32, codes.shape());
  ForEachByChannel(codes.shape(), axis, [&](std::size_t c, std::size_t i) {
    values.data<float>()[i] =
        static_cast<float>(codes.data<std::int8_t>()[i]) * scales.data<float>()[axis < 0 ? 0 : c];
  });
  return values;
}

LayerWeights QuantizeWeights(const Tensor& weights, int axis, bool seven_bits, float input_scale,
                             std::span<const float> bias) {
  const std::size_t channels =
      axis < 0 ? 1 : static_cast<std::size_t>(weights.shape()[static_cast<std::size_t>(axis)]);
  const double most = seven_bits ? 63 : 127;
  std::vector<double> scales(channels, 0);
  const auto* w = weights.data<float>();
  ForEachByChannel(weights.shape(), axis, [&](std::size_t c, std::size_t i) {
    double& largest = scales[axis < 0 ? 0 : c];
    largest = std::max(largest, std::abs(static_cast<double>(w[i])));
  });
  const double step = StepOf(weights);
  for (double& scale : scales) {
    const bool fits = step > 0 && scale <= (most + 0.5) * step;
    scale = std::max(fits ? step : scale / most, kLeastStep / input_scale);
  }
  for (std::size_t i = 0; i < bias.size(); ++i) {
    double& scale = scales[axis < 0 ? 0 : i];
    scale = std::max(scale, std::abs(static_cast<double>(bias[i])) / input_scale / kMostBiasCode);
  }
  LayerWeights coded;
  coded.axis = axis;
  coded.codes = Tensor(DataType::kInt8, weights.shape());
  coded.scales =
      Tensor(DataType::kFloat32, axis < 0 ? Shape{} : Shape{static_cast<std::int64_t>(channels)});
  std::transform(scales.begin(), scales.end(), coded.scales.data<float>(),
                 [](double scale) { return static_cast<float>(scale); });
  ForEachByChannel(weights.shape(), axis, [&](std::size_t c, std::size_t i) {
    const double scale = coded.scales.data<float>()[axis < 0 ? 0 : c];
    const double code = std::clamp(std::nearbyint(w[i] / scale), -most, most);
    coded.codes.data<std::int8_t>()[i] = static_cast<std::int8_t>(code);
  });
  return coded;
}

LayerBias QuantizeBias(std::span<const float> bias, const LayerWeights& weights,
                       float input_scale) {
  LayerBias coded;
  coded.codes = Tensor(DataType::kInt32, {static_cast<std::int64_t>(bias.size())});
  coded.scales = Tensor(DataType::kFloat32, weights.scales.shape());
  for (std::int64_t i = 0; i < weights.scales.size(); ++i) {
    coded.scales.data<float>()[i] = input_scale * weights.scales.data<float>()[i];
  }
  constexpr double kMost = std::numeric_limits<std::int32_t>::max();
  for (std::size_t i = 0; i < bias.size(); ++i) {
    const double step = coded.scales.data<float>()[weights.axis < 0 ? 0 : i];
    coded.codes.data<std::int32_t>()[i] =
        static_cast<std::int32_t>(std::clamp(std::nearbyint(bias[i] / step), -kMost, kMost));
  }
  return coded;
}

}  // namespace kinglet
