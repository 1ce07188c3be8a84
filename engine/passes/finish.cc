#include "engine/passes/finish.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

constexpr std::size_t kLongestName = 1024;  // of a value; every reader takes it

std::size_t Index(ValueId id) { return static_cast<std::size_t>(id); }

void Declare(Value& value, const TensorInfo& info) {
  value.name = info.name;
  value.type = info.type;
  value.has_shape = info.has_shape;
  value.dims = info.shape;
  value.symbols = info.symbols;
}

// A constant that was handed down to a subgraph says itself what it is, as one that is read does.
void DeclareAsConstant(Value& value) {
  value.type = value.constant.type();
  value.has_shape = true;
  value.dims = value.constant.shape();
  value.symbols.assign(value.dims.size(), "");
}

// Output k as a value of its own, of which `value` says all but what it holds.
void PutIdentityBefore(GraphIr& graph, std::size_t k, int opset, Value value) {
  Node identity;
  identity.name = value.name;
  identity.op = "Identity";
  identity.opset = opset;
  identity.inputs = {graph.outputs[k]};
  identity.outputs = {graph.AddValue(std::move(value))};
  graph.outputs[k] = identity.outputs[0];
  graph.AddNode(std::move(identity));
}

// Output k is `info` again: by its name where it is nobody else's, or else behind an Identity;
// `taken`: where an output before it is the same value.
void RestoreOutput(GraphIr& graph, std::size_t k, bool taken, const TensorInfo& info) {
  Value& output = graph.value(graph.outputs[k]);
  const bool made = output.producer != kNoNode;
  if (output.name == info.name || (made && !taken)) {
    if (made) Declare(output, info);
    output.name = info.name;
    return;
  }
  Value value;
  Declare(value, info);
  PutIdentityBefore(graph, k, OnnxOpset(graph), std::move(value));
}

// Output k of a subgraph is made in it, and not twice the same: outputs go by their place, but
// readers of files take a name for one value, and expect it from a node. The type is that of the
// value that the output reads, as passes may have widened it, where one is known; the version of
// ONNX's own domain that of the graph around, as perhaps no node is left inside.
void MakeOutput(GraphIr& graph, std::size_t k, bool taken, const GraphIr& around,
                const TensorInfo& info) {
  const Value& read = graph.value(graph.outputs[k]);
  if (read.producer != kNoNode && !taken) return;
  Value value;
  Declare(value, info);
  const DataType type = read.is_constant() ? read.constant.type() : read.type;
  const bool half = info.type == DataType::kFloat16 || info.type == DataType::kBFloat16;
  if (type != DataType::kUndefined) {
    value.type = type;
  } else if (half) {
    value.type = DataType::kFloat32;  // what is not at the border is float32
  }
  PutIdentityBefore(graph, k, OnnxOpset(around), std::move(value));
}

// Calls fn(id) for everything in the graph that names one of its values, by reference.
template <typename F>
void ForEachUse(GraphIr& graph, F&& fn) {
  for (Node& node : graph.nodes) {
    for (ValueId& id : node.inputs) fn(id);
    for (ValueId& id : node.outputs) fn(id);
    for (const auto& subgraph : SubgraphsOf(node)) {
      for (Capture& capture : subgraph->captures) fn(capture.outer);
    }
  }
  for (ValueId& id : graph.outputs) fn(id);
}

// Captures of one value become one capture, and those that nobody reads go.
void JoinCaptures(GraphIr& graph) {
  std::unordered_map<ValueId, ValueId> inner;  // by what is captured
  std::vector<ValueId> renamed(graph.values.size(), kNoValue);
  for (const Capture& capture : graph.captures) {
    renamed[Index(capture.inner)] = inner.try_emplace(capture.outer, capture.inner).first->second;
  }
  std::vector<bool> used(graph.values.size(), false);
  ForEachUse(graph, [&](ValueId& id) {
    if (id == kNoValue) return;
    if (renamed[Index(id)] != kNoValue) id = renamed[Index(id)];
    used[Index(id)] = true;
  });
  std::erase_if(graph.captures, [&](const Capture& capture) {
    return !used[Index(capture.inner)] || renamed[Index(capture.inner)] != capture.inner;
  });
}

// Values that nothing names any more go.
void Compact(GraphIr& graph) {
  std::vector<bool> used(graph.values.size(), false);
  const auto use = [&](ValueId id) {
    if (id != kNoValue) used[Index(id)] = true;
  };
  for (const ValueId id : graph.inputs) use(id);
  for (const Capture& capture : graph.captures) use(capture.inner);
  ForEachUse(graph, use);
  std::vector<ValueId> ids(graph.values.size(), kNoValue);
  std::vector<Value> values;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!used[i]) continue;
    ids[i] = static_cast<ValueId>(values.size());
    values.push_back(std::move(graph.values[i]));
  }
  graph.values = std::move(values);
  const auto rename = [&](ValueId& id) {
    if (id != kNoValue) id = ids[Index(id)];
  };
  for (ValueId& id : graph.inputs) rename(id);
  for (Capture& capture : graph.captures) rename(capture.inner);
  ForEachUse(graph, rename);
}

