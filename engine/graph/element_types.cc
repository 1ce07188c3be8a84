#include "engine/graph/element_types.h"

#include <algorithm>
#include <iterator>

namespace kinglet {
namespace {

constexpr OnnxElementType kTypes[] = {
    {"undefined", DataType::kUndefined},
    {"float32", DataType::kFloat32},
    {"uint8", DataType::kUInt8},
    {"int8", DataType::kInt8},
    {"uint16", DataType::kUInt16},
    {"int16", DataType::kInt16},
    {"int32", DataType::kInt32},
    {"int64", DataType::kInt64},
    {"string", DataType::kString},
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
    {"float8e8m0", DataType::kUndefined},
    {"uint2", DataType::kUndefined},
    {"int2", DataType::kUndefined},
};

}  // namespace

const OnnxElementType* FindElementType(std::int64_t number) {
  const bool known = number >= 0 && number < static_cast<std::int64_t>(std::size(kTypes));
  return known ? &kTypes[number] : nullptr;
}

std::int32_t ElementTypeNumber(DataType type) {
  const auto* const found =
      std::find_if(std::begin(kTypes), std::end(kTypes),
                   [type](const OnnxElementType& t) { return t.type == type; });
  return static_cast<std::int32_t>(found - std::begin(kTypes));
}

}  // namespace kinglet
