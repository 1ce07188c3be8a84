#include <algorithm>
#include <array>
#include <string_view>

#include "engine/graph/ir.h"
#include "kinglet/classify.h"

namespace kinglet {
namespace {

// Operators that hand on the values of their first input.
constexpr std::array<std::string_view, 11> kTransparent = {
    "Reshape", "Flatten", "Squeeze",        "Unsqueeze",        "Identity", "Dropout",
    "Cast",    "Slice",   "QuantizeLinear", "DequantizeLinear", "Transpose"};
constexpr std::array<std::string_view, 2> kProbabilities = {"Softmax", "Sigmoid"};

template <std::size_t N>
bool IsOneOf(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

ScoreActivation ResolveActivation(ScoreActivation wanted, const Graph& graph,
                                  const std::string& output) {
  if (wanted != ScoreActivation::kAuto) return wanted;
  const GraphIr& ir = graph.ir();
  const auto found = std::find_if(ir.outputs.begin(), ir.outputs.end(),
                                  [&](ValueId id) { return ir.value(id).name == output; });
  ValueId id = found == ir.outputs.end() ? kNoValue : *found;
  // Every step goes to an earlier node, so the walk ends; the bound is for graphs not yet checked.
  for (std::size_t i = 0; id != kNoValue && i <= ir.nodes.size(); ++i) {
    const NodeId producer = ir.value(id).producer;
    if (producer == kNoNode) break;
    const Node& node = ir.nodes[static_cast<std::size_t>(producer)];
    const bool fused = node.fusion.activation == Activation::kSigmoid;
    if (fused || IsOneOf(kProbabilities, node.op)) return ScoreActivation::kNone;
    if (!IsOneOf(kTransparent, node.op)) break;
    id = node.input(0);
  }
  return ScoreActivation::kSoftmax;
}

}  // namespace kinglet
