#include "kinglet/tensor.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/graph/tensor_desc.h"
#include "kernels/common/aligned.h"
#include "kinglet/error.h"

namespace kinglet {

const char* ErrorCodeName(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidModel:
      return "invalid model";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kInvalidInput:
      return "invalid input";
    case ErrorCode::kIo:
      return "i/o";
    case ErrorCode::kResource:
      return "resource";
  }
  return "unknown";
}

std::size_t DataTypeSize(DataType type) noexcept {
  return static_cast<std::size_t>(kernels::ElementBytes(ElementTypeOf(type)));
}
const char* DataTypeName(DataType type) noexcept {
  return type == DataType::kString ? "string" : kernels::ElementName(ElementTypeOf(type));
}

std::int64_t ElementCount(const Shape& shape) {
  std::int64_t count = 1;
  bool empty = false;
  bool overflow = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0) {
      throw Error(ErrorCode::kInvalidInput, "negative size in shape " + ShapeToString(shape));
    }
    empty = empty || dim == 0;
    overflow = overflow || __builtin_mul_overflow(count, dim, &count);
  }
  if (empty) return 0;
  if (overflow) {
    throw Error(ErrorCode::kResource, "shape " + ShapeToString(shape) + " has too many elements");
  }
  return count;
}

std::string ShapeToString(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const std::int64_t dim : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(dim);
  }
  return text;
}

namespace {

// Elements of a tensor of this type and shape, checked so that the byte count fits as well.
std::int64_t CheckedSize(DataType type, const Shape& shape) {
  const std::size_t element = DataTypeSize(type);
  if (element == 0) {
    throw Error(ErrorCode::kInvalidInput,
                std::string("a tensor cannot hold elements of type ") + DataTypeName(type));
  }
  const std::int64_t count = ElementCount(shape);
  if (count > std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(element)) {
    throw Error(ErrorCode::kResource, "shape " + ShapeToString(shape) + " has too many bytes");
  }
  return count;
}

}  // namespace

Tensor::Tensor(DataType type, Shape shape)
    : type_(type), shape_(std::move(shape)), size_(CheckedSize(type_, shape_)) {
  void* memory = kernels::AllocateZeroed(std::max<std::size_t>(bytes(), 1));
  if (memory == nullptr) {
    throw Error(ErrorCode::kResource, "no memory for a tensor of shape " + ShapeToString(shape_) +
                                          " (" + std::to_string(bytes()) + " bytes)");
  }
  data_ = memory;
  buffer_ = std::shared_ptr<const void>(memory, kernels::FreeAligned);
}

Tensor Tensor::Wrap(DataType type, Shape shape, const void* data, std::size_t bytes,
                    std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.size_ = CheckedSize(type, shape);
  tensor.type_ = type;
  tensor.shape_ = std::move(shape);
  if (tensor.bytes() != bytes) {
    throw Error(ErrorCode::kInvalidInput, std::string("a ") + DataTypeName(type) +
                                              " tensor of shape " + ShapeToString(tensor.shape_) +
                                              " needs " + std::to_string(tensor.bytes()) +
                                              " bytes, got " + std::to_string(bytes));
  }
  tensor.data_ = data;
  tensor.buffer_ = std::move(owner);
  return tensor;
}

void Tensor::Refer(DataType type, const Shape& shape, const void* data,
                   std::shared_ptr<const void> buffer) {
  const auto size = CheckedSize(type, shape);
  shape_ = shape;  // may throw, and all is as it was
  size_ = size;
  type_ = type;
  data_ = data;
  buffer_ = std::move(buffer);
}

Tensor Tensor::CopyOf(DataType type, Shape shape, const void* data, std::size_t count) {
  Tensor tensor(type, std::move(shape));
  if (static_cast<std::size_t>(tensor.size()) != count) {
    throw Error(ErrorCode::kInvalidInput, "shape " + ShapeToString(tensor.shape()) + " needs " +
                                              std::to_string(tensor.size()) + " values, got " +
                                              std::to_string(count));
  }
  if (count > 0) std::memcpy(tensor.raw(), data, tensor.bytes());
  return tensor;
}

Tensor Tensor::Reshaped(Shape shape) const {
  if (ElementCount(shape) != size_) {
    throw Error(ErrorCode::kInvalidInput, "cannot view shape " + ShapeToString(shape_) + " as " +
                                              ShapeToString(shape) + ": the element counts differ");
  }
  Tensor view = *this;
  view.shape_ = std::move(shape);
  return view;
}

Tensor Tensor::Clone() const {
  if (!defined()) return {};
  Tensor copy(type_, shape_);
  if (bytes() > 0) std::memcpy(copy.raw(), data_, bytes());
  return copy;
}

void Tensor::CheckType(DataType wanted) const {
  if (type_ != wanted) {
    throw Error(ErrorCode::kInvalidInput, std::string("the tensor holds ") + DataTypeName(type_) +
                                              ", not " + DataTypeName(wanted));
  }
}

}  // namespace kinglet
