// AttributeProto.
#include <string>

#include "converters/onnx/graph_reader.h"
#include "converters/onnx/schema.h"
#include "converters/onnx/tensor.h"
#include "converters/onnx/wire.h"

namespace kinglet::converters {
namespace {

struct Kind {
  std::string_view name;
  std::uint32_t field;  // that holds the value; 0: no such type
};

// By AttributeProto.AttributeType.
constexpr Kind kKinds[] = {
    {"undefined", 0},
    {"float", kAttributeFloat},
    {"int", kAttributeInt},
    {"string", kAttributeString},
    {"tensor", kAttributeTensor},
    {"graph", kAttributeGraph},
    {"floats", kAttributeFloats},
    {"ints", kAttributeInts},
    {"strings", kAttributeStrings},
    {"list of tensors", kAttributeTensors},
    {"list of graphs", kAttributeGraphs},
    {"sparse tensor", kAttributeSparseTensor},
    {"list of sparse tensors", kAttributeSparseTensors},
    {"type", kAttributeTypeProto},
    {"list of types", kAttributeTypeProtos},
};

const Kind* KindOfField(std::uint32_t field) {
  for (const Kind& kind : kKinds) {
    if (kind.field == field && field != 0) return &kind;
  }
  return nullptr;
}

struct Header {
  std::string_view name;
  std::string_view reference;
  std::int64_t type = 0;
  const Kind* first = nullptr;  // of the first value found
  std::uint64_t found = 0;      // a bit for each field with a value
};

Header ReadHeader(std::string_view proto, const Place& place) {
  Header header;
  WireReader reader(proto, place);
  while (reader.Next()) {
    const std::uint32_t field = reader.field();
    if (field == kAttributeName) header.name = reader.Bytes();
    if (field == kAttributeReference) header.reference = reader.Bytes();
    if (field == kAttributeType) header.type = reader.Int();
    if (const Kind* kind = KindOfField(field); kind != nullptr) {
      header.found |= std::uint64_t{1} << field;
      if (header.first == nullptr) header.first = kind;
    }
  }
  return header;
}

const Kind& KindOf(const Header& header, const Place& place) {
  if (header.type < 0 || header.type >= static_cast<std::int64_t>(std::size(kKinds))) {
    Invalid(place, "has the attribute type " + std::to_string(header.type) +
                       ", which ONNX does not define");
  }
  if (header.type == 0) {  // files of old exporters leave it out
    if (header.first == nullptr) Invalid(place, "has neither type nor value");
    return *header.first;
  }
  const Kind& kind = kKinds[header.type];
  const bool own = (header.found >> kind.field & 1) != 0;
  if (!own && header.first != nullptr) {
    Invalid(place, "is declared as " + std::string(kind.name) + " but holds a value of type " +
                       std::string(header.first->name));
  }
  return kind;
}

// Calls fn(reader) for each field of that number, which must be read by fn.
template <typename Fn>
void EachField(std::string_view proto, std::uint32_t field, const Place& place, Fn fn) {
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == field) fn(reader);
  }
}

// The last one counts, as protobuf has it; empty when there is none.
std::string_view LastBytes(std::string_view proto, std::uint32_t field, const Place& place) {
  std::string_view bytes;
  EachField(proto, field, place, [&](WireReader& reader) { bytes = reader.Bytes(); });
  return bytes;
}

std::vector<std::int64_t> ReadInts(std::string_view proto, Context& context, const Place& place) {
  std::size_t count = 0;
  EachField(proto, kAttributeInts, place,
            [&](WireReader& reader) { count += reader.CountVarints(); });
  context.ChargeAttributeElements(static_cast<std::int64_t>(count), place);
  std::vector<std::int64_t> ints;
  ints.reserve(count);
  EachField(proto, kAttributeInts, place, [&](WireReader& reader) {
    reader.EachVarint([&](std::uint64_t bits) { ints.push_back(static_cast<std::int64_t>(bits)); });
  });
  return ints;
}

std::vector<float> ReadFloats(std::string_view proto, Context& context, const Place& place) {
  std::size_t count = 0;
  EachField(proto, kAttributeFloats, place,
            [&](WireReader& reader) { count += reader.CountFixed<float>(); });
  context.ChargeAttributeElements(static_cast<std::int64_t>(count), place);
  std::vector<float> floats;
  floats.reserve(count);
  EachField(proto, kAttributeFloats, place, [&](WireReader& reader) {
    reader.EachFixed<float>([&](float value) { floats.push_back(value); });
  });
  return floats;
}

std::vector<std::string> ReadStrings(std::string_view proto, Context& context, const Place& place) {
  std::vector<std::string> strings;
  EachField(proto, kAttributeStrings, place, [&](WireReader& reader) {
    context.ChargeAttributeElements(1, place);
    strings.emplace_back(reader.Bytes());
  });
  return strings;
}

Attribute ReadValue(std::string_view proto, const Kind& kind, Context& context, GraphReader& graph,
                    const Call* scope, const Place& place) {
  switch (kind.field) {
    case kAttributeFloat: {
      float value = 0;
      EachField(proto, kAttributeFloat, place, [&](WireReader& reader) { value = reader.Float(); });
      return value;
    }
    case kAttributeInt: {
      std::int64_t value = 0;
      EachField(proto, kAttributeInt, place, [&](WireReader& reader) { value = reader.Int(); });
      return value;
    }
    case kAttributeString:
      return std::string(LastBytes(proto, kAttributeString, place));
    case kAttributeTensor:
      return ReadTensor(LastBytes(proto, kAttributeTensor, place), context, place);
    case kAttributeGraph: {
      GraphReader reader(context, place, &graph, scope);
      return std::shared_ptr<GraphIr>(reader.Read(LastBytes(proto, kAttributeGraph, place)));
    }
    case kAttributeFloats:
      return ReadFloats(proto, context, place);
    case kAttributeInts:
      return ReadInts(proto, context, place);
    case kAttributeStrings:
      return ReadStrings(proto, context, place);
    default:
      Unsupported(place, "is a " + std::string(kind.name) +
                             "; supported are float, int, string, lists of them, tensor and graph");
  }
}