// From the innermost graphs outwards: what they do not read is not made for them.
void RemoveUnread(GraphIr& graph) {
  for (const Node& node : graph.nodes) {
    for (const auto& subgraph : SubgraphsOf(node)) RemoveUnread(*subgraph);
  }
  RemoveDead(graph);
  JoinCaptures(graph);
  Compact(graph);
}

// The names of a graph and its constants by their memory; behind it, those of the graphs around it.
struct Scope {
  const Scope* outer = nullptr;
  std::unordered_set<std::string> names{};
  std::unordered_map<std::string, int> copies{};  // how often a name was made unique
  std::unordered_map<const void*, const Value*> constants{};

  bool Has(const std::string& name) const {
    return names.count(name) > 0 || (outer != nullptr && outer->Has(name));
  }
};

// The constant of a graph around that has the same elements in the same memory.
const Value* SameConstant(const Scope* scope, const Tensor& constant) {
  for (; scope != nullptr; scope = scope->outer) {
    const auto found = scope->constants.find(constant.raw());
    if (found == scope->constants.end()) continue;
    const Tensor& other = found->second->constant;
    if (other.type() == constant.type() && other.shape() == constant.shape()) return found->second;
  }
  return nullptr;
}

void MakeUnique(std::string& name, Scope& scope) {
  if (name.empty() || name.size() > kLongestName) name = "value";
  if (scope.Has(name)) {
    const std::string base = name;
    int& copies = scope.copies[base];
    do {
      name = base + "/" + std::to_string(++copies);
    } while (scope.Has(name));
  }
  scope.names.insert(name);
}

// The names that are given already: from the graph around, or as the graph's own interface.
std::vector<bool> GivenNames(GraphIr& graph, const GraphIr* around, Scope& scope) {
  std::vector<bool> given(graph.values.size(), false);
  const auto keep = [&](ValueId id) {
    given[Index(id)] = true;
    scope.names.insert(graph.value(id).name);
  };
  for (const Capture& capture : graph.captures) {
    graph.value(capture.inner).name = around->value(capture.outer).name;
    keep(capture.inner);
  }
  if (around == nullptr) {
    for (const ValueId id : graph.inputs) keep(id);
    for (const ValueId id : graph.outputs) keep(id);
  }
  return given;
}

// From the outermost graph inwards.
void NameValues(GraphIr& graph, const Scope* outer, const GraphIr* around) {
  Scope scope{outer};
  const std::vector<bool> given = GivenNames(graph, around, scope);
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    Value& value = graph.values[i];
    const Value* same = value.is_constant() ? SameConstant(outer, value.constant) : nullptr;
    if (same != nullptr && scope.names.insert(same->name).second) {
      value.name = same->name;
    } else if (!given[i]) {
      MakeUnique(value.name, scope);
    }
    if (!value.is_constant()) continue;
    DeclareAsConstant(value);
    scope.constants.try_emplace(value.constant.raw(), &value);
  }
  for (const Node& node : graph.nodes) {
    for (const auto& subgraph : SubgraphsOf(node)) NameValues(*subgraph, &scope, &graph);
  }
}

// In the graph, and in the graphs inside it.
void RestoreOutputs(GraphIr& graph, const GraphIr* around, const DeclaredOutputs& declared) {
  const auto found = declared.find(&graph);
  std::unordered_set<ValueId> seen;
  for (std::size_t k = 0; k < graph.outputs.size(); ++k) {
    const bool known = found != declared.end() && k < found->second.size();
    const TensorInfo info = known ? found->second[k] : TensorInfo();
    const bool taken = !seen.insert(graph.outputs[k]).second;
    if (around == nullptr) {
      RestoreOutput(graph, k, taken, info);
    } else {
      MakeOutput(graph, k, taken, *around, info);
    }
  }
  for (const Node& node : graph.nodes) {
    for (const auto& subgraph : SubgraphsOf(node)) RestoreOutputs(*subgraph, &graph, declared);
  }
}

void AddOutputsOf(const GraphIr& graph, DeclaredOutputs& declared) {
  std::vector<TensorInfo>& outputs = declared[&graph];
  for (const ValueId id : graph.outputs) {
    const Value& value = graph.value(id);
    outputs.push_back({value.name, value.type, value.has_shape, value.dims, value.symbols});
  }
  for (const Node& node : graph.nodes) {
    for (const auto& subgraph : SubgraphsOf(node)) AddOutputsOf(*subgraph, declared);
  }
}

}  // namespace

DeclaredOutputs OutputsOf(const GraphIr& graph) {
  DeclaredOutputs declared;
  AddOutputsOf(graph, declared);
  return declared;
}

void FinishGraph(GraphIr& graph, const DeclaredOutputs& outputs) {
  RestoreOutputs(graph, nullptr, outputs);
  RemoveUnread(graph);
  NameValues(graph, nullptr, nullptr);
  CheckGraph(graph);
}

}  // namespace kinglet
