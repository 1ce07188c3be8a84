// Planning consecutive nodes: a kernel for each, reorders where layouts differ, a place for every
// tensor.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/infer/inference.h"
#include "engine/plan/plan.h"

namespace kinglet {

// A value that a range of nodes takes from outside, or leaves there.
struct Border {
  ValueId id = kNoValue;
  Layout layout = Layout::kPlain;
};

// The nodes [first, last) of a graph.
struct PlanRange {
  std::size_t first = 0;
  std::size_t last = 0;
  std::vector<Border> inputs;   // inputs of the plan, in this order
  std::vector<Border> outputs;  // outputs of the plan
};

// The whole graph, from its inputs to its outputs.
PlanRange WholeGraph(const GraphIr& graph);

// Plans a range at the given states, which must have been inferred up to its end. Throws
// Error(kInvalidModel, kUnsupported, kResource).
std::unique_ptr<Plan> PlanNodes(const GraphIr& graph, GraphStates& states, const PlanRange& range,
                                const PlanOptions& options, PackedStore& packed);

}  // namespace kinglet
