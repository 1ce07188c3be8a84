// TensorProto: initializers, tensors in attributes, and the *.pb files of ONNX's own test data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "converters/onnx/context.h"
#include "kinglet/tensor.h"

namespace kinglet::converters {

// The element type behind an ONNX number (TensorProto.DataType): kUndefined for 0. Throws
// Error(kUnsupported) for a type that ONNX knows and Kinglet does not, Error(kInvalidModel) for
// any other number.
DataType DataTypeOfOnnx(std::int64_t onnx_type, const Place& place);

// The name field alone; empty when there is none.
std::string_view TensorName(std::string_view proto, const Place& place);

// The tensor in `proto`, a view of the context's bytes or of an external file where that is
// possible, a copy otherwise. Throws Error(kInvalidModel) when dimensions and data contradict each
// other; where raw and typed data are both there, the raw data counts.
Tensor ReadTensor(std::string_view proto, Context& context, const Place& place);

}  // namespace kinglet::converters

namespace kinglet {

// The tensor in a file of ONNX's test data, copied. Throws as ReadOnnxBytes does.
Tensor ReadTensorProto(std::span<const std::byte> bytes);

}  // namespace kinglet
