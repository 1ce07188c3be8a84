#include "kinglet/optimise.h"

#include <new>

#include "engine/op/op.h"
#include "engine/passes/finish.h"
#include "engine/passes/old_forms.h"
#include "engine/passes/passes.h"
#include "kinglet/error.h"

namespace kinglet {

OptimisedGraph Optimise(Graph graph, const OptimiseOptions& options) {
  GraphIr& ir = graph.ir();
  try {
    if (!graph.optimised()) ReplaceOldForms(ir, options.limits);
    CheckSupport(ir);
    if (!graph.optimised()) {
      const DeclaredOutputs outputs = OutputsOf(ir);
      RunPasses(ir, {options.fuse, options.limits});
      FinishGraph(ir, outputs);
      if (options.fuse) graph.set_optimised();
    }
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kResource, ir.source + ": not enough memory to optimise the graph");
  }
  return OptimisedGraph(std::move(graph));
}

}  // namespace kinglet
