// A graph as other engines read it too, with what can be folded folded.
#pragma once

#include "engine/graph/ir.h"
#include "kinglet/limits.h"

namespace kinglet {

// Replaces old forms, widens float16, evaluates constants (weights behind DequantizeLinear too),
// removes identities, and moves Pad, batch normalisation and scales per channel into convolutions.
// Every node that is left is as ONNX has it: nothing is fused, and nothing is of the domain
// `kinglet`. Inputs and outputs keep names, types and shapes. Throws Error(kInvalidModel,
// kUnsupported, kResource).
void FoldPortably(GraphIr& graph, const Limits& limits);

// Brings all nodes of ONNX's own domain to operator set 13, the first that has scales per channel,
// where they are of an older one, from 7 on. Throws Error(kUnsupported) naming a node that has no
// such form, or that this does not know.
void RaiseToOpset13(GraphIr& graph, const Limits& limits);

}  // namespace kinglet