// What an attribute that refers to one of the function's has as its value; null where the call
// gives none.
const BoundAttribute* ReferredTo(std::string_view reference, const Call* scope,
                                 const Place& place) {
  if (scope == nullptr) {
    Invalid(place, "refers to attribute " + Quoted(reference) +
                       " of a function, but the node is in no function");
  }
  if (!scope->function->attributes.contains(reference)) {
    Invalid(place, "refers to attribute " + Quoted(reference) + ", which the function '" +
                       scope->function->Label() + "' does not declare");
  }
  const auto bound = scope->attributes.find(reference);
  return bound == scope->attributes.end() ? nullptr : &bound->second;
}

// A reference says which type it expects.
void CheckSameKind(const Header& reference, const Kind& found, const Place& place) {
  if (reference.type == 0 || &KindOf(reference, place) == &found) return;
  Invalid(place, "is declared as " + std::string(kKinds[reference.type].name) +
                     " but refers to a value of type " + std::string(found.name));
}

}  // namespace

std::string_view AttributeName(std::string_view proto, const Place& place) {
  return LastBytes(proto, kAttributeName, place);
}

void BindAttributes(const std::vector<std::string_view>& protos, const Call* scope,
                    const Place& place, Call& call) {
  for (std::size_t i = 0; i < protos.size(); ++i) {
    const Place unnamed(place, "attribute", {}, static_cast<std::int64_t>(i));
    const Header header = ReadHeader(protos[i], unnamed);
    if (header.name.empty()) Invalid(unnamed, "has no name");
    const Place own(place, "attribute", header.name);
    BoundAttribute bound{protos[i], scope};
    if (!header.reference.empty()) {
      const BoundAttribute* referred = ReferredTo(header.reference, scope, own);
      if (referred == nullptr) continue;
      bound = *referred;
    }
    if (!call.attributes.emplace(header.name, bound).second) Invalid(own, "is given twice");
  }
  for (const auto& [name, fallback] : call.function->attributes) {
    if (!fallback.empty()) call.attributes.emplace(name, BoundAttribute{fallback, &call});
  }
}

Attributes ReadAttributes(const std::vector<std::string_view>& protos, Context& context,
                          GraphReader& graph, const Call* scope, const Place& place) {
  Attributes attributes;
  for (std::size_t i = 0; i < protos.size(); ++i) {
    const Place unnamed(place, "attribute", {}, static_cast<std::int64_t>(i));
    const Header header = ReadHeader(protos[i], unnamed);
    if (header.name.empty()) Invalid(unnamed, "has no name");
    const Place own(place, "attribute", header.name);
    std::string name = context.Name(header.name, own);
    if (attributes.Has(name)) Invalid(own, "is given twice");
    if (header.reference.empty()) {
      const Kind& kind = KindOf(header, own);
      attributes.Set(std::move(name), ReadValue(protos[i], kind, context, graph, scope, own));
    } else if (const BoundAttribute* value = ReferredTo(header.reference, scope, own)) {
      const Kind& kind = KindOf(ReadHeader(value->proto, own), own);
      CheckSameKind(header, kind, own);
      attributes.Set(std::move(name),
                     ReadValue(value->proto, kind, context, graph, value->scope, own));
    }
  }
  return attributes;
}

Tensor ReadConstant(const std::vector<std::string_view>& protos, Context& context,
                    GraphReader& graph, const Call* scope, const Place& place) {
  const Attributes attributes = ReadAttributes(protos, context, graph, scope, place);
  if (std::distance(attributes.begin(), attributes.end()) != 1) {
    Invalid(place, "has " + std::to_string(protos.size()) +
                       " attributes, expected exactly one: the value");
  }
  const auto& [name, value] = *attributes.begin();
  if (const auto* tensor = std::get_if<Tensor>(&value); tensor != nullptr && name == "value") {
    return *tensor;
  }
  if (const auto* number = std::get_if<float>(&value); number != nullptr && name == "value_float") {
    return Tensor::From<float>({}, {*number});
  }
  if (const auto* number = std::get_if<std::int64_t>(&value);
      number != nullptr && name == "value_int") {
    return Tensor::From<std::int64_t>({}, {*number});
  }
  if (const auto* list = std::get_if<std::vector<float>>(&value);
      list != nullptr && name == "value_floats") {
    return Tensor::From<float>({static_cast<std::int64_t>(list->size())}, *list);
  }
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value);
      list != nullptr && name == "value_ints") {
    return Tensor::From<std::int64_t>({static_cast<std::int64_t>(list->size())}, *list);
  }
  const std::string what = "has its value in attribute '" + name + "'";
  if (name == "value_string" || name == "value_strings") {
    Unsupported(place, what + "; Kinglet has tensors of numbers only");
  }
  Invalid(place, what +
                     " of an unexpected name or type; expected value, value_float(s) or "
                     "value_int(s)");
}

}  // namespace kinglet::converters
