// float16 and bfloat16 are storage: their constants become float32, every value in between is
// float32, and a Cast stands at each input and output of such a type.
#include <cstdint>

#include "engine/infer/evaluate.h"
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

constexpr std::int64_t kOnnxFloat = 1;
constexpr std::int64_t kOnnxFloat16 = 10;
constexpr std::int64_t kOnnxBFloat16 = 16;
constexpr int kOpset = 13;  // of a Cast that stands in no graph

bool IsHalf(DataType type) { return type == DataType::kFloat16 || type == DataType::kBFloat16; }

Node MakeCast(const std::string& name, std::int64_t to, int opset) {
  Node node;
  node.name = name + "/cast";
  node.op = "Cast";
  node.opset = opset;
  node.attributes.Set("to", to);
  return node;
}

Tensor Widen(const Tensor& tensor, const Limits& limits) {
  Node cast = MakeCast("constant", kOnnxFloat, kOpset);
  cast.inputs = {0};
  cast.outputs = {1};
  const Tensor* input = &tensor;
  return EvaluateNode(cast, {&input, 1}, limits)[0];
}

void WidenAttributes(Node& node, const Limits& limits) {
  if ((node.op == "Cast" || node.op == "CastLike") && node.domain.empty()) {
    const std::int64_t to = node.attributes.Int("to", kOnnxFloat);
    if (to == kOnnxFloat16 || to == kOnnxBFloat16) node.attributes.Set("to", kOnnxFloat);
  }
  std::vector<std::pair<std::string, Tensor>> widened;
  for (const auto& [name, attribute] : node.attributes) {
    const Tensor* tensor = std::get_if<Tensor>(&attribute);
    if (tensor != nullptr && IsHalf(tensor->type())) {
      widened.emplace_back(name, Widen(*tensor, limits));
    }
  }
  for (auto& [name, tensor] : widened) node.attributes.Set(name, std::move(tensor));
}

// A Cast behind each input and before each output of such a type.
void CastBorders(GraphIr& graph) {
  const int opset = OnnxOpset(graph);
  for (const ValueId input : graph.inputs) {
    if (!IsHalf(graph.value(input).type)) continue;
    Value wide = graph.value(input);
    wide.type = DataType::kFloat32;
    wide.name += "/float32";
    const ValueId id = graph.AddValue(std::move(wide));
    for (Node& node : graph.nodes) {
      for (ValueId& read : node.inputs) {
        if (read == input) read = id;
      }
      for (const auto& subgraph : SubgraphsOf(node)) {
        for (Capture& capture : subgraph->captures) {
          if (capture.outer == input) capture.outer = id;
        }
      }
    }
    Node cast = MakeCast(graph.value(input).name, kOnnxFloat, opset);
    cast.inputs = {input};
    cast.outputs = {id};
    graph.AddNode(std::move(cast));
  }
  for (ValueId& output : graph.outputs) {
    const DataType type = graph.value(output).type;
    if (!IsHalf(type)) continue;
    Value narrow = graph.value(output);
    narrow.constant = {};
    narrow.name += "/half";
    const ValueId id = graph.AddValue(std::move(narrow));
    Node cast = MakeCast(graph.value(output).name,
                         type == DataType::kFloat16 ? kOnnxFloat16 : kOnnxBFloat16, opset);
    cast.inputs = {output};
    cast.outputs = {id};
    graph.AddNode(std::move(cast));
    output = id;
  }
}

}  // namespace

void WidenFloat16(GraphIr& graph, const PassOptions& options) {
  const std::size_t count = graph.values.size();
  bool any = false;
  for (std::size_t i = 0; i < count; ++i) {
    Value& value = graph.values[i];
    if (!IsHalf(value.type) && !IsHalf(value.constant.type())) continue;
    any = true;
    if (value.is_constant()) value.constant = Widen(value.constant, options.limits);
  }
  for (Node& node : graph.nodes) WidenAttributes(node, options.limits);
  if (!any) return;

  if (!options.subgraph) CastBorders(graph);
  for (std::size_t i = 0; i < count; ++i) {
    Value& value = graph.values[i];
    const bool is_input = !options.subgraph && value.producer == kNoNode && !value.is_constant();
    if (IsHalf(value.type) && !is_input) value.type = DataType::kFloat32;
  }
  SortNodes(graph);
}

}  // namespace kinglet
