// The domain of operators that ONNX has not, and how a fused node is written in it: as the operator
// of the same name in the domain `kinglet`, what is fused being attributes.
//   activation         the name of its operator in kernels/common/activations.inc: "Relu", ...
//   activation_alpha   its first parameter, where it has one
//   activation_beta    its second one
//   residual           1: the last input is added before the activation
#pragma once

#include <string>
#include <string_view>

#include "engine/graph/ir.h"

namespace kinglet {

inline constexpr std::string_view kKingletDomain = "kinglet";
// Grows whenever an operator of the domain, an attribute or its meaning changes: files of another
// version are refused.
inline constexpr int kKingletOpset = 1;

// Whether kernels can be given these parameters: numbers, and finite unless they are bounds of a
// clip, whose lower one is not above its upper one.
bool IsUsable(const Fusion& fusion);

// "sum, Clip(0, 6)" for people; "" where nothing is fused.
std::string FusionText(const Fusion& fusion);

// The node as a file has it. Throws Error(kInvalidModel), naming no node, for a fusion that no
// operator of the domain has.
Node WithFusionWritten(Node node);

// The other way round, for a node of the domain `kinglet`; others of its operators stay as they
// are. `onnx_opset`: the version of ONNX's own domain that the file imports, 0 for none. Throws
// Error(kInvalidModel), naming no node, where attributes or inputs are wrong.
void ReadFusion(Node& node, int onnx_opset);

}  // namespace kinglet
