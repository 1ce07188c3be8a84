// Element types and layouts of kernels, for tensors of the engine.
#pragma once

#include <cstddef>

#include "kernels/common/tensor_desc.h"
#include "kinglet/tensor.h"

namespace kinglet {

using kernels::ElementType;
using kernels::Layout;
using kernels::TensorDesc;

// The one place where public element types meet those of kernels. Strings have none: kUndefined.
ElementType ElementTypeOf(DataType type) noexcept;
DataType ToDataType(ElementType type) noexcept;

// Bytes of a tensor as it is stored, for shapes that InferContext accepted; only {N, C, H, W} may
// be blocked. The second: of a tensor as a caller has it.
std::size_t StoredBytes(TensorDesc desc, const Shape& shape);
std::size_t StoredBytes(DataType type, const Shape& shape);

}  // namespace kinglet
