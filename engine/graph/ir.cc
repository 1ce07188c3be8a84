#include "engine/graph/ir.h"

#include <algorithm>
#include <queue>

#include "kinglet/error.h"

namespace kinglet {

ValueId GraphIr::AddConstant(std::string value_name, Tensor tensor) {
  Value value;
  value.name = std::move(value_name);
  value.type = tensor.type();
  value.has_shape = true;
  value.dims = tensor.shape();
  value.symbols.resize(value.dims.size());
  value.constant = std::move(tensor);
  return AddValue(std::move(value));
}

NodeId GraphIr::AddNode(Node node) {
  const NodeId id = static_cast<NodeId>(nodes.size());
  for (const ValueId output : node.outputs) {
    if (output != kNoValue) value(output).producer = id;
  }
  nodes.push_back(std::move(node));
  return id;
}

std::string NodeLabel(const Node& node) {
  std::string label = "node '" + node.name + "' (";
  if (!node.domain.empty()) label += node.domain + ".";
  return label + node.op + ")";
}

namespace {

[[noreturn]] void Invalid(const GraphIr& graph, const std::string& what) {
  throw Error(ErrorCode::kInvalidModel, graph.source + ": " + what);
}

// Which values exist before any node runs.
std::vector<bool> InitiallyAvailable(const GraphIr& graph) {
  std::vector<bool> available(graph.values.size(), false);
  for (const ValueId id : graph.inputs) available[static_cast<std::size_t>(id)] = true;
  for (const Capture& capture : graph.captures) {
    available[static_cast<std::size_t>(capture.inner)] = true;
  }
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].is_constant()) available[i] = true;
  }
  return available;
}

// Inputs and captured values of a node.
std::vector<ValueId> Needs(const Node& node) {
  std::vector<ValueId> needs = CapturedValues(node);
  needs.insert(needs.begin(), node.inputs.begin(), node.inputs.end());
  return needs;
}

}  // namespace

std::vector<std::shared_ptr<GraphIr>> SubgraphsOf(const Node& node) {
  std::vector<std::shared_ptr<GraphIr>> subgraphs;
  for (const auto& [name, attribute] : node.attributes) {
    if (const auto* subgraph = std::get_if<std::shared_ptr<GraphIr>>(&attribute)) {
      subgraphs.push_back(*subgraph);
    }
  }
  return subgraphs;
}

std::vector<ValueId> CapturedValues(const Node& node) {
  std::vector<ValueId> captured;
  for (const auto& subgraph : SubgraphsOf(node)) {
    for (const Capture& capture : subgraph->captures) captured.push_back(capture.outer);
  }
  std::sort(captured.begin(), captured.end());
  captured.erase(std::unique(captured.begin(), captured.end()), captured.end());
  return captured;
}

void SortNodes(GraphIr& graph) {
  const std::vector<bool> available = InitiallyAvailable(graph);
  std::vector<std::vector<NodeId>> consumers(graph.values.size());
  std::vector<int> missing(graph.nodes.size(), 0);
  // A min-heap keeps the file's order among nodes that are ready.
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const ValueId id : Needs(graph.nodes[n])) {
      if (id == kNoValue || available[static_cast<std::size_t>(id)]) continue;
      if (graph.value(id).producer == kNoNode) {
        Invalid(graph, NodeLabel(graph.nodes[n]) + ": input '" + graph.value(id).name +
                           "' is no graph input, initializer or output of a node");
      }
      consumers[static_cast<std::size_t>(id)].push_back(static_cast<NodeId>(n));
      ++missing[n];
    }
    if (missing[n] == 0) ready.push(static_cast<NodeId>(n));
  }
  std::vector<Node> sorted;
  sorted.reserve(graph.nodes.size());
  while (!ready.empty()) {
    const auto n = static_cast<std::size_t>(ready.top());
    ready.pop();
    missing[n] = -1;
    for (const ValueId output : graph.nodes[n].outputs) {
      if (output == kNoValue) continue;
      graph.value(output).producer = static_cast<NodeId>(sorted.size());
      for (const NodeId user : consumers[static_cast<std::size_t>(output)]) {
        if (--missing[static_cast<std::size_t>(user)] == 0) ready.push(user);
      }
    }
    sorted.push_back(std::move(graph.nodes[n]));
  }
  if (sorted.size() != graph.nodes.size()) {
    const auto stuck = std::find_if(missing.begin(), missing.end(), [](int m) { return m > 0; });
    Invalid(graph, NodeLabel(graph.nodes[static_cast<std::size_t>(stuck - missing.begin())]) +
                       " is part of a cycle: it needs, through others, its own output");
  }
  graph.nodes = std::move(sorted);
}

void CheckGraph(const GraphIr& graph) {
  std::vector<bool> available = InitiallyAvailable(graph);
  const auto in_range = [&](ValueId id) {
    return id >= 0 && static_cast<std::size_t>(id) < graph.values.size();
  };
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (const ValueId id : Needs(node)) {
      if (id == kNoValue) continue;
      if (!in_range(id) || !available[static_cast<std::size_t>(id)]) {
        Invalid(graph, NodeLabel(node) + " reads a value before it is made");
      }
    }
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      if (!in_range(id) || available[static_cast<std::size_t>(id)]) {
        Invalid(graph, NodeLabel(node) + " writes a value that exists already");
      }
      if (graph.value(id).producer != static_cast<NodeId>(n)) {
        Invalid(graph, NodeLabel(node) + " is not the recorded producer of its output");
      }
      available[static_cast<std::size_t>(id)] = true;
    }
    for (const auto& subgraph : SubgraphsOf(node)) CheckGraph(*subgraph);
  }
  if (graph.outputs.empty()) Invalid(graph, "the graph has no outputs");
  for (const ValueId id : graph.outputs) {
    if (!in_range(id) || !available[static_cast<std::size_t>(id)]) {
      Invalid(graph, "the graph output '" + (in_range(id) ? graph.value(id).name : "?") +
                         "' is made by no node");
    }
  }
}

}  // namespace kinglet
