#include "engine/passes/passes.h"

#include "engine/passes/rewrite.h"

namespace kinglet {

#define KINGLET_PASS(name, function, required) \
  void function(GraphIr& graph, const PassOptions& options);
#include "engine/passes/passes.inc"
#undef KINGLET_PASS

namespace {

constexpr Pass kPasses[] = {
#define KINGLET_PASS(name, function, required) {name, required, function},
#include "engine/passes/passes.inc"
#undef KINGLET_PASS
};

}  // namespace

void RunPasses(GraphIr& graph, const PassOptions& options) {
  CheckGraph(graph);
  for (const Pass& pass : kPasses) {
    if (!pass.required && !options.optimize) continue;
    pass.run(graph, options);
    RemoveDead(graph);
    CheckGraph(graph);
  }
}

}  // namespace kinglet
