// Operators that hand their input on unchanged, whatever the shape.
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

bool IsIdentity(const Node& node) {
  if (!node.domain.empty()) return false;
  if (node.op == "Identity") return true;
  if (node.op == "Dropout") {
    // The mask is all true then, but somebody may want it; training mode is data.
    const bool mask = node.outputs.size() > 1 && node.outputs[1] != kNoValue;
    return !mask && node.input(2) == kNoValue;
  }
  if (node.op == "Concat" || node.op == "Sum" || node.op == "Max" || node.op == "Min" ||
      node.op == "Mean") {
    return node.inputs.size() == 1;
  }
  return false;
}

}  // namespace

void RemoveIdentities(GraphIr& graph, const PassOptions&) {
  Rewriter rewriter(graph);
  rewriter.Sweep([&](Node& node) {
    if (IsIdentity(node)) rewriter.Rename(node.outputs[0], node.inputs[0]);
  });
}

}  // namespace kinglet
