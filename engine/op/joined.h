// Several nodes as one step: a candidate beside planning them one by one.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "engine/op/context.h"

namespace kinglet {

// How one step would compute the nodes.
struct JoinedStep {
  double seconds = 0;        // predicted
  double apart_seconds = 0;  // of the nodes one by one, by the same figures
  // The step; the context is that of JoinedNodes::joined. Not to be called after those are gone.
  std::function<std::unique_ptr<Step>(PlanContext&)> plan{};
};

struct JoinedNodes {
  virtual ~JoinedNodes() = default;
  virtual JoinedStep Choose(int threads, const CostModel& cost) const = 0;

  std::vector<const Node*> nodes;  // at least two, in the order of the graph
  // What they are as one node, which stands where the last of them does: all that it reads is there
  // by then.
  Node joined;
  Layout reads = Layout::kPlain;  // the layout that input 0 must be in before the first of them
};

// The nodes that a plan consists of, what it leaves behind, and what is known of the values.
struct JoinRequest {
  const std::vector<const Node*>& nodes;
  const std::vector<ValueId>& outputs;
  GraphStates& states;
};

// Who reads a value; what the plan leaves behind counts as well.
struct Readers {
  int count = 0;
  const Node* last = nullptr;  // the last one met; null where that is the end of the plan
};
// Of each value.
inline std::vector<Readers> ReadersOf(const JoinRequest& request) {
  std::vector<Readers> readers(request.states.size());
  const auto count = [&](ValueId id, const Node* node) {
    if (id == kNoValue) return;
    Readers& of = readers[static_cast<std::size_t>(id)];
    ++of.count;
    of.last = node;
  };
  for (const Node* node : request.nodes) {
    for (const ValueId id : node->inputs) count(id, node);
  }
  for (const ValueId id : request.outputs) count(id, nullptr);
  return readers;
}

}  // namespace kinglet
