#include "converters/onnx/graph_writer.h"

#include <algorithm>
#include <protozero/pbf_writer.hpp>
#include <set>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

#include "converters/onnx/schema.h"
#include "engine/graph/element_types.h"
#include "engine/graph/fusion.h"

namespace kinglet::converters {
namespace {

using Writer = protozero::pbf_writer;

std::string_view Elements(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.raw()), tensor.bytes()};
}

// All of a TensorProto but the elements.
std::string TensorHead(const std::string& name, const Tensor& tensor) {
  std::string bytes;
  Writer writer(bytes);
  writer.add_packed_int64(kTensorDims, tensor.shape().begin(), tensor.shape().end());
  writer.add_int32(kTensorDataType, ElementTypeNumber(tensor.type()));
  if (!name.empty()) writer.add_string(kTensorName, name);
  return bytes + FieldHead(kTensorRawData, tensor.bytes());
}

std::string ShapeBytes(const Value& value) {
  std::string bytes;
  Writer shape(bytes);
  for (std::size_t i = 0; i < value.dims.size(); ++i) {
    std::string dim_bytes;
    Writer dim(dim_bytes);
    if (value.dims[i] >= 0) {
      dim.add_int64(kDimValue, value.dims[i]);
    } else if (i < value.symbols.size() && !value.symbols[i].empty()) {
      dim.add_string(kDimParam, value.symbols[i]);
    }
    shape.add_message(kShapeDim, dim_bytes);  // an empty one too: a size without a name
  }
  return bytes;
}

// Nothing where the graph does not know what it is: a sequence, perhaps. Readers infer it then, but
// refuse a tensor whose element type is none.
std::string TypeBytes(const Value& value) {
  std::string bytes;
  if (value.type == DataType::kUndefined && !value.has_shape) return bytes;
  Writer type(bytes);
  Writer tensor(type, kTypeTensor);
  tensor.add_int32(kTypeTensorElement, ElementTypeNumber(value.type));
  if (value.has_shape) tensor.add_message(kTypeTensorShape, ShapeBytes(value));
  return bytes;
}

std::string DeclarationBytes(const Value& value) {
  std::string bytes;
  Writer info(bytes);
  info.add_string(kInfoName, value.name);
  if (const std::string type = TypeBytes(value); !type.empty()) info.add_message(kInfoType, type);
  if (value.storage != ElementType::kUndefined) {
    Writer entry(info, kInfoMetadata);
    entry.add_string(kEntryKey, kStorageKey.data(), kStorageKey.size());
    entry.add_string(kEntryValue, DataTypeName(ToDataType(value.storage)));
  }
  return bytes;
}

class GraphWriter {
 public:
  // `outer`: the writer of the graph around this one, null for the main graph.
  GraphWriter(const GraphIr& graph, const GraphWriter* outer, Opsets& opsets, const Place& place)
      : graph_(graph), outer_(outer), opsets_(opsets), place_(place) {}

