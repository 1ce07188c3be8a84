// Operators that are no part of any version of ONNX: experimental ones of early exporters, and ONNX
// Runtime's forms of what ONNX has (engine/passes/old_forms.h).
#pragma once

#include "engine/graph/ir.h"
#include "engine/passes/form_writer.h"

namespace kinglet {

// Puts the node in the form that operators know; what goes before it is added first.
using ForeignFormFn = void (*)(FormWriter& to, Node& node);

// Null where the node is none of these.
ForeignFormFn FindForeignForm(const Node& node);

}  // namespace kinglet
