#include "models/quantize/points.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

namespace kinglet {
namespace {

constexpr std::array<std::string_view, 12> kMovers = {
    "AveragePool", "DepthToSpace", "Flatten", "MaxPool", "Pad",       "Reshape",
    "Resize",      "Slice",        "Split",   "Squeeze", "Transpose", "Unsqueeze"};
constexpr std::array<std::string_view, 10> kFunctions = {
    "Clip",      "Elu",  "GlobalAveragePool", "HardSigmoid", "HardSwish",
    "LeakyRelu", "Relu", "ReduceMean",        "Sigmoid",     "Tanh"};
constexpr std::array<std::string_view, 4> kLayers = {"Conv", "ConvTranspose", "Gemm", "MatMul"};

template <std::size_t N>
bool IsOneOf(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Finder {
 public:
  Finder(const GraphIr& graph, const std::vector<TensorState>& states,
         const std::vector<bool>& given_back)
      : graph_(graph),
        states_(states),
        given_back_(given_back),
        readers_(graph.values.size(), 0),
        sets_(graph.values.size()) {
    points_.roles.assign(graph.nodes.size(), Role::kFloat);
    points_.macs.assign(graph.nodes.size(), 0);
    std::iota(sets_.begin(), sets_.end(), 0);
  }

  QuantizationPoints Find() {
    CountReaders();
    MarkWhatLeadsToLayers();
    coded_.assign(graph_.values.size(), false);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) points_.roles[n] = RoleOf(n);
    FindValues();
    NumberRanges();
    return std::move(points_);
  }

 private:
  bool IsFloat(ValueId id) const {
    return id != kNoValue && !graph_.value(id).is_constant() &&
           states_[Index(id)].type == DataType::kFloat32;
  }
  bool IsFloatConstant(ValueId id) const {
    const Tensor* constant = graph_.ConstantOf(id);
    return constant != nullptr && constant->type() == DataType::kFloat32 && constant->size() > 0;
  }

  void CountReaders() {
    for (const Node& node : graph_.nodes) {
      for (const ValueId id : node.inputs) {
        if (id != kNoValue) ++readers_[Index(id)];
      }
      for (const ValueId id : CapturedValues(node)) readers_[Index(id)] += 2;
    }
    for (const ValueId id : graph_.outputs) readers_[Index(id)] += 2;
  }

  bool IsLayer(const Node& node) const {
    if (!node.domain.empty() || !IsOneOf(kLayers, node.op) || !node.fusion.empty()) return false;
    if (!IsFloat(node.input(0)) || !IsFloatConstant(node.input(1))) return false;
    const Shape& weights = graph_.ConstantOf(node.input(1))->shape();
    if (node.input(2) != kNoValue) {
      const Tensor* bias = graph_.ConstantOf(node.input(2));
      if (bias == nullptr || bias->type() != DataType::kFloat32 || bias->shape().size() != 1) {
        return false;
      }
    }
    if (node.op == "MatMul") {  // of matrices: others have no kernels on codes
      return weights.size() == 2 && states_[Index(node.inputs[0])].shape.size() == 2;
    }
    if (node.op == "ConvTranspose" && node.attributes.Int("group", 1) != 1) return false;
    if (node.op == "Gemm") {
      const Attributes& attributes = node.attributes;
      const bool plain = attributes.Int("transA", 0) == 0 && attributes.Float("alpha", 1) == 1 &&
                         (node.input(2) == kNoValue || attributes.Float("beta", 1) == 1);
      if (!plain || weights.size() != 2) return false;
      const std::int64_t columns = weights[attributes.Int("transB", 0) != 0 ? 0 : 1];
      return node.input(2) == kNoValue || graph_.ConstantOf(node.input(2))->size() == columns;
    }
    return weights.size() >= 3;
  }

  void MarkWhatLeadsToLayers() {
    std::vector<bool> needed(graph_.values.size(), false);
    leads_.assign(graph_.nodes.size(), false);
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      const Node& node = graph_.nodes[n];
      for (const ValueId id : node.outputs) {
        if (id != kNoValue && needed[Index(id)]) leads_[n] = true;
      }
      if (!leads_[n] && !IsLayer(node)) continue;
      for (const ValueId id : node.inputs) {
        if (id != kNoValue) needed[Index(id)] = true;
      }
    }
  }

  // The node that makes a value; null for inputs.
  const Node* Producer(ValueId id) const {
    const NodeId producer = graph_.value(id).producer;
    return producer == kNoNode ? nullptr : &graph_.nodes[static_cast<std::size_t>(producer)];
  }

  bool IsBounded(const Node& clip) const {
    for (std::size_t i = 1; i < clip.inputs.size(); ++i) {
      if (clip.inputs[i] != kNoValue && !IsFloatConstant(clip.inputs[i])) return false;
    }
    return true;
  }

