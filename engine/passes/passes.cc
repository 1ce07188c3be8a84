#include "engine/passes/passes.h"

#include "engine/passes/rewrite.h"

namespace kinglet {

#define KINGLET_PASS(name, function, stage) \
  void function(GraphIr& graph, const PassOptions& options);
#include "engine/passes/passes.inc"
#undef KINGLET_PASS

namespace {

constexpr Pass kPasses[] = {
#define KINGLET_PASS(name, function, stage) {name, PassStage::k##stage, function},
#include "engine/passes/passes.inc"
#undef KINGLET_PASS
};

// What is constant now is a constant of the subgraphs that capture it.
void HandConstantsDown(GraphIr& graph) {
  for (const Node& node : graph.nodes) {
    for (const auto& subgraph : SubgraphsOf(node)) {
      std::erase_if(subgraph->captures, [&](const Capture& capture) {
        const Tensor* constant = graph.ConstantOf(capture.outer);
        if (constant == nullptr) return false;
        subgraph->value(capture.inner).constant = *constant;
        return true;
      });
    }
  }
}

}  // namespace

void RunPasses(GraphIr& graph, const PassOptions& options) {
  CheckGraph(graph);
  for (const Pass& pass : kPasses) {
    if (pass.stage > options.stage) continue;
    pass.run(graph, options);
    HandConstantsDown(graph);
    RemoveDead(graph);
    CheckGraph(graph);
  }
  PassOptions inside = options;
  inside.subgraph = true;
  for (const Node& node : graph.nodes) {
    for (const auto& subgraph : SubgraphsOf(node)) RunPasses(*subgraph, inside);
  }
}

}  // namespace kinglet
