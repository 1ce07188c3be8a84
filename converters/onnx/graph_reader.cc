#include "converters/onnx/graph_reader.h"

#include <algorithm>
#include <set>
#include <string>

#include "converters/onnx/schema.h"
#include "converters/onnx/tensor.h"
#include "converters/onnx/wire.h"
#include "engine/graph/element_types.h"
#include "engine/graph/fusion.h"

namespace kinglet::converters {
GraphReader::GraphReader(Context& context, const Place& place, GraphReader* outer,
                         const Call* scope)
    : context_(context),
      place_(place),
      outer_(outer),
      scope_(scope),
      graph_(std::make_unique<GraphIr>()) {
  if (Depth() > context.limits.nesting) {
    Invalid(place, "subgraphs are nested deeper than " + std::to_string(context.limits.nesting) +
                       ", the limit (OnnxLimits)");
  }
}

std::unique_ptr<GraphIr> GraphReader::Read(std::string_view proto) {
  const Parts parts = Scan(proto);
  graph_->name = Shortened(parts.name);
  graph_->source = context_.source;
  ReadInitializers(parts);
  ReadInputs(parts);
  std::vector<NodeParts> own = ScanNodes(parts.nodes, place_);
  DefineOutputs(own);
  ReadValueInfos(parts);
  std::vector<ScopedNode> nodes;
  nodes.reserve(own.size());
  PutInPlace(std::move(own), scope_, nodes);
  for (const ScopedNode& node : nodes) {
    const std::string function = node.scope == scope_ ? "" : node.scope->function->Label();
    const Place inside(place_, "function", function);
    const NodeParts& of = node.parts;
    ReadNode(node, Place(node.scope == scope_ ? place_ : inside, "node", of.name, of.index, of.op));
  }
  ReadOutputs(parts);
  SortNodes(*graph_);
  return std::move(graph_);
}

GraphReader::Parts GraphReader::Scan(std::string_view proto) {
  Parts parts;
  WireReader reader(proto, place_);
  const auto add = [&](std::vector<std::string_view>& list) {
    context_.ChargeValues(1, place_);
    list.push_back(reader.Bytes());
  };
  while (reader.Next()) {
    switch (reader.field()) {
      case kGraphNode:
        context_.ChargeNode(place_);
        parts.nodes.push_back(reader.Bytes());
        break;
      case kGraphName:
        parts.name = reader.Bytes();
        break;
      case kGraphInitializer:
        add(parts.initializers);
        break;
      case kGraphInput:
        add(parts.inputs);
        break;
      case kGraphOutput:
        add(parts.outputs);
        break;
      case kGraphValueInfo:
        add(parts.value_infos);
        break;
      case kGraphSparseInitializer:
        Unsupported(place_, "has sparse initializers; store the weights as dense ones");
      default:
        break;
    }
  }
  return parts;
}

std::vector<GraphReader::NodeParts> GraphReader::ScanNodes(
    const std::vector<std::string_view>& protos, const Place& place) {
  std::vector<NodeParts> nodes;
  nodes.reserve(protos.size());
  for (std::size_t i = 0; i < protos.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    nodes.push_back(ScanNode(protos[i], Place(place, "node", {}, index)));
    nodes.back().index = index;
    if (!context_.functions.empty()) context_.node_names.Take(Shortened(nodes.back().name));
  }
  return nodes;
}

GraphReader::NodeParts GraphReader::ScanNode(std::string_view proto, const Place& place) {
  NodeParts parts;
  WireReader reader(proto, place);
  while (reader.Next()) {
    switch (reader.field()) {
      case kNodeInput:
        context_.ChargeValues(1, place);
        parts.inputs.push_back(reader.Bytes());
        break;
      case kNodeOutput:
        context_.ChargeValues(1, place);
        parts.outputs.push_back(reader.Bytes());
        break;
      case kNodeName:
        parts.name = reader.Bytes();
        break;
      case kNodeOp:
        parts.op = reader.Bytes();
        break;
      case kNodeAttribute:
        context_.ChargeAttributeElements(1, place);
        parts.attributes.push_back(reader.Bytes());
        break;
      case kNodeDomain:
        parts.domain = NormalDomain(reader.Bytes());
        break;
      case kNodeOverload:
        parts.overload = reader.Bytes();
        break;
      default:
        break;
    }
  }
  if (parts.op.empty()) Invalid(place, "has no operator");
  const bool makes_nothing = std::all_of(parts.outputs.begin(), parts.outputs.end(),
                                         [](std::string_view name) { return name.empty(); });
  if (makes_nothing) Invalid(Place(place, "operator", parts.op), "the node has no output");
  if (parts.name.empty()) {
    parts.name = *std::find_if(parts.outputs.begin(), parts.outputs.end(),
                               [](std::string_view name) { return !name.empty(); });
  }
  return parts;
}

void GraphReader::ReadShape(std::string_view proto, const Place& place, Value& value) {
  value.has_shape = true;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() != kShapeDim) continue;
    if (value.dims.size() >= static_cast<std::size_t>(context_.limits.rank)) {
      Fail(ErrorCode::kResource, place,
           "has more than " + std::to_string(context_.limits.rank) +
               " dimensions, the limit for a tensor (OnnxLimits)");
    }
    std::int64_t size = kUnknownDim;
    std::string symbol;
    WireReader dim(reader.Bytes(), place);
    while (dim.Next()) {
      if (dim.field() == kDimValue) size = dim.Int();
      if (dim.field() == kDimParam) symbol = context_.Name(dim.Bytes(), place);
    }
    // A negative size is how some exporters say that it is free.
    value.dims.push_back(size < 0 ? kUnknownDim : size);
    value.symbols.push_back(size < 0 ? std::move(symbol) : std::string());
  }
}