  // Whether it is a Relu or Clip that alone reads what a layer or sum makes.
  bool IsClamp(const Node& node) const {
    if (node.op != "Relu" && (node.op != "Clip" || !IsBounded(node))) return false;
    if (readers_[Index(node.input(0))] != 1) return false;
    const NodeId producer = graph_.value(node.input(0)).producer;
    if (producer == kNoNode) return false;
    const Role role = points_.roles[static_cast<std::size_t>(producer)];
    const std::string& op = graph_.nodes[static_cast<std::size_t>(producer)].op;
    return role == Role::kWeighted || (role == Role::kFunction && op == "Add");
  }

  // x of x * Sigmoid(x), which is a function of one value.
  ValueId SwishInput(const Node& mul) const {
    for (std::size_t k = 0; k < 2; ++k) {
      const Node* gate = mul.op == "Mul" ? Producer(mul.inputs[k]) : nullptr;
      if (gate != nullptr && (gate->op == "Sigmoid" || gate->op == "HardSigmoid") &&
          gate->inputs[0] == mul.inputs[1 - k] && readers_[Index(mul.inputs[k])] == 1) {
        return mul.inputs[1 - k];
      }
    }
    return kNoValue;
  }
  // Whether such a product alone reads it.
  bool IsGate(std::size_t n) const {
    const Node& node = graph_.nodes[n];
    if (node.op != "Sigmoid" && node.op != "HardSigmoid") return false;
    return std::any_of(
        graph_.nodes.begin() + static_cast<std::ptrdiff_t>(n), graph_.nodes.end(),
        [&](const Node& mul) {
          return mul.op == "Mul" && mul.inputs.size() == 2 && SwishInput(mul) != kNoValue &&
                 (mul.inputs[0] == node.outputs[0] || mul.inputs[1] == node.outputs[0]);
        });
  }

