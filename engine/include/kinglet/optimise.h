// From a graph as it was read or built to the one that runs.
#pragma once

#include <utility>

#include "kinglet/graph.h"
#include "kinglet/limits.h"
#include "kinglet/precision.h"

namespace kinglet {

struct OptimiseOptions {
  // Off: only what a graph cannot run without is done (float16 becomes float32, constants are
  // evaluated, branches that are known are taken); every other node stays as it is written.
  bool fuse = true;
  Limits limits{};  // of what is evaluated
  // kFloat32 leaves quantised operators as they are written; otherwise they become operators on
  // integers, unless `fuse` is off.
  Precision precision = Precision::kModel;
};

// A graph that Prepare (kinglet/model.h) takes. It says nothing of a machine: what is fused, and
// operators that ONNX has not, are those of the domain `kinglet`, so that WriteOnnx
// (kinglet/onnx.h) writes graph(), ReadOnnx reads it back, and running either gives the same bits.
// Movable, not copyable.
class OptimisedGraph {
 public:
  const Graph& graph() const& { return graph_; }
  Graph graph() && { return std::move(graph_); }

 private:
  friend OptimisedGraph Optimise(Graph graph, const OptimiseOptions& options);
  explicit OptimisedGraph(Graph graph) : graph_(std::move(graph)) {}

  Graph graph_;
};

// Checks that all operators are supported, and rewrites the graph once for all shapes; the answer
// stays the same. Inputs and outputs keep names, types and shapes. A graph that has been optimised
// before (Graph::optimised) comes back as it is. Throws Error(kInvalidModel, kUnsupported,
// kResource).
OptimisedGraph Optimise(Graph graph, const OptimiseOptions& options = {});

}  // namespace kinglet
