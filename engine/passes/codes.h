// What QuantizeLinear and DequantizeLinear say of a value, as recognise_quantised.cc reads it: q
// stands for (q - zero_point) * scale.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/graph/ir.h"

namespace kinglet {

// 8-bit codes of one scale and one zero point, all of it constants.
struct Codes {
  ValueId codes = kNoValue, scale = kNoValue, zero = kNoValue;
  DataType type = DataType::kUInt8;
  float step = 0;  // the scale
  std::int32_t zero_point = 0;

  bool SameAs(const Codes& other) const {
    return type == other.type && step == other.step && zero_point == other.zero_point;
  }
};

// Constant weights in 8 bits, with one scale and zero point or one for each index of an axis.
struct CodedWeights {
  ValueId codes = kNoValue, scale = kNoValue, zero = kNoValue;
  Tensor scales;  // of `scale`

  float ScaleOf(std::int64_t i) const { return scales.data<float>()[scales.size() == 1 ? 0 : i]; }
};

// The first code of a tensor of int8 or uint8.
std::int32_t FirstCode(const Tensor& tensor);

// A scale that codes can be computed with: finite, above zero, and no denormal number.
bool IsUsableScale(float scale);

// The parameters of a QuantizeLinear or DequantizeLinear node whose codes are `codes`; none where
// they are no constants, of an axis or a block, or of no use. A zero point that is absent becomes a
// constant. `type`: of the codes where no zero point says it.
std::optional<Codes> CodesOf(GraphIr& graph, const Node& node, ValueId codes, DataType type);

// The weights behind a DequantizeLinear node, quantised as a whole or along `axis`.
std::optional<CodedWeights> CodedWeightsOf(GraphIr& graph, const Node& node, std::int64_t axis);

// The bias of a convolution or product in steps of x_step * w.ScaleOf(i): the constant float32
// tensor `bias`, or the int32 one behind the DequantizeLinear node `maker`, where that is not null.
// None where it is not of one dimension of `count`, or does not fit.
std::optional<ValueId> IntegerBias(GraphIr& graph, ValueId bias, const Node* maker, float x_step,
                                   const CodedWeights& w, std::int64_t count);

}  // namespace kinglet
