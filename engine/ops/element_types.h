// Element types in attributes: numbers of ONNX's TensorProto.DataType.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/op/op.h"

namespace kinglet {

// Adds a line when the attribute names an element type that ONNX has and Kinglet has not.
void CheckElementTypeAttribute(const Node& node, std::string_view name,
                               std::vector<std::string>& unsupported);

// The element type that the attribute names; the fallback when it is absent or 0. Throws
// Error(kInvalidModel) for a number that ONNX does not have.
DataType ElementTypeAttribute(const NodeContext& context, std::string_view name, DataType fallback);

}  // namespace kinglet
