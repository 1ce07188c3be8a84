// A scale and a shift per channel behind (or before) a convolution become its weights and bias:
// BatchNormalization in inference, and Mul, Div, Add, Sub with constants of one value per channel.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>

#include "engine/passes/affine.h"
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

// Weights and bias of a convolution that may be rewritten; nothing when they are no constants.
struct ConvParts {
  Tensor weights;
  std::vector<double> bias;  // one for each output channel
};

// Output channels; of a transposed convolution, whose weights are {IC, OC / groups, K...}, 0 where
// these do not fit its groups.
std::int64_t OutputChannels(const Node& conv, const Shape& weights) {
  if (conv.op != "ConvTranspose") return weights[0];
  const std::int64_t groups = conv.attributes.Int("group", 1);
  std::int64_t channels = 0;
  const bool fits = groups >= 1 && weights[0] % groups == 0 &&
                    !__builtin_mul_overflow(weights[1], groups, &channels);
  return fits ? channels : 0;
}

// A graph, and the constants that this pass has added to it: nobody else has their memory and no
// other node reads them, so they are rewritten in place and a chain of foldings takes no more
// memory than one.
struct Folding {
  GraphIr& graph;
  std::set<ValueId> ours{};
};

std::optional<ConvParts> PartsOf(const Folding& folding, const Node& conv) {
  const GraphIr& graph = folding.graph;
  const Tensor* weights = graph.ConstantOf(conv.input(1));
  if (weights == nullptr || weights->type() != DataType::kFloat32 || weights->shape().size() < 3 ||
      !conv.fusion.empty()) {
    return {};
  }
  const bool ours = folding.ours.count(conv.input(1)) > 0;
  ConvParts parts{ours ? *weights : weights->Clone(), {}};
  const std::int64_t channels = OutputChannels(conv, weights->shape());
  if (channels < 1 || channels > (std::int64_t{1} << 24)) return {};
  parts.bias.assign(static_cast<std::size_t>(channels), 0.0);
  if (conv.input(2) == kNoValue) return parts;
  const Tensor* bias = graph.ConstantOf(conv.input(2));
  if (bias == nullptr || bias->type() != DataType::kFloat32 || bias->size() != channels) return {};
  parts.bias.assign(bias->data<float>(), bias->data<float>() + bias->size());
  return parts;
}

void Store(Folding& folding, Node& conv, ConvParts parts) {
  GraphIr& graph = folding.graph;
  const std::string name = graph.value(conv.outputs[0]).name;
  std::vector<float> bias(parts.bias.begin(), parts.bias.end());
  conv.inputs.resize(3, kNoValue);
  if (folding.ours.count(conv.inputs[1]) == 0) {
    conv.inputs[1] = graph.AddConstant(name + "/folded_weights", std::move(parts.weights));
    folding.ours.insert(conv.inputs[1]);
  }
  conv.inputs[2] = graph.AddConstant(
      name + "/bias", Tensor::From<float>({static_cast<std::int64_t>(bias.size())}, bias));
}

// Multiplies the weights of each output channel by its scale. They are runs: a filter, or the part
// of one input channel.
void ScaleOutputs(const Node& conv, const std::vector<double>& scale, Tensor& tensor) {
  const Shape& shape = tensor.shape();
  const bool transposed = conv.op == "ConvTranspose";
  const std::int64_t runs = transposed ? shape[0] * shape[1] : shape[0];
  const std::int64_t length = runs > 0 ? tensor.size() / runs : 0;
  const std::int64_t per_group = transposed ? shape[0] / conv.attributes.Int("group", 1) : 0;
  auto* weights = tensor.data<float>();
  for (std::int64_t run = 0; run < runs; ++run) {
    const std::int64_t channel =
        transposed ? run / shape[1] / per_group * shape[1] + run % shape[1] : run;
    const double factor = scale[static_cast<std::size_t>(channel)];
    for (float* w = weights + run * length; w < weights + (run + 1) * length; ++w) {
      *w = static_cast<float>(*w * factor);
    }
  }
}

// conv, then affine.
bool FoldBehind(Folding& folding, Node& conv, const Node& node, std::size_t data) {
  std::optional<ConvParts> parts = PartsOf(folding, conv);
  if (!parts) return false;
  const Shape& shape = parts->weights.shape();
  const auto channels = static_cast<std::int64_t>(parts->bias.size());
  const auto affine = AffineOf(folding.graph, node, data, {shape.size(), 1, channels});
  if (!affine || affine->scale.size() != parts->bias.size()) return false;
  ScaleOutputs(conv, affine->scale, parts->weights);
  for (std::size_t c = 0; c < affine->scale.size(); ++c) {
    parts->bias[c] = parts->bias[c] * affine->scale[c] + affine->shift[c];
  }
  Store(folding, conv, std::move(*parts));
  return true;
}

