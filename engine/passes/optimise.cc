#include "kinglet/optimise.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <string_view>

#include "engine/op/op.h"
#include "engine/passes/finish.h"
#include "engine/passes/old_forms.h"
#include "engine/passes/passes.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

bool HasOperatorsOnCodes(const GraphIr& graph) {
  constexpr std::string_view kOps[] = {"QLinearConv", "QLinearMatMul", "ConvInteger",
                                       "MatMulInteger", "QGemm"};
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    return std::find(std::begin(kOps), std::end(kOps), node.op) != std::end(kOps);
  });
}

}  // namespace

OptimisedGraph Optimise(Graph graph, const OptimiseOptions& options) {
  GraphIr& ir = graph.ir();
  try {
    if (!graph.optimised()) ReplaceOldForms(ir, options.limits);
    CheckSupport(ir);
    if (!graph.optimised()) {
      const DeclaredOutputs outputs = OutputsOf(ir);
      const PassStage stage = options.fuse ? PassStage::kOptimise : PassStage::kRequired;
      RunPasses(ir, {stage, options.limits, options.precision});
      FinishGraph(ir, outputs);
      if (options.fuse) graph.set_optimised();
    }
    if (options.precision == Precision::kInt8 && !HasOperatorsOnCodes(ir)) {
      throw Error(ErrorCode::kInvalidInput,
                  ir.source +
                      ": nothing of the model is quantised, so it cannot run in int8; "
                      "give a model with QuantizeLinear nodes");
    }
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kResource, ir.source + ": not enough memory to optimise the graph");
  }
  return OptimisedGraph(std::move(graph));
}

}  // namespace kinglet
