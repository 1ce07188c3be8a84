#include "models/quantize/float_graph.h"

#include <algorithm>

#include "engine/graph/copy.h"
#include "engine/infer/inference.h"
#include "engine/passes/finish.h"
#include "engine/passes/portable.h"
#include "engine/passes/rewrite.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

bool IsOnCodes(const Node& node) {
  return node.op == "QuantizeLinear" || node.op == "DynamicQuantizeLinear" ||
         node.op == "ConvInteger" || node.op == "MatMulInteger" || node.op.starts_with("QLinear");
}

// MatMul of a matrix with constant weights, then Add of one number for each column: a Gemm.
void JoinBiases(GraphIr& graph, const std::vector<TensorState>& states) {
  Rewriter rewriter(graph);
  rewriter.Sweep([&](Node& add) {
    if (add.op != "Add" || !add.domain.empty()) return;
    for (std::size_t k = 0; k < 2; ++k) {
      Node* product = rewriter.SoleProducer(add.inputs[k], "MatMul");
      const Tensor* bias = graph.ConstantOf(add.inputs[1 - k]);
      if (product == nullptr || bias == nullptr || bias->type() != DataType::kFloat32) continue;
      const Tensor* weights = graph.ConstantOf(product->inputs[1]);
      const TensorState& input = states[static_cast<std::size_t>(product->inputs[0])];
      if (weights == nullptr || weights->shape().size() != 2 || input.shape.size() != 2 ||
          bias->size() != weights->shape()[1] || bias->shape().size() > 2 ||
          bias->shape().empty() || bias->shape().back() != bias->size()) {
        continue;
      }
      product->op = "Gemm";
      product->inputs.push_back(
          graph.AddConstant(add.name + "/bias", bias->Reshaped({bias->size()})));
      rewriter.Rename(add.outputs[0], add.inputs[k]);
      return;
    }
  });
}

}  // namespace

void CheckQuantisable(const Graph& graph) {
  const GraphIr& ir = graph.ir();
  if (std::any_of(ir.nodes.begin(), ir.nodes.end(), IsOnCodes)) {
    throw Error(
        ErrorCode::kUnsupported,
        ir.source + ": is quantised already; quantise the float32 model that it is made of");
  }
  if (graph.optimised()) {
    throw Error(
        ErrorCode::kUnsupported,
        ir.source + ": was written by kinglet optimise; quantise the model as it was before");
  }
}

Graph PrepareToQuantise(Graph graph, const InputShapes& shapes, const Limits& limits) {
  GraphIr& ir = graph.ir();
  FoldPortably(ir, limits);
  const DeclaredOutputs outputs = OutputsOf(ir);
  JoinBiases(ir, StatesFor(ir, shapes, limits));
  FinishGraph(ir, outputs);
  RaiseToOpset13(ir, limits);
  CheckGraph(ir);
  return Graph(CopyGraph(ir));
}

std::vector<TensorState> StatesFor(const GraphIr& graph, const InputShapes& shapes,
                                   const Limits& limits) {
  std::vector<Shape> in_order;
  for (const ValueId id : graph.inputs) {
    const auto found = shapes.find(graph.value(id).name);
    in_order.push_back(found == shapes.end() ? graph.value(id).dims : found->second);
  }
  GraphStates states = StartInference(graph, in_order, limits);
  InferWhatFollows(graph, states, limits);
  return states;
}

}  // namespace kinglet
