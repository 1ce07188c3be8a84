// What follows a convolution element by element is done while its results are in registers: the
// residual sum of two branches, then the activation.
#include <cmath>
#include <cstdint>

#include "engine/graph/fusion.h"
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

std::optional<Fusion> ClipFusion(const GraphIr& graph, const Node& node) {
  Fusion fusion{Activation::kClip, -INFINITY, INFINITY, false};
  if (node.opset < 11) {
    fusion.alpha = node.attributes.Float("min", fusion.alpha);
    fusion.beta = node.attributes.Float("max", fusion.beta);
  } else {
    for (std::size_t i = 1; i <= 2; ++i) {
      if (node.input(i) == kNoValue) continue;
      const std::optional<float> bound = ScalarOf(graph, node.input(i));
      if (!bound) return {};
      (i == 1 ? fusion.alpha : fusion.beta) = *bound;
    }
  }
  return fusion;
}

std::optional<Fusion> ActivationOf(const GraphIr& graph, const Node& node) {
  auto activation = kernels::FindActivation(node.domain, node.op);
  // What was recognised as one is of the domain `kinglet` where ONNX's own domain is too old for
  // it.
  if (!activation && node.domain == kKingletDomain && node.op == "HardSwish") {
    activation = Activation::kHardSwish;
  }
  if (!activation && node.domain.empty() && node.op == "Swish") activation = Activation::kSwish;
  // Tanh stays by itself: that of whole arrays is more exact.
  if (!activation || *activation == Activation::kNone || *activation == Activation::kTanh)
    return {};
  if (*activation == Activation::kClip) return ClipFusion(graph, node);
  const kernels::ActivationFacts& facts = kernels::FactsOf(*activation);
  return Fusion{*activation, node.attributes.Float("alpha", facts.alpha),
                node.attributes.Float("beta", facts.beta), false};
}

const TensorState& StateOf(const std::vector<TensorState>& shapes, ValueId id) {
  return shapes[static_cast<std::size_t>(id)];
}

// Whether what a node makes is float32: where nothing else is known, as its constant weights are.
bool MakesFloat32(const GraphIr& graph, const Node& host, const std::vector<TensorState>& shapes) {
  const DataType type = StateOf(shapes, host.outputs[0]).type;
  if (type != DataType::kUndefined) return type == DataType::kFloat32;
  const Tensor* weights = host.op == "Add" ? nullptr : graph.ConstantOf(host.input(1));
  return weights != nullptr && weights->type() == DataType::kFloat32;
}

// The branch of an Add that is a convolution without anything fused, and the later one of two: the
// other branch is there when it runs.
Node* ResidualHost(Rewriter& rewriter, const Node& add, std::size_t& branch) {
  Node* host = nullptr;
  for (std::size_t k = 0; k < 2; ++k) {
    Node* conv = rewriter.SoleProducer(add.inputs[k], "Conv");
    if (conv == nullptr) conv = rewriter.SoleProducer(add.inputs[k], "ConvTranspose");
    if (conv == nullptr || !conv->fusion.empty()) continue;
    const ValueId other = add.inputs[1 - k];
    const Value& value = rewriter.graph().value(other);
    const NodeId own = rewriter.graph().value(add.inputs[k]).producer;
    if (value.is_constant() || value.producer >= own) continue;
    if (host == nullptr || conv > host) {
      host = conv;
      branch = k;
    }
  }
  return host;
}

bool FuseResidual(Rewriter& rewriter, const Node& add, const std::vector<TensorState>& shapes) {
  if (add.op != "Add" || !add.domain.empty() || !add.fusion.empty()) return false;
  if (StateOf(shapes, add.inputs[0]).shape.size() < 3 ||
      !SameShape(shapes, add.inputs[0], add.inputs[1])) {
    return false;
  }
  std::size_t branch = 0;
  Node* conv = ResidualHost(rewriter, add, branch);
  if (conv == nullptr || !MakesFloat32(rewriter.graph(), *conv, shapes)) return false;
  conv->inputs.resize(3, kNoValue);
  conv->inputs.push_back(add.inputs[1 - branch]);
  conv->fusion.residual = true;
  rewriter.Rename(add.outputs[0], add.inputs[branch]);
  return true;
}

bool FuseActivation(Rewriter& rewriter, const Node& node, const std::vector<TensorState>& shapes) {
  const std::optional<Fusion> activation = ActivationOf(rewriter.graph(), node);
  // What has an empty interval, say, keeps its own operator, which does what ONNX says.
  if (!activation || !IsUsable(*activation)) return false;
  for (const char* op : {"Conv", "ConvTranspose", "Gemm", "Add"}) {
    Node* host = rewriter.SoleProducer(node.inputs[0], op);
    if (host == nullptr || host->fusion.activation != Activation::kNone) continue;
    if (!MakesFloat32(rewriter.graph(), *host, shapes)) continue;
    // A sum with broadcasting has no fused form.
    if (host->op == "Add" && !SameShape(shapes, host->inputs[0], host->inputs[1])) continue;
    const bool residual = host->fusion.residual;
    host->fusion = *activation;
    host->fusion.residual = residual;
    rewriter.Rename(node.outputs[0], node.inputs[0]);
    return true;
  }
  return false;
}

}  // namespace

void FuseEpilogues(GraphIr& graph, const PassOptions& options) {
  const std::vector<TensorState> shapes = ProbeShapes(graph, options);
  {
    Rewriter rewriter(graph);
    rewriter.Sweep([&](Node& node) { FuseResidual(rewriter, node, shapes); });
  }
  RemoveDead(graph);
  Rewriter rewriter(graph);
  rewriter.Sweep([&](Node& node) { FuseActivation(rewriter, node, shapes); });
}

}  // namespace kinglet