bool HasPadding(const Node& conv) {
  const std::string auto_pad = conv.attributes.String("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" && auto_pad != "VALID") return true;
  for (const std::int64_t pad : conv.attributes.Ints("pads")) {
    if (pad != 0) return true;
  }
  return false;
}

// affine, then conv: exact only where no window reads padding, which the shift would not reach.
bool FoldBefore(Folding& folding, Node& conv, const Node& node, std::size_t data) {
  std::optional<ConvParts> parts = PartsOf(folding, conv);
  const std::int64_t groups = conv.attributes.Int("group", 1);
  if (!parts || groups < 1) return false;
  const Shape& shape = parts->weights.shape();  // OC, IC / groups, K...
  if (shape[0] % groups != 0 || parts->weights.size() == 0) return false;
  std::int64_t channels = 0;
  if (__builtin_mul_overflow(shape[1], groups, &channels) || channels > (1 << 24)) return false;
  const auto affine = AffineOf(folding.graph, node, data, {shape.size(), 1, channels});
  if (!affine || affine->scale.size() != static_cast<std::size_t>(channels)) return false;
  bool shifts = false;
  for (const double shift : affine->shift) shifts = shifts || shift != 0;
  if (shifts && HasPadding(conv)) return false;
  const std::int64_t taps = parts->weights.size() / shape[0] / shape[1];
  auto* weights = parts->weights.data<float>();
  for (std::int64_t oc = 0; oc < shape[0]; ++oc) {
    const std::int64_t first = oc / (shape[0] / groups) * shape[1];
    for (std::int64_t ic = 0; ic < shape[1]; ++ic) {
      const auto c = static_cast<std::size_t>(first + ic);
      for (std::int64_t k = 0; k < taps; ++k) {
        float& w = weights[(oc * shape[1] + ic) * taps + k];
        parts->bias[static_cast<std::size_t>(oc)] += w * affine->shift[c];
        w = static_cast<float>(w * affine->scale[c]);
      }
    }
  }
  Store(folding, conv, std::move(*parts));
  return true;
}

bool MayBeAffine(const Node& node) {
  return std::find(std::begin(kAffineOps), std::end(kAffineOps), node.op) != std::end(kAffineOps);
}

// Folds what makes the input of `conv`; false where that is no affine node, or none that folds.
bool FoldNearest(Folding& folding, Rewriter& rewriter, Node& conv,
                 const std::vector<TensorState>& shapes) {
  GraphIr& graph = folding.graph;
  for (const char* op : kAffineOps) {
    const Node* node = rewriter.SoleProducer(conv.inputs[0], op);
    if (node == nullptr) continue;
    for (std::size_t data = 0; data < std::min<std::size_t>(node->inputs.size(), 2); ++data) {
      const ValueId input = node->inputs[data];
      // A constant may be what gives the sum its channels.
      if (input == kNoValue || !SameShape(shapes, input, node->outputs[0])) continue;
      if (graph.ConstantOf(input) == nullptr && FoldBefore(folding, conv, *node, data)) {
        conv.inputs[0] = input;
        return true;
      }
    }
  }
  return false;
}

}  // namespace

void FoldAffine(GraphIr& graph, const PassOptions& options) {
  Folding folding{graph};
  {
    Rewriter rewriter(graph);
    rewriter.Sweep([&](Node& node) {
      if (!MayBeAffine(node)) return;
      for (std::size_t data = 0; data < std::min<std::size_t>(node.inputs.size(), 2); ++data) {
        Node* conv = rewriter.SoleProducer(node.inputs[data], "Conv");
        if (conv == nullptr) conv = rewriter.SoleProducer(node.inputs[data], "ConvTranspose");
        if (conv != nullptr && FoldBehind(folding, *conv, node, data)) {
          rewriter.Rename(node.outputs[0], node.inputs[data]);
          return;
        }
      }
    });
  }
  RemoveDead(graph);
  // What is left stands before a convolution, or behind something else.
  const std::vector<TensorState> shapes = ProbeShapes(graph, options);
  Rewriter rewriter(graph);
  rewriter.Sweep([&](Node& conv) {
    if (conv.op != "Conv" || !conv.domain.empty()) return;
    while (FoldNearest(folding, rewriter, conv, shapes)) {
    }
  });
}

}  // namespace kinglet
