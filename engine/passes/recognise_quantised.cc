// DequantizeLinear -> operator -> QuantizeLinear becomes an operator on the codes.
//
//   Conv, Gemm, MatMul                      QLinearConv, QLinearMatMul
//   ConvTranspose                           QLinearConv, DepthToSpace, Slice
//   linear Resize                           kinglet.QLinearResize
//   Add, Mul, average pools, means          com.microsoft's QLinear operators
//   Concat                                  itself, on codes that tables bring to one scale
//   operators that move values              themselves, on codes (Reshape, Transpose, MaxPool, ...)
//   functions of one value                  kinglet.CodeTable: the codes of all 256 values
//
// A rectifier or clip between a convolution and its QuantizeLinear is a clamp of the codes.
// Whatever does not fit into this (parameters that are no constants, other types than 8 bits,
// operators that are not named here) stays as it is written, and runs in float32 between codes.
// Codes of int8 become codes of uint8 where nobody else sees them, 128 more and with a zero point
// 128 higher: kernels read uint8.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph/contrib.h"
#include "engine/graph/fusion.h"
#include "engine/passes/code_concat.h"
#include "engine/passes/code_functions.h"
#include "engine/passes/code_graph.h"
#include "engine/passes/code_images.h"
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

// Output elements are copies of elements of input 0, or the largest of some.
constexpr std::array<std::string_view, 16> kMovers = {
    "DepthToSpace", "Expand",    "Flatten",      "Gather",  "MaxPool", "Pad",
    "Reshape",      "Resize",    "SpaceToDepth", "Slice",   "Split",   "Squeeze",
    "Tile",         "Transpose", "Unsqueeze",    "Upsample"};

bool IsMover(std::string_view op) {
  return std::find(kMovers.begin(), kMovers.end(), op) != kMovers.end();
}

class Recogniser : private CodeGraph {
 public:
  Recogniser(GraphIr& graph, const PassOptions& options)
      : CodeGraph(graph, options), functions_(*this, options.limits) {}

  void Run() {
    for (const Node& node : nodes()) {
      if (!Visit(node)) graph().AddNode(node);
    }
  }

 private:
  using Inputs = std::vector<ValueId>;

  // Whether it has been replaced.
  bool Visit(const Node& node) {
    if (node.op == "DequantizeLinear") {
      RememberCodes(node);
      return false;
    }
    if (node.op == "QuantizeLinear") return node.domain.empty() && VisitQuantize(node);
    if (IsConcatOfCodes(node)) return ExpandConcat(*this, node);
    if (Move(node)) return true;
    functions_.Remember(node);
    return false;
  }

  void RememberCodes(const Node& node) {
    if (node.inputs.empty() || node.outputs.empty()) return;
    if (auto codes = CodesOf(graph(), node, node.inputs[0], TypeOf(node.inputs[0]))) {
      Remember(node.outputs[0], *codes);
    }
  }

  // ---- Operators that move values.

