#include "models/fit/graph_tail.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "engine/graph/ir.h"

namespace kinglet {
namespace {

// Where the network proper ends; Shape hands on no values.
constexpr std::array<std::string_view, 9> kEnds = {
    "Conv", "ConvTranspose",      "ImageConv", "Gemm", "MatMul",
    "LSTM", "BatchNormalization", "Shape",     "Size"};
constexpr int kMaxDepth = 8;

bool Contains(const GraphIr& graph, std::string_view op, int depth) {
  if (depth == 0) return false;
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    if (node.op == op) return true;
    return std::any_of(node.attributes.begin(), node.attributes.end(), [&](const auto& attribute) {
      const auto* body = std::get_if<std::shared_ptr<GraphIr>>(&attribute.second);
      return body != nullptr && *body != nullptr && Contains(**body, op, depth - 1);
    });
  });
}

bool HasNms(const Node& node) {
  if (node.op == "NonMaxSuppression" || node.op == "BatchedNonMaxSuppression") return true;
  return std::any_of(node.attributes.begin(), node.attributes.end(), [](const auto& attribute) {
    const auto* body = std::get_if<std::shared_ptr<GraphIr>>(&attribute.second);
    return body != nullptr && *body != nullptr && Contains(**body, "NonMaxSuppression", kMaxDepth);
  });
}

}  // namespace

GraphTail LookAtTail(const Graph& graph, const std::string& output) {
  const GraphIr& ir = graph.ir();
  GraphTail tail;
  std::vector<bool> seen(ir.nodes.size(), false);
  std::vector<ValueId> open;
  const auto found = std::find_if(ir.outputs.begin(), ir.outputs.end(),
                                  [&](ValueId id) { return ir.value(id).name == output; });
  if (found != ir.outputs.end()) open.push_back(*found);
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    const NodeId producer = id == kNoValue ? kNoNode : ir.value(id).producer;
    if (producer == kNoNode || seen[static_cast<std::size_t>(producer)]) continue;
    seen[static_cast<std::size_t>(producer)] = true;
    const Node& node = ir.nodes[static_cast<std::size_t>(producer)];
    tail.sigmoid = tail.sigmoid || node.fusion.activation == Activation::kSigmoid;
    if (std::find(kEnds.begin(), kEnds.end(), node.op) != kEnds.end()) continue;
    tail.softmax = tail.softmax || node.op == "Softmax";
    tail.sigmoid = tail.sigmoid || node.op == "Sigmoid";
    tail.exp = tail.exp || node.op == "Exp";
    tail.sub = tail.sub || node.op == "Sub";
    tail.top = tail.top || node.op == "TopK";
    tail.nms = tail.nms || HasNms(node);
    open.insert(open.end(), node.inputs.begin(), node.inputs.end());
    const std::vector<ValueId> captured = CapturedValues(node);
    open.insert(open.end(), captured.begin(), captured.end());
  }
  return tail;
}

}  // namespace kinglet
