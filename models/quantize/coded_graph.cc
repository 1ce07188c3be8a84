#include "models/quantize/coded_graph.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/graph/copy.h"
#include "engine/passes/finish.h"
#include "engine/passes/rewrite.h"
#include "models/quantize/float_graph.h"

namespace kinglet {
namespace {

// Makes it an output, unless it is one. Its place among them.
std::size_t AddOutput(GraphIr& graph, ValueId id) {
  graph.value(id).type = DataType::kFloat32;
  const auto there = std::find(graph.outputs.begin(), graph.outputs.end(), id);
  const auto place = static_cast<std::size_t>(there - graph.outputs.begin());
  if (there == graph.outputs.end()) graph.outputs.push_back(id);
  return place;
}

// Rewrites a copy of a graph: nodes are added one by one.
class Writer {
 public:
  Writer(const GraphIr& graph, const Coding& coding)
      : graph_(CopyGraph(graph)),
        coding_(coding),
        opset_(std::max(OnnxOpset(*graph_), 13)),
        parameters_(static_cast<std::size_t>(coding.points.ranges), {kNoValue, kNoValue}),
        nodes_(std::exchange(graph_->nodes, {})) {}

  std::unique_ptr<GraphIr> WithCodes() {
    std::vector<ValueId> renamed = CodeInputs();
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      Node node = std::move(nodes_[n]);
      if (coding_.layers[n]) CodeWeights(node, *coding_.layers[n]);
      for (ValueId& id : node.inputs) {
        if (Index(id) < renamed.size()) id = renamed[Index(id)];
      }
      std::vector<std::pair<ValueId, ValueId>> coded;  // as it is computed, as all read it
      for (ValueId& id : node.outputs) {
        if (id == kNoValue || RangeOf(id) == kNoRange) continue;
        const ValueId raw = NewValue(graph_->value(id).name + "/float");
        coded.emplace_back(raw, id);
        id = raw;
      }
      graph_->AddNode(std::move(node));
      for (const auto& [raw, id] : coded) Code(raw, RangeOf(id), id);
    }
    return Finish();
  }

  std::unique_ptr<GraphIr> WithErrors(std::vector<LayerError>& errors) {
    std::vector<ValueId> coded(graph_->values.size(), kNoValue);
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      const Node node = nodes_[n];
      graph_->AddNode(std::move(nodes_[n]));
      if (!coding_.layers[n]) continue;
      ValueId& input = coded[Index(node.inputs[0])];
      if (input == kNoValue) {
        const ValueId id = node.inputs[0];
        input = Code(id, RangeOf(id), NewValue(graph_->value(id).name + "/coded"));
      }
      errors.push_back(AddError(node, n, input));
    }
    return Finish();
  }

 private:
  int RangeOf(ValueId id) const {
    return Index(id) < coding_.points.range_of.size() ? coding_.points.range_of[Index(id)]
                                                      : kNoRange;
  }

  ValueId NewValue(std::string name, DataType type = DataType::kFloat32) {
    Value value;
    value.name = std::move(name);
    value.type = type;
    return graph_->AddValue(std::move(value));
  }

  void Add(const std::string& op, const std::string& name, std::vector<ValueId> inputs,
           ValueId output, int axis = -1) {
    Node node;
    node.op = op;
    node.name = name;
    node.opset = opset_;
    node.inputs = std::move(inputs);
    node.outputs = {output};
    if (axis >= 0) node.attributes.Set("axis", std::int64_t{axis});
    graph_->AddNode(std::move(node));
  }

  // Scale and zero point of a range.
  std::pair<ValueId, ValueId> ParametersOf(int range) {
    auto& known = parameters_[static_cast<std::size_t>(range)];
    if (known.first != kNoValue) return known;
    const CodeScale& codes = coding_.codes[static_cast<std::size_t>(range)];
    const std::string name = "range_" + std::to_string(range);
    known.first = graph_->AddConstant(name + "/scale", Tensor::From<float>(Shape{}, {codes.scale}));
    known.second = graph_->AddConstant(name + "/zero_point",
                                       Tensor::From<std::uint8_t>(Shape{}, {codes.zero_point}));
    return known;
  }

