// From an element type known at plan time to a template argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kinglet/error.h"
#include "kinglet/tensor.h"

namespace kinglet {

[[noreturn]] inline void ThrowElementType(DataType type) {
  throw Error(ErrorCode::kUnsupported,
              std::string("element type ") + DataTypeName(type) + " is not supported here");
}

// All four call `f.template operator()<T>()`, as in
//   DispatchType(type, [&]<typename T>() { return MakeAdd<T>(context); });
// and return what it returns. They throw Error(kUnsupported) for any other element type, so they
// belong into `infer` and `plan`, never into a step.

// float32, float64.
template <typename F>
decltype(auto) DispatchFloat(DataType type, F&& f) {
  switch (type) {
    case DataType::kFloat32:
      return f.template operator()<float>();
    case DataType::kFloat64:
      return f.template operator()<double>();
    default:
      ThrowElementType(type);
  }
}

// Signed and unsigned integers.
template <typename F>
decltype(auto) DispatchInteger(DataType type, F&& f) {
  switch (type) {
    case DataType::kInt8:
      return f.template operator()<std::int8_t>();
    case DataType::kInt16:
      return f.template operator()<std::int16_t>();
    case DataType::kInt32:
      return f.template operator()<std::int32_t>();
    case DataType::kInt64:
      return f.template operator()<std::int64_t>();
    case DataType::kUInt8:
      return f.template operator()<std::uint8_t>();
    case DataType::kUInt16:
      return f.template operator()<std::uint16_t>();
    case DataType::kUInt32:
      return f.template operator()<std::uint32_t>();
    case DataType::kUInt64:
      return f.template operator()<std::uint64_t>();
    default:
      ThrowElementType(type);
  }
}

// float32, float64, integers: everything that has arithmetic.
template <typename F>
decltype(auto) DispatchNumeric(DataType type, F&& f) {
  switch (type) {
    case DataType::kFloat32:
      return f.template operator()<float>();
    case DataType::kFloat64:
      return f.template operator()<double>();
    default:
      return DispatchInteger(type, f);
  }
}

// Numbers and bool.
template <typename F>
decltype(auto) DispatchType(DataType type, F&& f) {
  if (type == DataType::kBool) return f.template operator()<bool>();
  return DispatchNumeric(type, f);
}

// For operators that only move elements: an unsigned integer of the element's size (1, 2, 4 or 8
// bytes), so that float16 and bfloat16 can be moved as well.
template <typename F>
decltype(auto) DispatchSize(DataType type, F&& f) {
  switch (DataTypeSize(type)) {
    case 1:
      return f.template operator()<std::uint8_t>();
    case 2:
      return f.template operator()<std::uint16_t>();
    case 4:
      return f.template operator()<std::uint32_t>();
    case 8:
      return f.template operator()<std::uint64_t>();
    default:
      ThrowElementType(type);
  }
}

}  // namespace kinglet