// The storage that an entry of a value's metadata says; kUndefined for an entry about other things.
ElementType ReadStorage(std::string_view proto, const Place& place) {
  std::string_view key;
  std::string_view value;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == kEntryKey) key = reader.Bytes();
    if (reader.field() == kEntryValue) value = reader.Bytes();
  }
  if (key != kStorageKey) return ElementType::kUndefined;
  for (std::int64_t number = 1; FindElementType(number) != nullptr; ++number) {
    const DataType type = FindElementType(number)->type;
    if (value == DataTypeName(type) && ElementTypeOf(type) != ElementType::kUndefined) {
      return ElementTypeOf(type);
    }
  }
  Invalid(place, "is stored as " + Quoted(value) + ", which is no element type");
}

GraphReader::Declaration GraphReader::ReadDeclaration(std::string_view proto, const Place& place) {
  Declaration declared;
  std::string_view type;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == kInfoName) declared.name = reader.Bytes();
    if (reader.field() == kInfoType) type = reader.Bytes();
    if (reader.field() == kInfoMetadata) {
      const ElementType storage = ReadStorage(reader.Bytes(), place);
      if (storage != ElementType::kUndefined) declared.value.storage = storage;
    }
  }
  if (declared.name.empty()) Invalid(place, "has no name");
  const Place named(place, "value", declared.name);
  WireReader types(type, named);
  while (types.Next()) {
    if (types.field() == kTypeDenotation) continue;
    declared.is_tensor = types.field() == kTypeTensor;
    if (!declared.is_tensor) continue;
    WireReader tensor(types.Bytes(), named);
    while (tensor.Next()) {
      if (tensor.field() == kTypeTensorElement) {
        declared.value.type = DataTypeOfOnnx(tensor.Int(), named);
      } else if (tensor.field() == kTypeTensorShape) {
        declared.value.dims.clear();
        declared.value.symbols.clear();
        ReadShape(tensor.Bytes(), named, declared.value);
      }
    }
  }
  return declared;
}

ValueId GraphReader::Define(std::string_view name, Value value, const Place& place) {
  if (name.empty()) Invalid(place, "has no name");
  value.name = context_.Name(name, place);
  if (scope_ != nullptr) {
    value.name = context_.value_names.Unique(scope_->NameOf(name));
  } else if (!context_.functions.empty()) {
    context_.value_names.Take(value.name);
  }
  const auto [it, added] = ids_.emplace(name, static_cast<ValueId>(graph_->values.size()));
  if (!added) {
    Invalid(place, "the name " + Quoted(name) +
                       " is taken already by another input, initializer or node output");
  }
  return graph_->AddValue(std::move(value));
}

