#include "engine/passes/portable.h"

#include "engine/op/op.h"
#include "engine/passes/finish.h"
#include "engine/passes/old_forms.h"
#include "engine/passes/passes.h"

namespace kinglet {

void FoldPortably(GraphIr& graph, const Limits& limits) {
  ReplaceOldForms(graph, limits);
  CheckSupport(graph);
  const DeclaredOutputs outputs = OutputsOf(graph);
  RunPasses(graph, {PassStage::kSimplify, limits, Precision::kFloat32});
  FinishGraph(graph, outputs);
}

}  // namespace kinglet
