#include "engine/ops/element_types.h"

#include <array>

namespace kinglet {
namespace {

struct OnnxType {
  const char* name;
  DataType type;  // kUndefined: not supported
};

// By number.
constexpr std::array<OnnxType, 24> kOnnxTypes = {{
    {"undefined", DataType::kUndefined},
    {"float32", DataType::kFloat32},
    {"uint8", DataType::kUInt8},
    {"int8", DataType::kInt8},
    {"uint16", DataType::kUInt16},
    {"int16", DataType::kInt16},
    {"int32", DataType::kInt32},
    {"int64", DataType::kInt64},
    {"string", DataType::kUndefined},
    {"bool", DataType::kBool},
    {"float16", DataType::kFloat16},
    {"float64", DataType::kFloat64},
    {"uint32", DataType::kUInt32},
    {"uint64", DataType::kUInt64},
    {"complex64", DataType::kUndefined},
    {"complex128", DataType::kUndefined},
    {"bfloat16", DataType::kBFloat16},
    {"float8e4m3fn", DataType::kUndefined},
    {"float8e4m3fnuz", DataType::kUndefined},
    {"float8e5m2", DataType::kUndefined},
    {"float8e5m2fnuz", DataType::kUndefined},
    {"uint4", DataType::kUndefined},
    {"int4", DataType::kUndefined},
    {"float4e2m1", DataType::kUndefined},
}};

const OnnxType* Find(std::int64_t number) {
  const bool known = number > 0 && number < static_cast<std::int64_t>(kOnnxTypes.size());
  return known ? &kOnnxTypes[static_cast<std::size_t>(number)] : nullptr;
}

}  // namespace

void CheckElementTypeAttribute(const Node& node, std::string_view name,
                               std::vector<std::string>& unsupported) {
  const OnnxType* type = Find(node.attributes.Int(name, 0));
  if (type != nullptr && type->type == DataType::kUndefined) {
    unsupported.push_back("attribute '" + std::string(name) + "' = " + type->name);
  }
}

DataType ElementTypeAttribute(const NodeContext& context, std::string_view name,
                              DataType fallback) {
  const std::int64_t number = context.attributes().Int(name, 0);
  if (number == 0) return fallback;
  const OnnxType* type = Find(number);
  if (type == nullptr) {
    context.Invalid("attribute '" + std::string(name) + "' is " + std::to_string(number) +
                    ", which is no element type of ONNX");
  }
  if (type->type == DataType::kUndefined) {
    context.Unsupported("attribute '" + std::string(name) + "' = " + type->name);
  }
  return type->type;
}

}  // namespace kinglet