void GraphReader::DefineConstant(std::string_view name, Tensor tensor, const Place& place) {
  SetConstant(Define(name, {}, place), std::move(tensor));
}

void GraphReader::SetConstant(ValueId id, Tensor tensor) {
  Value& value = graph_->value(id);
  value.type = tensor.type();
  value.has_shape = true;
  value.dims = tensor.shape();
  value.symbols.assign(value.dims.size(), "");
  value.constant = std::move(tensor);
}

void GraphReader::ReadInitializers(const Parts& parts) {
  for (std::size_t i = 0; i < parts.initializers.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const std::string_view name =
        TensorName(parts.initializers[i], Place(place_, "initializer", {}, index));
    const Place place(place_, "initializer", name, name.empty() ? index : -1);
    DefineConstant(name, ReadTensor(parts.initializers[i], context_, place), place);
  }
}

void GraphReader::ReadInputs(const Parts& parts) {
  for (std::size_t i = 0; i < parts.inputs.size(); ++i) {
    const Place place(place_, "input", {}, static_cast<std::int64_t>(i));
    Declaration declared = ReadDeclaration(parts.inputs[i], place);
    const auto known = ids_.find(declared.name);
    // Files of IR version 3 list their initializers among the inputs.
    if (known != ids_.end() && graph_->value(known->second).is_constant()) continue;
    if (!declared.is_tensor && outer_ == nullptr) {
      Unsupported(place, Quoted(declared.name) +
                             " is no tensor; sequences, maps and optional "
                             "inputs are not supported");
    }
    graph_->inputs.push_back(Define(declared.name, std::move(declared.value), place));
  }
}

void GraphReader::DefineOutputs(std::vector<NodeParts>& nodes) {
  first_made_ = static_cast<ValueId>(graph_->values.size());
  for (NodeParts& node : nodes) {
    const Place place(place_, "node", node.name, node.index, node.op);
    if (node.IsConstantNode()) {
      if (node.outputs.size() != 1 || !node.inputs.empty()) {
        Invalid(place, "expected no input and one output");
      }
      DefineConstant(node.outputs[0], ReadConstant(node.attributes, context_, *this, scope_, place),
                     place);
      node.is_constant = true;
      continue;
    }
    for (const std::string_view output : node.outputs) {
      if (!output.empty()) Define(output, {}, place);
    }
  }
}

void GraphReader::ReadValueInfos(const Parts& parts) {
  const auto declare = [this](const Declaration& declared) {
    const auto it = ids_.find(declared.name);
    if (it == ids_.end() || !declared.is_tensor) return;
    Value& value = graph_->value(it->second);
    if (value.is_constant() || it->second < first_made_) return;
    if (declared.value.type != DataType::kUndefined) value.type = declared.value.type;
    value.storage = declared.value.storage;
    if (declared.value.has_shape) {
      value.has_shape = true;
      value.dims = declared.value.dims;
      value.symbols = declared.value.symbols;
    }
  };
  for (std::size_t i = 0; i < parts.value_infos.size(); ++i) {
    const Place place(place_, "value_info", {}, static_cast<std::int64_t>(i));
    declare(ReadDeclaration(parts.value_infos[i], place));
  }
  for (std::size_t i = 0; i < parts.outputs.size(); ++i) {
    const Place place(place_, "output", {}, static_cast<std::int64_t>(i));
    declare(ReadDeclaration(parts.outputs[i], place));
  }
}

const ValueId* GraphReader::FindHere(std::string_view name, const Call* scope) const {
  if (scope == scope_) {
    const auto it = ids_.find(name);
    return it == ids_.end() ? nullptr : &it->second;
  }
  if (scope == nullptr || scope->reader != this) return nullptr;
  const auto it = scope->ids.find(name);
  return it == scope->ids.end() ? nullptr : &it->second;
}

