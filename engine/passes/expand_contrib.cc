// Operators that ONNX Runtime's optimisation writes become ONNX's again, where they are several of
// them: the other passes and all kernels then serve them too. Those that are one operator stay.
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/contrib.h"
#include "engine/graph/fusion.h"
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

class Expander {
 public:
  // `opset`: that of ONNX's own domain.
  Expander(GraphIr& graph, int opset) : graph_(graph), opset_(opset) {}

  void Run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) {
      node_ = &node;
      if (node.domain != kContribDomain || !Expand()) graph_.AddNode(std::move(node));
    }
  }

 private:
  using Inputs = std::vector<ValueId>;

  // False where the node stays.
  bool Expand() {
    const std::string& op = node_->op;
    if (op == "BiasAdd") return ExpandBiasAdd();
    if (op == "BiasGelu") return ExpandBiasGelu();
    if (op == "BiasSplitGelu") return ExpandBiasSplitGelu();
    if (op == "FastGelu") return ExpandFastGelu();
    if (op == "FusedConv") return ExpandConv();
    if (op == "FusedGemm") return ExpandGemm();
    if (op == "NhwcMaxPool") return ExpandNhwcMaxPool();
    if (op == "SkipLayerNormalization") return ExpandSkip("LayerNormalization", 4);
    if (op == "SkipSimplifiedLayerNormalization") {
      return ExpandSkip("SimplifiedLayerNormalization", 3);
    }
    return false;
  }

  ValueId NewValue() {
    Value value;
    value.name = node_->name + "/" + std::to_string(graph_.values.size());
    return graph_.AddValue(std::move(value));
  }

  // A node of ONNX's own domain in place of the one being visited; makes `to` where that is given.
  ValueId Add(std::string op, Inputs inputs, Attributes attributes = {}, ValueId to = kNoValue) {
    return AddOf("", opset_, std::move(op), std::move(inputs), std::move(attributes), to);
  }
  ValueId AddOf(std::string domain, int opset, std::string op, Inputs inputs,
                Attributes attributes = {}, ValueId to = kNoValue) {
    Node node;
    node.name = node_->name;
    node.op = std::move(op);
    node.domain = std::move(domain);
    node.opset = opset;
    node.inputs = std::move(inputs);
    node.outputs = {to == kNoValue ? NewValue() : to};
    node.attributes = std::move(attributes);
    const ValueId made = node.outputs[0];
    graph_.AddNode(std::move(node));
    return made;
  }
  ValueId Sum(ValueId a, ValueId b, ValueId to = kNoValue) { return Add("Add", {a, b}, {}, to); }
  ValueId Output(std::size_t i = 0) const {
    return i < node_->outputs.size() ? node_->outputs[i] : kNoValue;
  }

  bool ExpandBiasAdd() {
    Sum(Sum(node_->input(0), node_->input(1)), node_->input(2), Output());
    return true;
  }

  bool ExpandBiasGelu() {
    AddOf(std::string(kContribDomain), kContribOpset, "Gelu",
          {Sum(node_->input(0), node_->input(1))}, {}, Output());
    return true;
  }

  // The first half of the last dimension times Gelu of the second one.
  bool ExpandBiasSplitGelu() {
    const ValueId sum = Sum(node_->input(0), node_->input(1));
    Node split;
    split.name = node_->name;
    split.op = "Split";
    split.opset = opset_;
    split.inputs = {sum};
    split.outputs = {NewValue(), NewValue()};
    split.attributes.Set("axis", std::int64_t{-1});
    if (opset_ >= 18) split.attributes.Set("num_outputs", std::int64_t{2});
    const Inputs halves = split.outputs;
    graph_.AddNode(std::move(split));
    const ValueId gate = AddOf(std::string(kContribDomain), kContribOpset, "Gelu", {halves[1]});
    Add("Mul", {halves[0], gate}, {}, Output());
    return true;
  }

  // What is left of it is without bias.
  bool ExpandFastGelu() {
    if (node_->input(1) == kNoValue) return false;
    AddOf(std::string(kContribDomain), kContribOpset, "FastGelu",
          {Sum(node_->input(0), node_->input(1))}, {}, Output());
    return true;
  }

  [[noreturn]] void Unsupported(const std::string& what) const {
    throw Error(ErrorCode::kUnsupported, graph_.source + ": " + NodeLabel(*node_) + ": " + what);
  }

  ValueId Scalar(float value) {
    return graph_.AddConstant(node_->name + "/" + std::to_string(graph_.values.size()),
                              Tensor::From<float>({}, {value}));
  }

  // alpha * activation(beta * x)
  void ActivateScaled(const std::string& activation, ValueId x,
                      const std::vector<float>& parameters) {
    const float alpha = parameters.empty() ? 1 : parameters[0];
    const float beta = parameters.size() < 2 ? 1 : parameters[1];
    const ValueId activated = Add(activation, {Add("Mul", {x, Scalar(beta)})});
    Add("Mul", {activated, Scalar(alpha)}, {}, Output());
  }

  // activation(x) as the node's output; `parameters` are the activation's own, in their order.
  void Activate(const std::string& activation, ValueId x, const std::vector<float>& parameters) {
    Attributes attributes;
    Inputs inputs{x};
    const auto set = [&](std::initializer_list<const char*> names) {
      std::size_t i = 0;
      for (const char* name : names) {
        if (i < parameters.size()) attributes.Set(name, parameters[i]);
        ++i;
      }
    };
    if (activation == "ScaledTanh" || activation == "ParametricSoftplus") {
      ActivateScaled(activation == "ScaledTanh" ? "Tanh" : "Softplus", x, parameters);
      return;
    }
    if (activation == "Clip" && parameters.size() != 2) {
      Unsupported("Clip with " + std::to_string(parameters.size()) + " parameters");
    }
    if (activation == "Clip" && opset_ >= 11) {
      for (const float bound : parameters) inputs.push_back(Scalar(bound));
    } else if (activation == "Clip") {
      set({"min", "max"});
    } else if (activation == "Selu") {
      set({"alpha", "gamma"});
    } else if (activation == "HardSwish") {
      AddOf(std::string(kKingletDomain), kKingletOpset, activation, std::move(inputs), {},
            Output());
      return;
    } else if (activation == "HardSigmoid") {
      set({"alpha", "beta"});
    } else if (activation == "LeakyRelu" || activation == "ThresholdedRelu" ||
               activation == "Elu") {
      set({"alpha"});
    } else if (activation != "Relu" && activation != "Sigmoid" && activation != "Tanh" &&
               activation != "Softplus" && activation != "Softsign") {
      Unsupported("activation '" + activation + "'");
    }
    Add(activation, std::move(inputs), std::move(attributes), Output());
  }

  // Conv(x, w, b) + z, then the activation.
  bool ExpandConv() {
    Attributes attributes = node_->attributes;
    const std::string activation = attributes.String("activation", "");
    const std::vector<float> parameters = attributes.Floats("activation_params");
    attributes.Erase("activation");
    attributes.Erase("activation_params");
    Inputs inputs = node_->inputs;
    const ValueId z = node_->input(3);
    if (inputs.size() > 3) inputs.resize(3);
    const bool last = z == kNoValue && activation.empty();
    ValueId x = Add("Conv", std::move(inputs), std::move(attributes), last ? Output() : kNoValue);
    if (z != kNoValue) x = Sum(x, z, activation.empty() ? Output() : kNoValue);
    if (!activation.empty()) Activate(activation, x, parameters);
    return true;
  }

  bool ExpandGemm() {
    Attributes attributes = node_->attributes;
    const std::string activation = attributes.String("activation", "");
    std::vector<float> parameters;
    for (const char* name : {"activation_alpha", "activation_beta", "activation_gamma"}) {
      // Of an activation without beta the second parameter is gamma.
      if (attributes.Has(name)) parameters.push_back(attributes.Float(name, 0));
      attributes.Erase(name);
    }
    attributes.Erase("activation");
    const ValueId x =
        Add("Gemm", node_->inputs, std::move(attributes), activation.empty() ? Output() : kNoValue);
    if (!activation.empty()) Activate(activation, x, parameters);
    return true;
  }

  bool ExpandNhwcMaxPool() {
    const auto transposed = [&](ValueId x, std::vector<std::int64_t> order, ValueId to) {
      Attributes attributes;
      attributes.Set("perm", std::move(order));
      return Add("Transpose", {x}, std::move(attributes), to);
    };
    const ValueId x = transposed(node_->input(0), {0, 3, 1, 2}, kNoValue);
    transposed(Add("MaxPool", {x}, node_->attributes), {0, 2, 3, 1}, Output());
    return true;
  }

  // Inputs: x, skip, scale, perhaps the shift, then a bias, which is input `bias`; the last output
  // is the sum that is normalised.
  bool ExpandSkip(const std::string& op, std::size_t bias) {
    const bool simplified = op == "SimplifiedLayerNormalization";
    if (simplified && Output(1) != kNoValue) Unsupported("output 1, a mean that nothing takes");
    const bool has_bias = node_->input(bias) != kNoValue;
    const ValueId wanted = Output(3);
    ValueId sum = Sum(node_->input(0), node_->input(1), has_bias ? kNoValue : wanted);
    if (has_bias) sum = Sum(sum, node_->input(bias), wanted);
    Node norm;
    norm.name = node_->name;
    norm.op = op;
    norm.opset = opset_;
    norm.inputs = {sum, node_->input(2)};
    if (!simplified && node_->input(3) != kNoValue) norm.inputs.push_back(node_->input(3));
    norm.outputs = {Output(0)};
    if (!simplified) norm.outputs.push_back(Output(1));
    norm.outputs.push_back(Output(2));
    while (norm.outputs.size() > 1 && norm.outputs.back() == kNoValue) norm.outputs.pop_back();
    norm.attributes.Set("axis", std::int64_t{-1});
    norm.attributes.Set("epsilon", node_->attributes.Float("epsilon", 1e-12f));
    graph_.AddNode(std::move(norm));
    return true;
  }

  GraphIr& graph_;
  int opset_;
  const Node* node_ = nullptr;  // being visited
};

// In subgraphs too: what is constant in them is folded with the graph around them.
void ExpandAll(GraphIr& graph, int opset) {
  for (const Node& node : graph.nodes) {
    for (const auto& subgraph : SubgraphsOf(node)) ExpandAll(*subgraph, opset);
  }
  Expander(graph, opset).Run();
}

}  // namespace

void ExpandContrib(GraphIr& graph, const PassOptions&) { ExpandAll(graph, OnnxOpset(graph)); }

}  // namespace kinglet
