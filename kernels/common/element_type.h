// The types of a tensor's elements, as kernels speak of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace kinglet::kernels {

enum class ElementType : uint8_t {
  kUndefined,
  kFloat32,
  kFloat64,
  kFloat16,
  kBFloat16,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kBool,  // one byte, 0 or 1
};

struct ElementTypeFacts {
  ElementType type;
  const char* name;
  int64_t bytes;  // of one element
};

inline constexpr ElementTypeFacts kElementTypes[] = {
    {ElementType::kUndefined, "undefined", 0}, {ElementType::kFloat32, "float32", 4},
    {ElementType::kFloat64, "float64", 8},     {ElementType::kFloat16, "float16", 2},
    {ElementType::kBFloat16, "bfloat16", 2},   {ElementType::kInt8, "int8", 1},
    {ElementType::kInt16, "int16", 2},         {ElementType::kInt32, "int32", 4},
    {ElementType::kInt64, "int64", 8},         {ElementType::kUInt8, "uint8", 1},
    {ElementType::kUInt16, "uint16", 2},       {ElementType::kUInt32, "uint32", 4},
    {ElementType::kUInt64, "uint64", 8},       {ElementType::kBool, "bool", 1},
};

inline constexpr std::size_t kElementTypeCount = std::size(kElementTypes);

constexpr const ElementTypeFacts& FactsOf(ElementType type) {
  return kElementTypes[static_cast<int>(type)];
}
constexpr int64_t ElementBytes(ElementType type) { return FactsOf(type).bytes; }
constexpr const char* ElementName(ElementType type) { return FactsOf(type).name; }

}  // namespace kinglet::kernels
