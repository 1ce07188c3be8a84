// Groups of nodes that exporters write for one operator become that operator: HardSigmoid,
// HardSwish and Swish written out, and ShuffleNet's channel shuffle.
#include <cmath>
#include <cstdint>

#include "engine/graph/fusion.h"
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

bool Near(std::optional<float> value, double wanted) {
  return value.has_value() && std::abs(*value - wanted) <= 1e-6;
}

// An operator of ONNX's own domain must be in all versions of it.
void Become(Node& node, const char* op, std::string_view domain, std::vector<ValueId> inputs) {
  node.op = op;
  node.domain = domain;
  if (!domain.empty()) node.opset = kKingletOpset;
  node.inputs = std::move(inputs);
  node.attributes = {};
}

// The bounds of a Clip with constant bounds, or a Relu6-like attribute form.
bool ClipsTo(const GraphIr& graph, const Node& node, double low, double high) {
  if (node.opset < 11) {
    return Near(node.attributes.Float("min", -INFINITY), low) &&
           Near(node.attributes.Float("max", INFINITY), high);
  }
  return Near(ScalarOf(graph, node.input(1)), low) && Near(ScalarOf(graph, node.input(2)), high);
}

// x when `id` is Clip(x + 3, 0, 6).
std::optional<ValueId> ClippedPlusThree(Rewriter& rewriter, ValueId id) {
  const Node* clip = rewriter.Producer(id, "Clip");
  if (clip == nullptr || !ClipsTo(rewriter.graph(), *clip, 0, 6)) return {};
  const Node* add = rewriter.Producer(clip->inputs[0], "Add");
  if (add == nullptr) return {};
  for (std::size_t k = 0; k < 2; ++k) {
    if (Near(ScalarOf(rewriter.graph(), add->inputs[1 - k]), 3)) return add->inputs[k];
  }
  return {};
}

// x when `id` is the gate clamp(x / 6 + 1 / 2, 0, 1), written out or as an operator.
std::optional<ValueId> HardGate(Rewriter& rewriter, ValueId id) {
  const Node* gate = rewriter.Producer(id, "HardSigmoid");
  if (gate == nullptr) return {};
  const bool sixth = Near(gate->attributes.Float("alpha", 0.2f), 1.0 / 6);
  const bool half = Near(gate->attributes.Float("beta", 0.5f), 0.5);
  return sixth && half ? std::optional(gate->inputs[0]) : std::nullopt;
}

// Clip(x + 3, 0, 6) / 6, or times a sixth, is HardSigmoid; x times Clip(x + 3, 0, 6), over six, is
// HardSwish in another order.
bool RecogniseHardSigmoid(Rewriter& rewriter, Node& node) {
  const bool divides = node.op == "Div";
  for (std::size_t k = 0; k < (divides ? 1U : 2U); ++k) {
    const std::optional<float> factor = ScalarOf(rewriter.graph(), node.inputs[1 - k]);
    if (!Near(factor, divides ? 6.0 : 1.0 / 6)) continue;
    if (const auto x = ClippedPlusThree(rewriter, node.inputs[k])) {
      Become(node, "HardSigmoid", "", {*x});
      node.attributes.Set("alpha", static_cast<float>(1.0 / 6));
      node.attributes.Set("beta", 0.5f);
      return true;
    }
    const Node* product = rewriter.Producer(node.inputs[k], "Mul");
    if (product == nullptr) continue;
    for (std::size_t j = 0; j < 2; ++j) {
      const auto x = ClippedPlusThree(rewriter, product->inputs[j]);
      if (x && *x == product->inputs[1 - j]) {
        Become(node, "HardSwish", kKingletDomain, {*x});
        return true;
      }
    }
  }
  return false;
}

void RecogniseSwish(Rewriter& rewriter, Node& node) {
  for (std::size_t k = 0; k < 2; ++k) {
    const ValueId x = node.inputs[1 - k];
    const auto gated = HardGate(rewriter, node.inputs[k]);
    if (gated && *gated == x) {
      Become(node, "HardSwish", kKingletDomain, {x});
      return;
    }
    const Node* sigmoid = rewriter.Producer(node.inputs[k], "Sigmoid");
    if (sigmoid != nullptr && sigmoid->inputs[0] == x) {
      Become(node, "Swish", kKingletDomain, {x});
      return;
    }
  }
}

std::vector<std::int64_t> ConstantInts(const GraphIr& graph, ValueId id) {
  const Tensor* tensor = graph.ConstantOf(id);
  if (tensor == nullptr || tensor->type() != DataType::kInt64) return {};
  return {tensor->data<std::int64_t>(), tensor->data<std::int64_t>() + tensor->size()};
}

// Reshape to N x G x C/G x H x W, Transpose of axes 1 and 2, Reshape to N x C x H x W.
void RecogniseShuffle(Rewriter& rewriter, Node& node) {
  const GraphIr& graph = rewriter.graph();
  const std::vector<std::int64_t> to = ConstantInts(graph, node.input(1));
  const Node* transpose = rewriter.Producer(node.inputs[0], "Transpose");
  if (to.size() != 4 || to[1] <= 0 || transpose == nullptr) return;
  if (transpose->attributes.Ints("perm") != std::vector<std::int64_t>{0, 2, 1, 3, 4}) return;
  const Node* split = rewriter.Producer(transpose->inputs[0], "Reshape");
  if (split == nullptr) return;
  const std::vector<std::int64_t> groups = ConstantInts(graph, split->input(1));
  if (groups.size() != 5 || groups[1] <= 0 || groups[2] <= 0) return;
  std::int64_t channels = 0;
  if (__builtin_mul_overflow(groups[1], groups[2], &channels) || channels != to[1]) return;
  // The other sizes stay what they were when both shapes say so in the same words.
  const bool same = groups[0] == to[0] && groups[3] == to[2] && groups[4] == to[3];
  const bool fixed = to[0] > 0 || to[0] == 0 || to[0] == -1;
  if (!same || !fixed || node.attributes.Int("allowzero", 0) != 0) return;
  const std::int64_t group = groups[1];
  const ValueId input = split->inputs[0];
  Become(node, "ChannelShuffle", kKingletDomain, {input});
  node.attributes.Set("group", group);
}

}  // namespace

void RecognisePatterns(GraphIr& graph, const PassOptions& options) {
  const std::vector<TensorState> shapes = ProbeShapes(graph, options);
  Rewriter rewriter(graph);
  rewriter.Sweep([&](Node& node) {
    if (!node.domain.empty()) return;
    if ((node.op == "Mul" || node.op == "Div") && RecogniseHardSigmoid(rewriter, node)) return;
    if (node.op == "Mul") RecogniseSwish(rewriter, node);
    if (node.op == "Reshape") {
      // Only where the input has the shape of the output: then nothing but the order changes.
      const Node before = node;
      RecogniseShuffle(rewriter, node);
      if (node.op != before.op && !SameShape(shapes, node.inputs[0], node.outputs[0])) {
        node = before;
      }
    }
  });
}

}  // namespace kinglet
