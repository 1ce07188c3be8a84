#include "converters/onnx/functions.h"

#include <algorithm>

#include "converters/onnx/context.h"
#include "converters/onnx/graph_reader.h"
#include "converters/onnx/opset.h"
#include "converters/onnx/schema.h"
#include "converters/onnx/wire.h"

namespace kinglet::converters {
namespace {

void Scan(Function& function, Context& context, const Place& place) {
  WireReader reader(function.proto, place);
  const auto add = [&](std::vector<std::string_view>& list) {
    context.ChargeValues(1, place);
    list.push_back(reader.Bytes());
  };
  const auto declare = [&](std::string_view name, std::string_view proto) {
    context.ChargeValues(1, place);
    if (!function.attributes.emplace(name, proto).second) {
      Invalid(place, "declares the attribute " + Quoted(name) + " twice");
    }
  };
  while (reader.Next()) {
    switch (reader.field()) {
      case kFunctionInput:
        add(function.inputs);
        break;
      case kFunctionOutput:
        add(function.outputs);
        break;
      case kFunctionNode:
        add(function.nodes);
        break;
      case kFunctionAttribute:
        declare(reader.Bytes(), {});
        break;
      case kFunctionAttributeProto: {
        const std::string_view proto = reader.Bytes();
        declare(AttributeName(proto, place), proto);
        break;
      }
      case kFunctionOpsetImport:
        ReadOpsetImport(reader.Bytes(), function.opsets, context, place);
        break;
      default:
        break;
    }
  }
  function.scanned = true;
}

// "a -> b -> a", from the call that is met again to the last one; long ones without their middle.
std::string Cycle(const Call& again, const Call* last) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> labels = {again.function->Label()};
  for (const Call* call = last; call != &again; call = call->caller) {
    labels.push_back(call->function->Label());
  }
  labels.push_back(again.function->Label());
  std::reverse(labels.begin(), labels.end());
  std::string text;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool middle = i >= kShown / 2 && i + kShown / 2 < labels.size();
    if (middle && i > kShown / 2) continue;
    if (!text.empty()) text += " -> ";
    text += middle ? "..." : labels[i];
  }
  return text;
}

}  // namespace

std::string Function::Label() const {
  std::string label;
  for (const std::string_view part : {domain, name, overload}) {
    if (part.empty()) continue;
    if (!label.empty()) label += '.';
    label += Shortened(part);
  }
  return label;
}

std::string Call::NameOf(std::string_view name) const { return prefix + "/" + Shortened(name); }

void AddFunction(std::string_view proto, Context& context, const Place& place) {
  Function function;
  function.proto = proto;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == kFunctionName) function.name = reader.Bytes();
    if (reader.field() == kFunctionDomain) function.domain = NormalDomain(reader.Bytes());
    if (reader.field() == kFunctionOverload) function.overload = reader.Bytes();
  }
  context.ChargeValues(1, place);
  const auto key = std::make_tuple(function.domain, function.name, function.overload);
  if (!context.functions.emplace(key, function).second) {
    Invalid(place, "defines the function '" + function.Label() + "' twice");
  }
}

const Function* FindFunction(std::string_view domain, std::string_view name,
                             std::string_view overload, Context& context) {
  const auto found = context.functions.find({domain, name, overload});
  if (found == context.functions.end()) return nullptr;
  Function& function = found->second;
  if (!function.scanned) {
    const Place source(context.source);
    Scan(function, context, Place(source, "function", function.name));
  }
  return &function;
}

void CheckCallDepth(const Function& function, const Call* caller, const Context& context,
                    const Place& place) {
  int depth = 1;
  for (const Call* call = caller; call != nullptr; call = call->caller, ++depth) {
    if (call->function != &function) continue;
    Invalid(place, "the function '" + function.Label() + "' calls itself: " + Cycle(*call, caller));
  }
  if (depth > context.limits.nesting) {
    Invalid(place, "functions call each other deeper than " +
                       std::to_string(context.limits.nesting) +
                       ", the limit (OnnxLimits::nesting)");
  }
}

}  // namespace kinglet::converters