  // The node on codes, and its results dequantised for who reads values. The zero padding of a Pad
  // is the code of its value.
  bool Move(const Node& node) {
    if (!node.domain.empty() || !IsMover(node.op) || node.inputs.empty()) return false;
    const Codes* found = CodesBehind(node.inputs[0]);
    if (found == nullptr || IsConstant(*found)) return false;
    const Codes codes = *found;
    if (!OnlyMoves(node)) return false;
    Node moved = node;
    moved.inputs[0] = codes.codes;
    if (node.op == "Pad" && !FormPad(node, codes, moved)) return false;
    for (ValueId& output : moved.outputs) {
      if (output == kNoValue) continue;
      const Value value = graph().value(output);
      output = NewValue(value.name, codes.type);
      graph().value(output).has_shape = value.has_shape;
      graph().value(output).dims = value.dims;
      graph().value(output).symbols = value.symbols;
    }
    const Inputs outputs = moved.outputs;
    graph().AddNode(std::move(moved));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i] == kNoValue) continue;
      Codes result = codes;
      result.codes = outputs[i];
      Remember(node.outputs[i], result);
      Node& values = Emit(node, "DequantizeLinear", "", {outputs[i], codes.scale, codes.zero},
                          node.outputs[i]);
      values.opset = OnnxOpset(graph());
    }
    return true;
  }

  static bool OnlyMoves(const Node& node) {
    if (node.op == "MaxPool") {
      const bool indices = node.outputs.size() > 1 && node.outputs[1] != kNoValue;
      return !indices && node.opset >= 8;
    }
    if (node.op == "Resize" || node.op == "Upsample") {
      return node.attributes.String("mode", "nearest") == "nearest";
    }
    return true;
  }

  bool FormPad(const Node& node, const Codes& codes, Node& moved) {
    if (node.opset < 11) return false;
    if (node.attributes.String("mode", "constant") != "constant") return true;
    float value = 0;
    if (node.input(2) != kNoValue) {
      const auto given = ScalarOf(graph(), node.input(2));
      if (!given) return false;
      value = *given;
    }
    const bool is_signed = codes.type == DataType::kInt8;
    const float code = std::nearbyint(value / codes.step) + static_cast<float>(codes.zero_point);
    if (!(code >= (is_signed ? -128.0f : 0.0f) && code <= (is_signed ? 127.0f : 255.0f))) {
      return false;
    }
    const auto bits = static_cast<std::uint8_t>(static_cast<std::int32_t>(code));
    Tensor constant(codes.type, {});
    std::memcpy(constant.raw(), &bits, 1);
    moved.inputs.resize(std::max<std::size_t>(moved.inputs.size(), 3), kNoValue);
    moved.inputs[2] = Constant(node.name + "/value", std::move(constant));
    return true;
  }

  // ---- Operators behind which values are quantised.

  bool VisitQuantize(const Node& node) {
    const ValueId x = node.input(0);
    const auto to = CodesOf(graph(), node, node.outputs[0], DataType::kUndefined).value_or(Codes{});
    if (to.codes == kNoValue) {
      // Without a zero point it is uint8, unless it says otherwise.
      if (node.input(2) != kNoValue || node.attributes.Has("output_dtype")) return false;
      const auto plain = CodesOf(graph(), node, node.outputs[0], DataType::kUInt8);
      return plain && Quantise(node, x, *plain);
    }
    return Quantise(node, x, to);
  }

  bool Quantise(const Node& node, ValueId x, const Codes& to) {
    if (const Codes* from = CodesBehind(x)) {
      if (IsConstant(*from)) return false;  // is folded
      if (from->SameAs(to)) {
        Emit(node, "Identity", "", {from->codes}, node.outputs[0]);
        return true;
      }
    }
    if (functions_.EmitTable(node)) return true;
    if (!IsOnlyQuantised(x)) return false;
    Fusion clamp;
    const Node* op = Behind(x, clamp);
    if (op == nullptr) return false;
    if (op->op == "Conv") return QuantiseConv(*op, node, to, clamp);
    if (op->op == "ConvTranspose") return QuantiseTransposed(*op, node, to, clamp);
    if (op->op == "Gemm") return QuantiseGemm(*op, node, to, clamp);
    if (op->op == "MatMul" || IsBiased(*op)) return QuantiseMatMul(*op, node, to, clamp);
    if (!IsNothing(clamp, to)) return false;
    if (op->op == "Add" || op->op == "Mul") return QuantiseBinary(*op, node, to);
    if (op->op == "Concat") return QuantiseConcat(*op, node, to);
    if (op->op == "Resize") {
      const Codes* from = CodesBehind(op->input(0));
      return from != nullptr && !IsConstant(*from) &&
             EmitResize(*this, *op, Codes(*from), to, node.outputs[0]);
    }
    if (op->op == "AveragePool") return QuantisePool(*op, node, to, "QLinearAveragePool");
    if (op->op == "GlobalAveragePool") {
      return QuantisePool(*op, node, to, "QLinearGlobalAveragePool");
    }
    if (op->op == "ReduceMean") return QuantiseMean(*op, node, to);
    return false;
  }

  // The node that makes x, or what a rectifier or clip with constant bounds makes it of.
  const Node* Behind(ValueId x, Fusion& clamp) const {
    const Node* last = Maker(x);
    if (last == nullptr) return nullptr;
    if (last->op == "Relu") {
      clamp.activation = Activation::kRelu;
    } else if (last->op == "Clip") {
      if (!ClipOf(*last, clamp)) return nullptr;
    } else {
      return last;
    }
    return ReadersOf(last->inputs[0]) == 1 ? Maker(last->inputs[0]) : nullptr;
  }

  bool ClipOf(const Node& node, Fusion& clamp) const {
    float low = -std::numeric_limits<float>::infinity();
    float high = std::numeric_limits<float>::infinity();
    if (node.opset < 11) {
      low = node.attributes.Float("min", low);
      high = node.attributes.Float("max", high);
    } else {
      for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
        if (node.input(i) == kNoValue) continue;
        const auto bound = ScalarOf(graph(), node.input(i));
        if (!bound) return false;
        (i == 1 ? low : high) = *bound;
      }
    }
    clamp.activation = Activation::kClip;
    clamp.alpha = low;
    clamp.beta = high;
    return IsUsable(clamp);
  }

  // Whether the range of the codes does what the clamp does.
  static bool IsNothing(const Fusion& clamp, const Codes& to) {
    if (clamp.empty()) return true;
    const bool relu = clamp.activation == Activation::kRelu;
    const float low = relu ? 0.0f : clamp.alpha;
    const float high = relu ? std::numeric_limits<float>::infinity() : clamp.beta;
    const bool is_signed = to.type == DataType::kInt8;
    const auto value = [&](std::int32_t code) {
      return static_cast<float>(code - to.zero_point) * to.step;
    };
    return low <= value(is_signed ? -128 : 0) && high >= value(is_signed ? 127 : 255);
  }

  std::optional<CodedWeights> WeightsBehind(ValueId id, std::int64_t axis) {
    const Node* maker = Maker(id, "DequantizeLinear");
    if (maker == nullptr) return {};
    return CodedWeightsOf(graph(), *maker, axis);
  }

  bool FitsProduct(const Codes& x, const CodedWeights& w, const Codes& to) const {
    for (std::int64_t i = 0; i < w.scales.size(); ++i) {
      if (!IsUsableScale(x.step * w.ScaleOf(i) / to.step)) return false;
    }
    return true;
  }

  // The bias in integers: kNoValue where there is none; none where it does not fit.
  std::optional<ValueId> BiasOf(ValueId bias, const Codes& x, const CodedWeights& w,
                                std::int64_t count) {
    if (bias == kNoValue) return kNoValue;
    return IntegerBias(graph(), bias, Maker(bias, "DequantizeLinear"), x.step, w, count);
  }

  bool QuantiseConv(const Node& conv, const Node& quantize, const Codes& to, const Fusion& clamp) {
    const Codes* found = CodesBehind(conv.input(0));
    const auto w = WeightsBehind(conv.input(1), 0);
    if (found == nullptr || !w || !conv.fusion.empty() || !FitsProduct(*found, *w, to)) {
      return false;
    }
    const Codes x = *found;
    const auto bias = BiasOf(conv.input(2), x, *w, graph().value(w->codes).constant.shape()[0]);
    if (!bias) return false;
    EmitConv(conv, x, *w, to, *bias, clamp, quantize.outputs[0]).attributes = conv.attributes;
    return true;
  }

  // Of uint8: DepthToSpace and Slice have blocks of those.
  bool QuantiseTransposed(const Node& node, const Node& quantize, const Codes& to,
                          const Fusion& clamp) {
    const Codes* found = CodesBehind(node.input(0));
    const auto w = WeightsBehind(node.input(1), 1);
    if (found == nullptr || IsConstant(*found) || !w || !node.fusion.empty() ||
        !FitsProduct(*found, *w, to)) {
      return false;
    }
    const Codes x = *found;
    const Shape shape = graph().value(w->codes).constant.shape();
    if (shape.size() != 4) return false;
    const auto bias = BiasOf(node.input(2), x, *w, shape[1]);
    if (!bias) return false;
    const auto conv = AsConv(*this, node, *w, *bias);
    if (!conv) return false;
    const bool alone = conv->stride == 1 && conv->begin[0] + conv->begin[1] == 0 &&
                       conv->end[0] + conv->end[1] == 0;
    const ValueId made = alone ? quantize.outputs[0] : NewValue(node.name + "/phases", to.type);
    Node& emitted = EmitConv(node, x, conv->weights, to, conv->bias, clamp, made);
    emitted.opset = OnnxOpset(graph());
    emitted.attributes.Set("pads", std::vector<std::int64_t>(conv->pads, conv->pads + 4));
    EmitUnfolding(*this, node, *conv, made, to.type, quantize.outputs[0]);
    return true;
  }

  Node& EmitConv(const Node& from, const Codes& x, const CodedWeights& w, const Codes& to,
                 ValueId bias, const Fusion& clamp, ValueId output) {
    Inputs inputs{x.codes, x.scale, x.zero, w.codes, w.scale, w.zero, to.scale, to.zero};
    if (bias != kNoValue) inputs.push_back(bias);
    Node& node = Emit(from, "QLinearConv", "", std::move(inputs), output);
    node.opset = std::max(node.opset, 10);
    if (!IsNothing(clamp, to)) node.fusion = clamp;
    return node;
  }

  // A dense layer of matrices {N, K} is a convolution of maps of one pixel.
  bool QuantiseGemm(const Node& gemm, const Node& quantize, const Codes& to, const Fusion& clamp) {
    const bool plain = gemm.attributes.Float("alpha", 1) == 1 &&
                       gemm.attributes.Float("beta", 1) == 1 &&
                       gemm.attributes.Int("transA", 0) == 0;
    const bool transposed = gemm.attributes.Int("transB", 0) != 0;
    if (!plain || !gemm.fusion.empty()) return false;
    return QuantiseDense(gemm, quantize, to, clamp, gemm.input(0), gemm.input(1), transposed,
                         gemm.input(2));
  }

  bool QuantiseDense(const Node& node, const Node& quantize, const Codes& to, const Fusion& clamp,
                     ValueId a, ValueId b, bool transposed, ValueId c) {
    const Codes* found = CodesBehind(a);
    if (found == nullptr || IsConstant(*found)) return false;
    auto w = WeightsBehind(b, transposed ? 0 : 1);
    if (!w || !FitsProduct(*found, *w, to)) return false;
    const Codes x = *found;
    const Tensor weights = graph().value(w->codes).constant;
    if (weights.shape().size() != 2 || weights.size() == 0) return false;
    const std::int64_t outputs = weights.shape()[transposed ? 0 : 1];
    const std::int64_t depth = weights.shape()[transposed ? 1 : 0];
    const auto bias = BiasOf(c, x, *w, outputs);
    if (!bias) return false;
    Tensor filters = weights.Reshaped({outputs, depth, 1, 1});
    if (!transposed) {
      filters = Tensor(weights.type(), {outputs, depth, 1, 1});
      const auto* from = static_cast<const std::uint8_t*>(weights.raw());
      auto* to_bytes = static_cast<std::uint8_t*>(filters.raw());
      for (std::int64_t k = 0; k < depth; ++k) {
        for (std::int64_t o = 0; o < outputs; ++o) to_bytes[o * depth + k] = from[k * outputs + o];
      }
    }
    w->codes = Constant(node.name + "/filters", std::move(filters));
    Codes maps = x;
    maps.codes = NewValue(node.name + "/maps", x.type);
    const ValueId made = NewValue(node.name + "/made", to.type);
    EmitReshape(node, x.codes, {0, -1, 1, 1}, maps.codes);
    EmitConv(node, maps, *w, to, *bias, clamp, made).opset = OnnxOpset(graph());
    EmitReshape(node, made, {0, -1}, quantize.outputs[0]);
    return true;
  }

  void EmitReshape(const Node& from, ValueId x, const std::vector<std::int64_t>& shape,
                   ValueId output) {
    const ValueId sizes =
        Constant(from.name + "/shape",
                 Tensor::From<std::int64_t>({static_cast<std::int64_t>(shape.size())}, shape));
    Emit(from, "Reshape", "", {x, sizes}, output).opset = OnnxOpset(graph());
  }

  // Add(MatMul(a, b), bias).
  bool IsBiased(const Node& node) const { return node.op == "Add" && MatMulOf(node) != nullptr; }
  const Node* MatMulOf(const Node& add) const {
    for (const ValueId id : add.inputs) {
      const Node* product = Maker(id, "MatMul");
      if (product != nullptr && ReadersOf(id) == 1) return product;
    }
    return nullptr;
  }

  bool QuantiseMatMul(const Node& node, const Node& quantize, const Codes& to,
                      const Fusion& clamp) {
    const Node& product = node.op == "MatMul" ? node : *MatMulOf(node);
    ValueId bias = kNoValue;
    if (&product != &node) {
      bias = node.inputs[node.inputs[0] == product.outputs[0] ? 1 : 0];
    }
    if (!product.fusion.empty()) return false;
    if (RankOf(product.input(0)) == 2 && RankOf(product.input(1)) == 2 &&
        QuantiseDense(product, quantize, to, clamp, product.input(0), product.input(1), false,
                      bias)) {
      return true;
    }
    const Codes* a = CodesBehind(product.input(0));
    const Codes* b = CodesBehind(product.input(1));
    if (bias != kNoValue || a == nullptr || b == nullptr || !IsNothing(clamp, to)) return false;
    if (!IsUsableScale(a->step * b->step / to.step)) return false;
    Emit(product, "QLinearMatMul", "",
         {a->codes, a->scale, a->zero, b->codes, b->scale, b->zero, to.scale, to.zero},
         quantize.outputs[0]);
    return true;
  }

  bool QuantiseBinary(const Node& node, const Node& quantize, const Codes& to) {
    const Codes* left = CodesBehind(node.input(0));
    const Codes* right = CodesBehind(node.input(1));
    if (left == nullptr || right == nullptr || !node.fusion.empty()) return false;
    const Codes a = As(to.type, *left);
    const Codes b = As(to.type, *right);
    if (a.type != to.type || b.type != to.type) return false;
    const bool adds = node.op == "Add";
    const bool fits = adds ? IsUsableScale(a.step / to.step) && IsUsableScale(b.step / to.step)
                           : IsUsableScale(a.step * b.step / to.step);
    if (!fits) return false;
    Emit(node, adds ? "QLinearAdd" : "QLinearMul", kContribDomain,
         {a.codes, a.scale, a.zero, b.codes, b.scale, b.zero, to.scale, to.zero},
         quantize.outputs[0]);
    return true;
  }

  bool QuantiseConcat(const Node& node, const Node& quantize, const Codes& to) {
    std::vector<Codes> parts;
    for (const ValueId id : node.inputs) {
      const Codes* found = CodesBehind(id);
      if (found == nullptr) return false;
      parts.push_back(As(to.type, *found));
      if (parts.back().type != to.type) return false;
    }
    EmitConcat(*this, node, parts, to, quantize.outputs[0]);
    return true;
  }

  bool QuantisePool(const Node& node, const Node& quantize, const Codes& to, const char* op) {
    const Codes* x = CodesBehind(node.input(0));
    if (x == nullptr || x->type != to.type || !IsUsableScale(x->step / to.step)) return false;
    for (const std::int64_t dilation : node.attributes.Ints("dilations")) {
      if (dilation != 1) return false;
    }
    Attributes attributes = node.attributes;
    attributes.Erase("dilations");
    Emit(node, op, kContribDomain, {x->codes, x->scale, x->zero, to.scale, to.zero},
         quantize.outputs[0])
        .attributes = std::move(attributes);
    return true;
  }

  // The mean of all pixels of {N, C, H, W}.
  bool QuantiseMean(const Node& node, const Node& quantize, const Codes& to) {
    const Codes* found = CodesBehind(node.input(0));
    if (found == nullptr || found->type != to.type || RankOf(node.input(0)) != 4 ||
        !IsUsableScale(found->step / to.step)) {
      return false;
    }
    const Codes x = *found;
    std::vector<std::int64_t> axes = node.attributes.Ints("axes");
    if (node.input(1) != kNoValue) {
      const Tensor* given = graph().ConstantOf(node.input(1));
      if (given == nullptr || given->type() != DataType::kInt64) return false;
      axes.assign(given->data<std::int64_t>(), given->data<std::int64_t>() + given->size());
    }
    for (std::int64_t& axis : axes) axis += axis < 0 ? 4 : 0;
    std::sort(axes.begin(), axes.end());
    if (axes != std::vector<std::int64_t>{2, 3}) return false;
    const bool keeps = node.attributes.Int("keepdims", 1) != 0;
    const ValueId made = keeps ? quantize.outputs[0] : NewValue(node.name + "/mean", to.type);
    Emit(node, "QLinearGlobalAveragePool", kContribDomain,
         {x.codes, x.scale, x.zero, to.scale, to.zero}, made);
    if (!keeps) EmitReshape(node, made, {0, -1}, quantize.outputs[0]);
    return true;
  }

  CodeFunctions functions_;
};

bool IsQuantised(const Node& node) {
  return (node.domain.empty() && node.op == "DequantizeLinear") || IsConcatOfCodes(node);
}

// Of several nodes that one node became, the first keeps its name, the others have their outputs'.
void NameApart(GraphIr& graph) {
  std::set<std::string> taken;
  for (Node& node : graph.nodes) {
    if (!taken.insert(node.name).second && !node.outputs.empty() && node.outputs[0] != kNoValue) {
      node.name = graph.value(node.outputs[0]).name;
    }
  }
}

}  // namespace

void RemoveIdentities(GraphIr& graph, const PassOptions& options);

void RecogniseQuantised(GraphIr& graph, const PassOptions& options) {
  if (options.precision == Precision::kFloat32) return;
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), IsQuantised)) return;
  Recogniser(graph, options).Run();
  RemoveIdentities(graph, options);  // codes that are quantised as they were
  NameApart(graph);
}

}  // namespace kinglet
