// Element types by ONNX's numbers (TensorProto.DataType).
#pragma once

#include <cstdint>

#include "kinglet/tensor.h"

namespace kinglet {

struct OnnxElementType {
  const char* name;
  DataType type;  // kUndefined: Kinglet has no such type
};

// Null for a number that ONNX does not define; 0 is "undefined".
const OnnxElementType* FindElementType(std::int64_t number);

// The other way round: ONNX has every type that Kinglet has.
std::int32_t ElementTypeNumber(DataType type);

}  // namespace kinglet
