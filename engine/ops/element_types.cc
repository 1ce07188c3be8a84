#include "engine/ops/element_types.h"

#include "engine/graph/element_types.h"

namespace kinglet {
namespace {

// No operator makes strings.
bool IsSupported(const OnnxElementType& type) {
  return type.type != DataType::kUndefined && type.type != DataType::kString;
}

}  // namespace

void CheckElementTypeAttribute(const Node& node, std::string_view name,
                               std::vector<std::string>& unsupported) {
  const std::int64_t number = node.attributes.Int(name, 0);
  const OnnxElementType* type = FindElementType(number);
  if (number != 0 && type != nullptr && !IsSupported(*type)) {
    unsupported.push_back("attribute '" + std::string(name) + "' = " + type->name);
  }
}

DataType ElementTypeAttribute(const NodeContext& context, std::string_view name,
                              DataType fallback) {
  const std::int64_t number = context.attributes().Int(name, 0);
  if (number == 0) return fallback;
  const OnnxElementType* type = FindElementType(number);
  if (type == nullptr) {
    context.Invalid("attribute '" + std::string(name) + "' is " + std::to_string(number) +
                    ", which is no element type of ONNX");
  }
  if (!IsSupported(*type)) {
    context.Unsupported("attribute '" + std::string(name) + "' = " + type->name);
  }
  return type->type;
}

}  // namespace kinglet
