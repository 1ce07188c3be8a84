// Rewriting a graph once, before any shape is known: the answer stays the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/graph/ir.h"
#include "engine/op/context.h"
#include "kinglet/precision.h"

namespace kinglet {

// How far passes go.
enum class PassStage : std::uint8_t {
  kRequired,  // without them a graph cannot run
  kSimplify,  // nodes stay what ONNX has
  kOptimise,  // fused nodes, operators that ONNX has not
};

struct PassOptions {
  PassStage stage = PassStage::kOptimise;  // the last one to run
  Limits limits;
  Precision precision = Precision::kModel;  // as in OptimiseOptions
  bool subgraph = false;  // of a node: its inputs are what the graph around it gives
};

struct Pass {
  std::string_view name;
  PassStage stage;
  void (*run)(GraphIr& graph, const PassOptions& options);
};

// Runs the passes in the order of passes.inc, CheckGraph after each, and removes what nothing needs
// any more; then on the subgraphs of the nodes that are left. Throws Error(kInvalidModel,
// kResource).
void RunPasses(GraphIr& graph, const PassOptions& options);

}  // namespace kinglet
