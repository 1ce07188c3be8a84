#include "engine/graph/tensor_desc.h"

#include "kernels/common/blocked.h"

namespace kinglet {
namespace {

struct Pair {
  DataType type;
  ElementType element;
};

constexpr Pair kPairs[] = {
    {DataType::kFloat32, ElementType::kFloat32}, {DataType::kFloat64, ElementType::kFloat64},
    {DataType::kFloat16, ElementType::kFloat16}, {DataType::kBFloat16, ElementType::kBFloat16},
    {DataType::kInt8, ElementType::kInt8},       {DataType::kInt16, ElementType::kInt16},
    {DataType::kInt32, ElementType::kInt32},     {DataType::kInt64, ElementType::kInt64},
    {DataType::kUInt8, ElementType::kUInt8},     {DataType::kUInt16, ElementType::kUInt16},
    {DataType::kUInt32, ElementType::kUInt32},   {DataType::kUInt64, ElementType::kUInt64},
    {DataType::kBool, ElementType::kBool},
};

}  // namespace

ElementType ElementTypeOf(DataType type) noexcept {
  for (const Pair& pair : kPairs) {
    if (pair.type == type) return pair.element;
  }
  return ElementType::kUndefined;
}

DataType ToDataType(ElementType type) noexcept {
  for (const Pair& pair : kPairs) {
    if (pair.element == type) return pair.type;
  }
  return DataType::kUndefined;
}

std::size_t StoredBytes(TensorDesc desc, const Shape& shape) {
  std::int64_t count = ElementCount(shape);
  if (desc.blocked() && count > 0) {
    count = count / shape[1] * kernels::RoundUpToBlock(shape[1], kernels::PixelBlock(desc.type));
  }
  return static_cast<std::size_t>(count * kernels::ElementBytes(desc.type));
}

std::size_t StoredBytes(DataType type, const Shape& shape) {
  return StoredBytes({ElementTypeOf(type), Layout::kPlain}, shape);
}

}  // namespace kinglet
