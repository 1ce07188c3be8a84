#include <algorithm>

#include "engine/op/op.h"
#include "engine/op/operators.h"
#include "kinglet/error.h"

namespace kinglet {

namespace {

const std::vector<const OpDef*>& Registry() {
  static const std::vector<const OpDef*> ops = [] {
    std::vector<const OpDef*> list = ListOperators();
    std::sort(list.begin(), list.end(),
              [](const OpDef* a, const OpDef* b) { return a->name < b->name; });
    return list;
  }();
  return ops;
}

bool NamesAttribute(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == name) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

std::string Range(int low, int high) {
  if (high >= kAnyCount) return "at least " + std::to_string(low);
  return low == high ? std::to_string(low) : std::to_string(low) + " to " + std::to_string(high);
}

void CheckCount(const GraphIr& graph, const Node& node, const char* what, std::size_t found,
                int low, int high) {
  if (found >= static_cast<std::size_t>(low) && found <= static_cast<std::size_t>(high)) return;
  throw Error(ErrorCode::kInvalidModel, graph.source + ": " + NodeLabel(node) + " has " +
                                            std::to_string(found) + " " + what + ", expected " +
                                            Range(low, high));
}

std::size_t PresentCount(const std::vector<ValueId>& ids) {
  std::size_t count = ids.size();
  while (count > 0 && ids[count - 1] == kNoValue) --count;
  return count;
}

// What can be done about operators that cannot be had.
std::string HintFor(const Node& node) {
  if (node.domain != "com.microsoft.nchwc") return "";
  return " (its weights lie as one kind of CPU wants them; have ONNX Runtime save the model with "
         "ORT_ENABLE_EXTENDED)";
}

void CheckNode(const GraphIr& graph, const Node& node, std::vector<std::string>& problems) {
  const std::string at = " at opset " + std::to_string(node.opset);
  const OpDef* op = FindOp(node.domain, node.op);
  if (op == nullptr) {
    problems.push_back(NodeLabel(node) + ": no such operator" + at + HintFor(node));
    return;
  }
  // Of ONNX's own operators that are newer than known, the newest known form counts.
  const int opset = node.domain.empty() ? std::min(node.opset, kMaxOpset) : node.opset;
  if (opset < op->since || opset > op->until) {
    problems.push_back(NodeLabel(node) + ": opset " + std::to_string(node.opset) +
                       ", supported are " + Range(op->since, op->until));
    return;
  }
  const std::size_t inputs = PresentCount(node.inputs) - (node.fusion.residual ? 1 : 0);
  CheckCount(graph, node, "inputs", inputs, op->min_inputs, op->max_inputs);
  CheckCount(graph, node, "outputs", PresentCount(node.outputs), op->min_outputs, op->max_outputs);
  for (std::size_t i = 0; i < static_cast<std::size_t>(op->min_inputs); ++i) {
    if (node.inputs[i] == kNoValue) {
      throw Error(ErrorCode::kInvalidModel, graph.source + ": " + NodeLabel(node) + ": input " +
                                                std::to_string(i) + " is required and absent");
    }
  }
  for (const auto& [name, value] : node.attributes) {
    if (!NamesAttribute(op->attributes, name)) {
      problems.push_back(NodeLabel(node) + ": attribute '" + name + "'" + at + ", supported are: " +
                         std::string(op->attributes.empty() ? "none" : op->attributes));
    }
  }
  if (op->check != nullptr) {
    std::vector<std::string> found;
    op->check(node, found);
    for (const std::string& what : found) problems.push_back(NodeLabel(node) + ": " + what + at);
  }
}

void CheckNodes(const GraphIr& graph, std::vector<std::string>& problems) {
  for (const Node& node : graph.nodes) {
    CheckNode(graph, node, problems);
    for (const auto& subgraph : SubgraphsOf(node)) CheckNodes(*subgraph, problems);
  }
}

}  // namespace

std::span<const OpDef* const> AllOps() { return Registry(); }

const OpDef* FindOp(std::string_view domain, std::string_view name) {
  const auto& ops = Registry();
  auto it = std::lower_bound(ops.begin(), ops.end(), name,
                             [](const OpDef* op, std::string_view n) { return op->name < n; });
  for (; it != ops.end() && (*it)->name == name; ++it) {
    if ((*it)->domain == domain) return *it;
  }
  return nullptr;
}

void CheckSupport(const GraphIr& graph) {
  constexpr std::size_t kListed = 20;
  std::vector<std::string> problems;
  CheckNodes(graph, problems);
  if (problems.empty()) return;
  std::string message = graph.source + ": " + std::to_string(problems.size()) +
                        (problems.size() == 1 ? " thing is" : " things are") + " not supported: ";
  for (std::size_t i = 0; i < std::min(problems.size(), kListed); ++i) {
    if (i > 0) message += "; ";
    message += problems[i];
  }
  if (problems.size() > kListed) {
    message += "; and " + std::to_string(problems.size() - kListed) + " more";
  }
  throw Error(ErrorCode::kUnsupported, message + ". 'kinglet ops' lists what is supported");
}

}  // namespace kinglet
