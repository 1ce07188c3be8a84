// Nodes in forms that ONNX has given up, or in which another runtime writes what ONNX has: each is
// put in the form that operators know, so that they know one.
#pragma once

#include "engine/graph/ir.h"
#include "kinglet/limits.h"

namespace kinglet {

// Everything older than opset 7 becomes opset 9: attributes that became inputs or vanished
// (`consumed_inputs`, `is_test`, Reshape's `shape`, Pad's `paddings`), operands that were aligned
// by `axis` and `broadcast`, types as text. At any opset, batch normalisation is written out that
// has `spatial` 0, or outputs of training that nobody reads: before opset 14 they say that
// statistics are those of the batch. So are the experimental operators of early exporters (Affine,
// Crop, ImageScaler, ParametricSoftplus, Scale, ScaledTanh, ConstantFill), and of ONNX Runtime's
// own DynamicQuantizeMatMul, QuantizeLinear and DequantizeLinear become ONNX's. Subgraphs as well.
// Throws Error(kUnsupported) where the rank of an operand has to be known and is not,
// Error(kInvalidModel) where an attribute is wrong.
void ReplaceOldForms(GraphIr& graph, const Limits& limits);

}  // namespace kinglet
