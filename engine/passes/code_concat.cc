#include "engine/passes/code_concat.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "engine/graph/contrib.h"
#include "engine/graph/fusion.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

// The codes like `to` of all 256 codes like `from`, by their bits, as QuantizeLinear makes them of
// the values of DequantizeLinear.
Tensor TableOf(const Codes& from, const Codes& to) {
  const bool is_signed = to.type == DataType::kInt8;
  const float low = is_signed ? -128.0f : 0.0f;
  const float high = is_signed ? 127.0f : 255.0f;
  Tensor table(to.type, {256});
  for (std::int32_t bits = 0; bits < 256; ++bits) {
    const std::int32_t code = is_signed && bits > 127 ? bits - 256 : bits;
    const float value = static_cast<float>(code - from.zero_point) * from.step;
    const float steps = std::nearbyint(value / to.step) + static_cast<float>(to.zero_point);
    const auto nearest = static_cast<std::int32_t>(std::max(low, std::min(high, steps)));
    static_cast<std::uint8_t*>(table.raw())[bits] = static_cast<std::uint8_t>(nearest);
  }
  return table;
}

ValueId Recoded(CodeGraph& graph, const Node& node, const Codes& from, const Codes& to) {
  if (from.SameAs(to)) return from.codes;
  const ValueId table = graph.Constant(node.name + "/table", TableOf(from, to));
  const ValueId codes = graph.NewValue(node.name + "/recoded", to.type);
  Node& made = graph.Emit(node, "CodeTable", kKingletDomain, {from.codes, table}, codes);
  made.name = graph.graph().value(codes).name;  // the node's own is for the Concat
  return codes;
}

// Codes of a known type, whose scale and zero point are inputs `scale` and `scale` + 1.
std::optional<Codes> CodesAt(CodeGraph& graph, const Node& node, ValueId codes, std::size_t scale) {
  Node parameters;
  parameters.name = node.name;
  parameters.inputs = {codes, node.input(scale), node.input(scale + 1)};
  return CodesOf(graph.graph(), parameters, codes, graph.TypeOf(codes));
}

}  // namespace

bool IsConcatOfCodes(const Node& node) {
  return node.domain == kContribDomain && node.op == "QLinearConcat";
}

void EmitConcat(CodeGraph& graph, const Node& node, const std::vector<Codes>& parts,
                const Codes& to, ValueId output) {
  std::vector<ValueId> codes;
  for (const Codes& part : parts) codes.push_back(Recoded(graph, node, part, to));
  Node& made = graph.Emit(node, "Concat", "", std::move(codes), output);
  made.opset = OnnxOpset(graph.graph());
  made.attributes = node.attributes;
}

bool ExpandConcat(CodeGraph& graph, const Node& node) {
  constexpr std::size_t kFirst = 2;
  if (node.inputs.size() < kFirst + 3 || (node.inputs.size() - kFirst) % 3 != 0) return false;
  if (!node.attributes.Has("axis")) return false;
  const auto to = CodesAt(graph, node, node.outputs[0], 0);
  if (!to) return false;
  std::vector<Codes> parts;
  for (std::size_t i = kFirst; i < node.inputs.size(); i += 3) {
    const auto part = CodesAt(graph, node, node.inputs[i], i + 1);
    if (!part || part->type != to->type || graph.TypeOf(part->codes) != to->type) return false;
    parts.push_back(*part);
  }
  EmitConcat(graph, node, parts, *to, node.outputs[0]);
  return true;
}

}  // namespace kinglet