  Role RoleOf(std::size_t n) {
    const Node& node = graph_.nodes[n];
    const Role role = PossibleRole(n);
    if (HasMacs(node)) points_.macs[n] = MacsOf(node);
    if (role == Role::kFloat || !node.domain.empty() || !IsFloat(node.outputs[0])) {
      return Role::kFloat;
    }
    if (given_back_[n]) return Role::kFloat;
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) coded_[Index(id)] = true;
    }
    return role;
  }

  Role PossibleRole(std::size_t n) const {
    const Node& node = graph_.nodes[n];
    if (IsLayer(node)) return Role::kWeighted;
    if (node.inputs.empty() || !IsFloat(node.input(0))) return Role::kFloat;
    if (IsClamp(node)) return Role::kClamp;
    if (!leads_[n]) return Role::kFloat;
    if (node.op == "Concat") return JoinOf(node);
    const bool coded = coded_[Index(node.inputs[0])];
    if (IsOneOf(kMovers, node.op) && Moves(node)) {
      return coded || Producer(node.inputs[0]) == nullptr ? Role::kMover : Role::kFloat;
    }
    if (node.op == "Add" || node.op == "Mul") {
      const ValueId swish = SwishInput(node);
      if (swish != kNoValue) return coded_[Index(swish)] ? Role::kFunction : Role::kFloat;
      const bool both = IsFloat(node.input(1)) && coded && coded_[Index(node.inputs[1])];
      return both ? Role::kFunction : Role::kFloat;
    }
    const bool function =
        IsOneOf(kFunctions, node.op) && !IsGate(n) && (node.op != "Clip" || IsBounded(node));
    return coded && function ? Role::kFunction : Role::kFloat;
  }

  Role JoinOf(const Node& node) const {
    bool coded = false;
    for (const ValueId id : node.inputs) {
      if (!IsFloat(id)) return Role::kFloat;
      coded = coded || coded_[Index(id)];
    }
    return coded ? Role::kJoin : Role::kFloat;
  }

  // Whether results are elements of the input, zeros or means of some.
  bool Moves(const Node& node) const {
    if (node.op == "Pad") {
      const bool constant = node.attributes.String("mode", "constant") == "constant";
      if (!constant || node.input(2) == kNoValue) return true;
      const Tensor* value = graph_.ConstantOf(node.input(2));
      return value != nullptr && value->type() == DataType::kFloat32 && value->size() == 1 &&
             value->data<float>()[0] == 0;
    }
    if (node.op == "Resize") return node.attributes.String("mode", "nearest") != "cubic";
    return node.op != "MaxPool" || node.outputs.size() == 1;
  }

  // Whether it is a convolution or product by a constant, on codes or not, of known shapes.
  bool HasMacs(const Node& node) const {
    return node.domain.empty() && IsOneOf(kLayers, node.op) &&
           graph_.ConstantOf(node.input(1)) != nullptr &&
           graph_.ConstantOf(node.input(1))->shape().size() >= 2 &&
           !states_[Index(node.inputs[0])].shape.empty() &&
           !states_[Index(node.outputs[0])].shape.empty();
  }

  std::int64_t MacsOf(const Node& node) const {
    const Shape& shape = graph_.ConstantOf(node.input(1))->shape();
    const TensorState& out = states_[Index(node.outputs[0])];
    const TensorState& in = states_[Index(node.inputs[0])];
    const auto count = [](const Shape& sizes) {
      double product = 1;
      for (const std::int64_t size : sizes) product *= static_cast<double>(size);
      return product;
    };
    double macs = 0;
    if (node.op == "ConvTranspose") {
      macs = count(in.shape) * count(shape) / static_cast<double>(shape[0]);
    } else if (node.op == "Conv") {
      macs = count(out.shape) * count(shape) / static_cast<double>(shape[0]);
    } else {
      macs = count(in.shape) / static_cast<double>(std::max<std::int64_t>(in.shape.back(), 1)) *
             count(shape);
    }
    return static_cast<std::int64_t>(std::min(macs, 1e18));
  }

  int SetOf(ValueId id) {
    int set = static_cast<int>(id);
    while (sets_[static_cast<std::size_t>(set)] != set) set = sets_[static_cast<std::size_t>(set)];
    return set;
  }
  void Join(ValueId a, ValueId b) { sets_[static_cast<std::size_t>(SetOf(a))] = SetOf(b); }

  // The data inputs of a node that it reads as codes.
  std::vector<ValueId> CodedInputs(std::size_t n) const {
    const Node& node = graph_.nodes[n];
    switch (points_.roles[n]) {
      case Role::kFloat:
      case Role::kClamp:
        return {};
      case Role::kJoin:
        return node.inputs;
      case Role::kWeighted:
      case Role::kMover:
        return {node.inputs[0]};
      case Role::kFunction:
        break;
    }
    if (node.op != "Add" && node.op != "Mul") return {node.inputs[0]};
    const ValueId swish = SwishInput(node);
    return swish != kNoValue ? std::vector<ValueId>{swish} : node.inputs;
  }

  void FindValues() {
    has_range_.assign(graph_.values.size(), false);
    points_.is_source.assign(graph_.values.size(), true);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      const Role role = points_.roles[n];
      const std::vector<ValueId> inputs = CodedInputs(n);
      for (const ValueId id : inputs) has_range_[Index(id)] = true;
      if (role == Role::kFloat) continue;
      for (const ValueId id : node.outputs) {
        if (id == kNoValue) continue;
        has_range_[Index(id)] = true;
        if (role == Role::kMover) points_.is_source[Index(id)] = false;
        if (role == Role::kMover || role == Role::kJoin) {
          for (const ValueId input : inputs) Join(input, id);
        }
        if (role == Role::kJoin) points_.is_source[Index(id)] = false;
      }
      if (role == Role::kClamp) has_range_[Index(node.inputs[0])] = false;
    }
  }

  void NumberRanges() {
    points_.range_of.assign(graph_.values.size(), kNoRange);
    std::vector<int> number(graph_.values.size(), kNoRange);
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      if (!has_range_[i]) {
        points_.is_source[i] = false;
        continue;
      }
      int& range = number[static_cast<std::size_t>(SetOf(static_cast<ValueId>(i)))];
      if (range == kNoRange) range = points_.ranges++;
      points_.range_of[i] = range;
    }
    points_.is_answer.assign(static_cast<std::size_t>(points_.ranges), false);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (leads_[n] || points_.roles[n] == Role::kFloat) continue;
      for (const ValueId id : graph_.nodes[n].outputs) {
        if (id == kNoValue || points_.range_of[Index(id)] == kNoRange) continue;
        points_.is_answer[static_cast<std::size_t>(points_.range_of[Index(id)])] = true;
      }
    }
  }

  const GraphIr& graph_;
  const std::vector<TensorState>& states_;
  const std::vector<bool>& given_back_;
  std::vector<int> readers_;
  std::vector<int> sets_;    // values that share a range, as trees
  std::vector<bool> leads_;  // by node: to a layer
  std::vector<bool> coded_;  // by value: a node on codes makes it
  std::vector<bool> has_range_;
  QuantizationPoints points_;
};

}  // namespace

QuantizationPoints FindPoints(const GraphIr& graph, const std::vector<TensorState>& states,
                              const std::vector<bool>& given_back) {
  return Finder(graph, states, given_back).Find();
}

int ChannelAxisOf(const Node& layer, const Shape& weights) {
  if (layer.op == "Conv") return 0;
  if (layer.op == "ConvTranspose") {
    return layer.attributes.Int("group", 1) == 1 && weights.size() > 1 ? 1 : -1;
  }
  if (layer.op == "Gemm") return layer.attributes.Int("transB", 0) != 0 ? 0 : 1;
  return 1;
}

}  // namespace kinglet