  // Rounds a value to codes of a range and makes `result` of them.
  ValueId Code(ValueId value, int range, ValueId result) {
    const auto [scale, zero] = ParametersOf(range);
    const std::string name = graph_->value(value).name;
    const ValueId codes = NewValue(name + "/codes", DataType::kUInt8);
    Add("QuantizeLinear", name + "/quantize", {value, scale, zero}, codes);
    Add("DequantizeLinear", name + "/dequantize", {codes, scale, zero}, result);
    return result;
  }

  // Inputs keep their values: who reads codes of them reads others. By value.
  std::vector<ValueId> CodeInputs() {
    std::vector<ValueId> renamed(graph_->values.size());
    for (std::size_t i = 0; i < renamed.size(); ++i) renamed[i] = static_cast<ValueId>(i);
    for (const ValueId id : graph_->inputs) {
      if (RangeOf(id) == kNoRange) continue;
      renamed[Index(id)] = Code(id, RangeOf(id), NewValue(graph_->value(id).name + "/coded"));
    }
    return renamed;
  }

  // The constant as the result of a DequantizeLinear of zero point 0.
  ValueId Coded(const std::string& name, const Tensor& codes, const Tensor& scales, int axis) {
    const ValueId scale = graph_->AddConstant(name + "/scale", scales);
    const ValueId zero =
        graph_->AddConstant(name + "/zero_point", Tensor(codes.type(), scales.shape()));
    const ValueId id = graph_->AddConstant(name + "/codes", codes);
    const ValueId result = NewValue(name + "/dequantized");
    Add("DequantizeLinear", name + "/dequantize", {id, scale, zero}, result, axis);
    return result;
  }

  void CodeWeights(Node& node, const CodedLayer& layer) {
    const std::string name = graph_->value(node.outputs[0]).name;
    const auto range = static_cast<std::size_t>(RangeOf(node.inputs[0]));
    node.inputs[1] =
        Coded(name + "/weights", layer.weights.codes, layer.weights.scales, layer.weights.axis);
    if (layer.bias.empty()) return;
    const LayerBias bias = QuantizeBias(layer.bias, layer.weights, coding_.codes[range].scale);
    node.inputs.resize(3, kNoValue);
    node.inputs[2] =
        Coded(name + "/bias", bias.codes, bias.scales, layer.weights.axis < 0 ? -1 : 0);
  }

  LayerError AddError(const Node& node, std::size_t n, ValueId input) {
    const CodedLayer& layer = *coding_.layers[n];
    const std::string name = graph_->value(node.outputs[0]).name;
    Node coded = node;
    coded.name += "/coded";
    coded.inputs[0] = input;
    coded.inputs[1] = graph_->AddConstant(name + "/coded_weights", layer.weights.Values());
    const ValueId results = NewValue(name + "/coded_results");
    coded.outputs = {results};
    graph_->AddNode(std::move(coded));
    LayerError error;
    error.node = n;
    error.channels_last = node.op == "Gemm" || node.op == "MatMul";
    const ValueId difference = NewValue(name + "/difference");
    Add("Sub", name + "/subtract", {results, node.outputs[0]}, difference);
    error.results = AddOutput(*graph_, node.outputs[0]);
    error.difference = AddOutput(*graph_, difference);
    return error;
  }

  std::unique_ptr<GraphIr> Finish() {
    FinishGraph(*graph_, OutputsOf(*graph_));
    CheckGraph(*graph_);
    return std::move(graph_);
  }

  std::unique_ptr<GraphIr> graph_;
  const Coding& coding_;
  int opset_;
  std::vector<std::pair<ValueId, ValueId>> parameters_;
  std::vector<Node> nodes_;
};

}  // namespace

std::unique_ptr<GraphIr> WithCodes(const GraphIr& graph, const Coding& coding) {
  return Writer(graph, coding).WithCodes();
}

std::unique_ptr<GraphIr> WithErrors(const GraphIr& graph, const Coding& coding,
                                    std::vector<LayerError>& errors) {
  return Writer(graph, coding).WithErrors(errors);
}

std::unique_ptr<GraphIr> WithOutputs(const GraphIr& graph, const std::vector<ValueId>& ids) {
  std::unique_ptr<GraphIr> copy = CopyGraph(graph);
  for (const ValueId id : ids) AddOutput(*copy, id);
  return copy;
}

}  // namespace kinglet
