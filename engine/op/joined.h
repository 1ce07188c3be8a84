// Several nodes as one step: a candidate beside planning them one by one.
#pragma once

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

}  // namespace kinglet
