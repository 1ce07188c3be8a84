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

// Output k is `info` again: by its name where it is nobody else's, or else behind an Identity.
void RestoreOutput(GraphIr& graph, std::size_t k, const TensorInfo& info) {
  const ValueId id = graph.outputs[k];
  const auto others = graph.outputs.begin() + static_cast<std::ptrdiff_t>(k);
  const bool taken = std::find(graph.outputs.begin(), others, id) != others;
  const bool made = graph.value(id).producer != kNoNode;
  if (graph.value(id).name == info.name || (made && !taken)) {
    if (made) Declare(graph.value(id), info);
    graph.value(id).name = info.name;
    return;
  }
  Value value;
  Declare(value, info);
  Node identity;
  identity.name = info.name;
  identity.op = "Identity";
  identity.opset = OnnxOpset(graph);
  identity.inputs = {id};
  identity.outputs = {graph.AddValue(std::move(value))};
  graph.outputs[k] = identity.outputs[0];
  graph.AddNode(std::move(identity));
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

}  // namespace

void FinishGraph(GraphIr& graph, const std::vector<TensorInfo>& outputs) {
  for (std::size_t k = 0; k < outputs.size(); ++k) RestoreOutput(graph, k, outputs[k]);
  RemoveUnread(graph);
  NameValues(graph, nullptr, nullptr);
  CheckGraph(graph);
}

}  // namespace kinglet
