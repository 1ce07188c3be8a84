#include "engine/plan/batch.h"

#include <algorithm>
#include <cstring>

namespace kinglet {
namespace {

bool SameTensor(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && a.shape() == b.shape() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

// Shapes and types of a node at the batch, for the operators' rules.
PlainPlanContext ContextOf(const Node& node, const NodeStates& states) { return {node, states}; }

// `shape` with `images` for the batch in dim 0.
bool IsOf(const Shape& whole, std::int64_t batch, const Shape& part, std::int64_t images) {
  return !whole.empty() && whole.size() == part.size() && whole[0] == batch && part[0] == images &&
         std::equal(whole.begin() + 1, whole.end(), part.begin() + 1);
}

}  // namespace

BatchProof::BatchProof(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                       const GraphStates& states, const Limits& limits)
    : graph_(graph), input_shapes_(input_shapes), states_(states), limits_(limits) {
  for (const Shape& shape : input_shapes) {
    if (shape.empty() || (batch_ != 0 && shape[0] != batch_)) {
      batch_ = 0;
      return;
    }
    batch_ = shape[0];
  }
  if (batch_ > 1) Prove();
}

std::vector<Shape> BatchProof::ShapesOf(std::int64_t images) const {
  std::vector<Shape> shapes = input_shapes_;
  for (Shape& shape : shapes) shape[0] = images;
  return shapes;
}

BatchUse BatchProof::KnownUse(std::size_t value, const GraphStates& one) const {
  const Tensor& known = one[value].known;
  return known.defined() && SameTensor(known, states_[value].known) ? BatchUse::kFree
                                                                    : BatchUse::kVaries;
}

// Infers one image node by node beside the batch.
void BatchProof::Prove() {
  uses_.assign(graph_.values.size(), BatchUse::kFree);
  for (const ValueId id : graph_.inputs) {
    uses_[static_cast<std::size_t>(id)] = BatchUse::kImages;
  }
  std::vector<bool> needed(graph_.nodes.size());
  for (const std::size_t i : NeededNodes(graph_, states_, 0, graph_.nodes.size(), graph_.outputs)) {
    needed[i] = true;
  }
  GraphStates one = StartInference(graph_, ShapesOf(1), limits_);
  for (; prefix_ < graph_.nodes.size(); ++prefix_) {
    const Node& node = graph_.nodes[prefix_];
    try {
      InferOne(graph_, node, one, limits_);
    } catch (const Error&) {
      break;  // it works for this batch only
    }
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      const auto at = static_cast<std::size_t>(id);
      uses_[at] = states_[at].known.defined() ? KnownUse(at, one) : BatchUse::kImages;
    }
    if (needed[prefix_] && !ProveNode(node, one)) break;
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      const auto at = static_cast<std::size_t>(id);
      if (needed[prefix_] || states_[at].known.defined()) values_.push_back(at);
    }
  }
  at_.emplace(1, std::move(one));
}

bool BatchProof::ProveNode(const Node& node, const GraphStates& one) {
  const OpDef* op = FindOp(node.domain, node.op);
  if (op->batch_wise == nullptr) return false;
  std::vector<BatchUse> inputs;
  for (const ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? BatchUse::kFree : uses_[static_cast<std::size_t>(id)]);
  }
  // Contexts only read what they are given.
  const NodeStates states = kinglet::StatesOf(node, const_cast<GraphStates&>(states_));
  if (!op->batch_wise(ContextOf(node, states), inputs)) return false;
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
    if (id == kNoValue) return true;
    const auto at = static_cast<std::size_t>(id);
    return uses_[at] != BatchUse::kImages || IsOf(states_[at].shape, batch_, one[at].shape, 1);
  });
}

bool BatchProof::Agrees(const GraphStates& states, std::int64_t images) const {
  return std::all_of(values_.begin(), values_.end(), [&](std::size_t at) {
    if (states_[at].known.defined() != states[at].known.defined()) return false;
    switch (uses_[at]) {
      case BatchUse::kFree:
        return SameTensor(states_[at].known, states[at].known);
      case BatchUse::kImages:
        return IsOf(states_[at].shape, batch_, states[at].shape, images);
      case BatchUse::kVaries:
        return true;
    }
    return false;
  });
}

GraphStates* BatchProof::StatesOf(std::int64_t images) {
  auto found = at_.find(images);
  if (found == at_.end()) {
    GraphStates states;
    try {
      states = InferGraph(graph_, ShapesOf(images), limits_, prefix_);
      if (!Agrees(states, images)) states.clear();
    } catch (const Error&) {
      states.clear();
    }
    found = at_.emplace(images, std::move(states)).first;
  } else if (!found->second.empty() && images == 1 && !Agrees(found->second, 1)) {
    found->second.clear();
  }
  return found->second.empty() ? nullptr : &found->second;
}

}  // namespace kinglet