  Parts Write() {
    CheckNames();
    std::string fields;
    Writer writer(fields);
    if (!graph_.name.empty()) writer.add_string(kGraphName, graph_.name);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      const Place place(place_, "node", node.name, static_cast<std::int64_t>(i), node.op);
      writer.add_message(kGraphNode, NodeBytes(node, place));
    }
    for (const ValueId id : graph_.inputs) {
      writer.add_message(kGraphInput, DeclarationBytes(graph_.value(id)));
    }
    for (const ValueId id : graph_.outputs) {
      writer.add_message(kGraphOutput, DeclarationBytes(graph_.value(id)));
    }
    WriteValueInfos(writer);
    Parts parts;
    parts.Add(std::move(fields));
    for (const Value& value : graph_.values) {
      if (!value.is_constant() || IsOfOuter(value)) continue;
      const std::string head = TensorHead(value.name, value.constant);
      parts.Add(FieldHead(kGraphInitializer, head.size() + value.constant.bytes()) + head);
      parts.AddView(Elements(value.constant));
    }
    return parts;
  }

 private:
  void CheckNames() {
    for (const Value& value : graph_.values) {
      if (value.name.empty()) Invalid(place_, "a value has no name");
      if (!named_.emplace(value.name, &value).second) {
        Invalid(place_, "two values have the name " + Quoted(value.name));
      }
    }
  }

  // A subgraph sees the constants of the graphs around it.
  bool IsOfOuter(const Value& value) const {
    for (const GraphWriter* outer = outer_; outer != nullptr; outer = outer->outer_) {
      const auto found = outer->named_.find(value.name);
      if (found == outer->named_.end()) continue;
      return found->second->constant.raw() == value.constant.raw();
    }
    return false;
  }

  void WriteValueInfos(Writer& writer) const {
    std::set<ValueId> declared(graph_.inputs.begin(), graph_.inputs.end());
    declared.insert(graph_.outputs.begin(), graph_.outputs.end());
    for (const Capture& capture : graph_.captures) declared.insert(capture.inner);
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& value = graph_.values[i];
      const bool says_something =
          value.type != DataType::kUndefined || value.storage != ElementType::kUndefined;
      if (value.is_constant() || !says_something) continue;
      if (declared.count(static_cast<ValueId>(i)) > 0) continue;
      writer.add_message(kGraphValueInfo, DeclarationBytes(value));
    }
  }

  // The versions of a fused node's own domain and of its written form's are both needed.
  void NeedOpset(const Node& node, const Place& place) {
    const auto [it, added] = opsets_.emplace(node.domain, node.opset);
    if (!added && it->second != node.opset) {
      Invalid(place, "is of operator set " + std::to_string(node.opset) +
                         ", other nodes of its domain are of " + std::to_string(it->second));
    }
  }

  std::string NodeBytes(const Node& node, const Place& place) {
    NeedOpset(node, place);
    if (node.fusion.empty()) return PlainNodeBytes(node, place);
    const Node written = Written(node, place);
    NeedOpset(written, place);
    return PlainNodeBytes(written, place);
  }

  static Node Written(const Node& node, const Place& place) {
    try {
      return WithFusionWritten(node);
    } catch (const Error& error) {
      Fail(error.code(), place, error.what());
    }
  }

  // Readers refuse nodes that share a name, but not those without: a node that has its name from
  // its output, or shares it with one before, as names are shortened, is written without.
  std::string_view WrittenName(const Node& node) {
    const auto first = std::find_if(node.outputs.begin(), node.outputs.end(),
                                    [](ValueId id) { return id != kNoValue; });
    const bool made_up =
        first != node.outputs.end() && node.name == Shortened(graph_.value(*first).name);
    return !made_up && node_names_.insert(node.name).second ? node.name : std::string_view();
  }

  std::string PlainNodeBytes(const Node& node, const Place& place) {
    std::string bytes;
    Writer writer(bytes);
    const auto name = [&](ValueId id) { return id == kNoValue ? "" : graph_.value(id).name; };
    for (const ValueId id : node.inputs) writer.add_string(kNodeInput, name(id));
    for (const ValueId id : node.outputs) writer.add_string(kNodeOutput, name(id));
    if (const std::string_view shown = WrittenName(node); !shown.empty()) {
      writer.add_string(kNodeName, shown.data(), shown.size());
    }
    writer.add_string(kNodeOp, node.op);
    for (const auto& [key, attribute] : node.attributes) {
      writer.add_message(kNodeAttribute, AttributeBytes(key, attribute, place));
    }
    if (!node.domain.empty()) writer.add_string(kNodeDomain, node.domain);
    return bytes;
  }

  std::string AttributeBytes(const std::string& name, const Attribute& attribute,
                             const Place& place) {
    std::string bytes;
    Writer writer(bytes);
    writer.add_string(kAttributeName, name);
    const AttributeType type =
        std::visit([&](const auto& value) { return WriteValue(writer, value, place); }, attribute);
    writer.add_int32(kAttributeType, static_cast<std::int32_t>(type));
    return bytes;
  }

  AttributeType WriteValue(Writer& writer, std::int64_t value, const Place&) {
    writer.add_int64(kAttributeInt, value);
    return AttributeType::kInt;
  }
  AttributeType WriteValue(Writer& writer, float value, const Place&) {
    writer.add_float(kAttributeFloat, value);
    return AttributeType::kFloat;
  }
  AttributeType WriteValue(Writer& writer, const std::string& value, const Place&) {
    writer.add_bytes(kAttributeString, value);
    return AttributeType::kString;
  }
  AttributeType WriteValue(Writer& writer, const Tensor& value, const Place&) {
    writer.add_message(kAttributeTensor, TensorHead("", value) + std::string(Elements(value)));
    return AttributeType::kTensor;
  }
  AttributeType WriteValue(Writer& writer, const std::shared_ptr<GraphIr>& value,
                           const Place& place) {
    const Place inside(place, "subgraph", value->name);
    GraphWriter graph(*value, this, opsets_, inside);
    writer.add_message(kAttributeGraph, graph.Write().Joined());
    return AttributeType::kGraph;
  }
  AttributeType WriteValue(Writer& writer, const std::vector<std::int64_t>& value, const Place&) {
    writer.add_packed_int64(kAttributeInts, value.begin(), value.end());
    return AttributeType::kInts;
  }
  AttributeType WriteValue(Writer& writer, const std::vector<float>& value, const Place&) {
    writer.add_packed_float(kAttributeFloats, value.begin(), value.end());
    return AttributeType::kFloats;
  }
  AttributeType WriteValue(Writer& writer, const std::vector<std::string>& value, const Place&) {
    for (const std::string& text : value) writer.add_bytes(kAttributeStrings, text);
    return AttributeType::kStrings;
  }

  const GraphIr& graph_;
  const GraphWriter* outer_;
  Opsets& opsets_;
  const Place& place_;
  std::unordered_map<std::string_view, const Value*> named_;
  std::unordered_set<std::string> node_names_;  // that are written
};

}  // namespace

void Parts::Add(std::string bytes) {
  own_.push_back(std::move(bytes));
  AddView(own_.back());
}

void Parts::AddView(std::string_view bytes) {
  views_.push_back(bytes);
  size_ += bytes.size();
}

std::string Parts::Joined() const {
  std::string bytes;
  bytes.reserve(size_);
  for (const std::string_view view : views_) bytes += view;
  return bytes;
}

std::string FieldHead(std::uint32_t field, std::size_t length) {
  std::string bytes;
  const auto type = static_cast<std::uint32_t>(protozero::pbf_wire_type::length_delimited);
  protozero::add_varint_to_buffer(&bytes, field << 3 | type);
  protozero::add_varint_to_buffer(&bytes, length);
  return bytes;
}

Parts WriteGraph(const GraphIr& graph, Opsets& opsets, const Place& place) {
  return GraphWriter(graph, nullptr, opsets, place).Write();
}

}  // namespace kinglet::converters
