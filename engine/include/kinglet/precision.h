// What a network is computed in.
#pragma once

#include <optional>
#include <string_view>

namespace kinglet {

enum class Precision {
  // As the model says: in 8-bit integers where it is quantised (QuantizeLinear and DequantizeLinear
  // around its operators), in float32 elsewhere.
  kModel,
  // Everything in float32. A quantised model runs as it is written: values are rounded to codes and
  // back, in between it is float32.
  kFloat32,
  // Values between convolutions stored as bfloat16 (8 bits of mantissa), sums in float32.
  // Quantised parts run as with kModel.
  kBFloat16,
  // As kModel, and an Error(kInvalidInput) where nothing of the model is quantised.
  kInt8,
  // The fastest that a check has allowed for the network on this machine (kinglet/verdict.h), and
  // kModel where there was none, with a note. Model::Compile decides; elsewhere it is kModel.
  kAuto,
};

// "model", "f32", "bf16", "int8", "auto".
std::string_view PrecisionName(Precision precision);
// None for another text.
std::optional<Precision> PrecisionOf(std::string_view name);

}  // namespace kinglet
