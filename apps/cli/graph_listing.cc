#include "apps/cli/graph_listing.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/cli/cli.h"
#include "apps/cli/output.h"

namespace kinglet::cli {
namespace {

using Json = nlohmann::ordered_json;

std::size_t ConstantBytes(const TensorInfo& tensor) {
  return static_cast<std::size_t>(ElementCount(tensor.shape)) * DataTypeSize(tensor.type);
}

std::string ShapeText(const TensorInfo& tensor) {
  if (!tensor.has_shape) return "any shape";
  std::string text;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    if (d > 0) text += 'x';
    text += tensor.shape[d] >= 0        ? std::to_string(tensor.shape[d])
            : tensor.symbols[d].empty() ? "?"
                                        : OneLine(tensor.symbols[d]);
  }
  return text.empty() ? "scalar" : text;
}

std::string ValueText(const ValueInfo& value) {
  const TensorInfo& tensor = value.tensor;
  if (tensor.name.empty()) return "-";
  std::string text = OneLine(tensor.name);
  if (tensor.type == DataType::kUndefined) return text;
  text += fmt::format(" {} {}", DataTypeName(tensor.type), ShapeText(tensor));
  if (value.constant) text += fmt::format(" (constant, {})", Bytes(ConstantBytes(tensor)));
  return text;
}

// A line for each value; the first one has the word.
void AddValues(const std::string& indent, const char* word, const std::vector<ValueInfo>& values,
               std::string& text) {
  for (const ValueInfo& value : values) {
    text += fmt::format("{}  {:<5} {}\n", indent, word, ValueText(value));
    word = "";
  }
}

void AddGraph(const GraphInfo& graph, const std::string& indent, std::string& text);

void AddNode(const NodeInfo& node, std::size_t number, const std::string& indent,
             std::string& text) {
  const std::string domain = node.domain.empty() ? "" : OneLine(node.domain) + ".";
  const std::string fusion = node.fusion.empty() ? "" : " + " + node.fusion;
  text += fmt::format("\n{}{} {}{}{} '{}'\n", indent, number, domain, OneLine(node.op), fusion,
                      OneLine(node.name));
  AddValues(indent, "in", node.inputs, text);
  AddValues(indent, "out", node.outputs, text);
  std::string attributes;
  for (const AttributeInfo& attribute : node.attributes) {
    attributes += fmt::format(" {}={}", OneLine(attribute.name), OneLine(attribute.text));
  }
  if (!attributes.empty()) text += fmt::format("{}  {:<5}{}\n", indent, "with", attributes);
  for (const GraphInfo& subgraph : node.subgraphs) {
    text += fmt::format("{}  graph '{}'\n", indent, OneLine(subgraph.name));
    AddGraph(subgraph, indent + "    ", text);
  }
}

void AddGraph(const GraphInfo& graph, const std::string& indent, std::string& text) {
  AddValues(indent, "in", graph.inputs, text);
  AddValues(indent, "out", graph.outputs, text);
  text += fmt::format("{}  {} nodes; {} constants, {}\n", indent, graph.nodes.size(),
                      graph.constants, Bytes(graph.constant_bytes));
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) AddNode(graph.nodes[i], i, indent, text);
}

Json ValueJson(const ValueInfo& value) {
  const TensorInfo& tensor = value.tensor;
  Json json = {{"name", tensor.name}};
  if (tensor.type != DataType::kUndefined) json["type"] = DataTypeName(tensor.type);
  if (tensor.has_shape) {
    json["shape"] = Json::array();
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      if (tensor.shape[d] >= 0) {
        json["shape"].push_back(tensor.shape[d]);
      } else {
        json["shape"].push_back(tensor.symbols[d].empty() ? "?" : tensor.symbols[d]);
      }
    }
  }
  if (value.constant) json["constant_bytes"] = ConstantBytes(tensor);
  return json;
}

Json ValuesJson(const std::vector<ValueInfo>& values) {
  Json json = Json::array();
  for (const ValueInfo& value : values) json.push_back(ValueJson(value));
  return json;
}

Json NodeJson(const NodeInfo& node) {
  Json json = {{"name", node.name},
               {"op", node.op},
               {"domain", node.domain},
               {"opset", node.opset},
               {"fusion", node.fusion}};
  json["attributes"] = Json::object();
  for (const AttributeInfo& attribute : node.attributes) {
    json["attributes"][attribute.name] = attribute.text;
  }
  json["inputs"] = ValuesJson(node.inputs);
  json["outputs"] = ValuesJson(node.outputs);
  for (const GraphInfo& subgraph : node.subgraphs) json["graphs"].push_back(GraphJson(subgraph));
  return json;
}

}  // namespace

std::string GraphText(const GraphInfo& graph) {
  std::string text = fmt::format("graph '{}'\n", OneLine(graph.name));
  AddGraph(graph, "", text);
  return text;
}

Json GraphJson(const GraphInfo& graph) {
  Json json = {{"name", graph.name},
               {"inputs", ValuesJson(graph.inputs)},
               {"outputs", ValuesJson(graph.outputs)},
               {"constants", graph.constants},
               {"constant_bytes", graph.constant_bytes}};
  json["nodes"] = Json::array();
  for (const NodeInfo& node : graph.nodes) json["nodes"].push_back(NodeJson(node));
  return json;
}

}  // namespace kinglet::cli