std::optional<ValueId> GraphReader::Find(std::string_view name, const Call* scope,
                                         const Place& place) {
  if (const ValueId* here = FindHere(name, scope)) return *here;
  if (outer_ == nullptr || (scope != scope_ && scope != nullptr && scope->reader == this)) {
    return std::nullopt;
  }
  const Value* constant = outer_->FindConstant(name, scope);
  const std::optional<ValueId> outer_id =
      constant != nullptr ? kNoValue : outer_->Find(name, scope, place);
  if (constant == nullptr && outer_id.value_or(kNoValue) == kNoValue) return outer_id;
  if (const auto known = captured_.find(*outer_id); known != captured_.end()) return known->second;
  context_.ChargeValues(1, place);
  Value value = constant != nullptr ? *constant : outer_->graph_->value(*outer_id);
  value.producer = kNoNode;
  const ValueId id = graph_->AddValue(std::move(value));
  if (scope == scope_) ids_.emplace(name, id);
  if (constant == nullptr) {
    captured_.emplace(*outer_id, id);
    graph_->captures.push_back({*outer_id, id});
  }
  return id;
}

ValueId GraphReader::FindInput(std::string_view name, const Call* scope, const Place& place) {
  const std::optional<ValueId> found = Find(name, scope, place);
  if (!found) {
    const bool in_function = scope != nullptr;
    Invalid(place, "the input " + Quoted(name) + " is no " +
                       (in_function ? "input of the function" : "graph input, initializer") +
                       " or output of a node");
  }
  return *found;
}

const Value* GraphReader::FindConstant(std::string_view name, const Call* scope) const {
  if (const ValueId* here = FindHere(name, scope)) {
    if (*here == kNoValue) return nullptr;
    const Value& value = graph_->value(*here);
    return value.is_constant() ? &value : nullptr;
  }
  if (outer_ == nullptr || (scope != scope_ && scope != nullptr && scope->reader == this)) {
    return nullptr;
  }
  return outer_->FindConstant(name, scope);
}

void GraphReader::ReadFused(Node& node, const Opsets& opsets, const Place& place) {
  const auto onnx = opsets.find("");
  try {
    ReadFusion(node, onnx == opsets.end() ? 0 : onnx->second);
  } catch (const Error& error) {
    Fail(error.code(), place, error.what());
  }
}

void GraphReader::ReadNode(const ScopedNode& scoped, const Place& place) {
  const NodeParts& parts = scoped.parts;
  const Call* scope = scoped.scope;
  Node node;
  node.name = scope == nullptr ? Shortened(parts.name)
                               : context_.node_names.Unique(scope->NameOf(parts.name));
  node.op = context_.Name(parts.op, place);
  node.domain = context_.Name(parts.domain, place);
  const Opsets& opsets = OpsetsOf(scope);
  const auto opset = opsets.find(parts.domain);
  if (opset == opsets.end()) {
    Invalid(place, std::string(scope == nullptr ? "the model" : "the function") +
                       " imports no operator set of the domain " +
                       Quoted(parts.domain.empty() ? "ai.onnx" : parts.domain));
  }
  node.opset = opset->second;
  for (const std::string_view input : parts.inputs) {
    node.inputs.push_back(input.empty() ? kNoValue : FindInput(input, scope, place));
  }
  for (const std::string_view output : parts.outputs) {
    node.outputs.push_back(output.empty() ? kNoValue : *FindHere(output, scope));
  }
  node.attributes = ReadAttributes(parts.attributes, context_, *this, scope, place);
  if (node.domain == kKingletDomain) ReadFused(node, opsets, place);
  graph_->AddNode(std::move(node));
}

void GraphReader::ReadOutputs(const Parts& parts) {
  if (parts.outputs.empty()) Invalid(place_, "has no outputs");
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < parts.outputs.size(); ++i) {
    const Place place(place_, "output", {}, static_cast<std::int64_t>(i));
    const std::string_view name = ReadDeclaration(parts.outputs[i], place).name;
    const ValueId id = Find(name, scope_, place).value_or(kNoValue);
    if (id == kNoValue) {
      Invalid(place, Quoted(name) + " is made by no node, input or initializer");
    }
    // Outputs of a subgraph go by their place, not by their name.
    if (!seen.insert(graph_->value(id).name).second && outer_ == nullptr) {
      Invalid(place, Quoted(name) + " is listed twice");
    }
    graph_->outputs.push_back(id);
  }
}

}  // namespace kinglet::converters
