// Weights of layers in 8 bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kinglet/tensor.h"

namespace kinglet {

// Symmetric codes of int8 with a scale for each index of `axis`, or one for all.
struct LayerWeights {
  Tensor codes;   // int8, in the shape of the weights
  Tensor scales;  // float32, {channels}; {} where all share one
  int axis = -1;  // -1: all share one

  // What the codes stand for.
  Tensor Values() const;
};

// The codes of float32 `weights`, from -127 to 127, of 7 bits from -63 to 63. Weights that were
// made of codes become those again where they fit. `input_scale` is the scale of the codes that
// they are multiplied with and `bias` what is added to the sums, one number for each channel or
// none: no scale is so small that the bias in steps of the products does not fit 32 bits.
LayerWeights QuantizeWeights(const Tensor& weights, int axis, bool seven_bits, float input_scale,
                             std::span<const float> bias);

// The bias in steps of the products: int32, with what one step is.
struct LayerBias {
  Tensor codes;   // {channels}
  Tensor scales;  // as LayerWeights::scales
};
LayerBias QuantizeBias(std::span<const float> bias, const LayerWeights& weights, float input_scale);

}  // namespace kinglet
