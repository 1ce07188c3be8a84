// A tensor: an element type, a shape and a buffer of elements in row-major order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kinglet {

// Element types. kFloat16 and kBFloat16 are storage formats: values are computed in float32.
enum class DataType : std::uint8_t {
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
  kBool,    // one byte, 0 or 1
  kString,  // in attributes and messages only; no tensor holds strings
};

// Bytes of one element; 0 for kUndefined and kString.
std::size_t DataTypeSize(DataType type) noexcept;
// "float32", "uint8", ...
const char* DataTypeName(DataType type) noexcept;

template <typename T>
struct DataTypeOf;
template <>
struct DataTypeOf<float> {
  static constexpr DataType value = DataType::kFloat32;
};
template <>
struct DataTypeOf<double> {
  static constexpr DataType value = DataType::kFloat64;
};
template <>
struct DataTypeOf<std::int8_t> {
  static constexpr DataType value = DataType::kInt8;
};
template <>
struct DataTypeOf<std::int16_t> {
  static constexpr DataType value = DataType::kInt16;
};
template <>
struct DataTypeOf<std::int32_t> {
  static constexpr DataType value = DataType::kInt32;
};
template <>
struct DataTypeOf<std::int64_t> {
  static constexpr DataType value = DataType::kInt64;
};
template <>
struct DataTypeOf<std::uint8_t> {
  static constexpr DataType value = DataType::kUInt8;
};
template <>
struct DataTypeOf<std::uint16_t> {
  static constexpr DataType value = DataType::kUInt16;
};
template <>
struct DataTypeOf<std::uint32_t> {
  static constexpr DataType value = DataType::kUInt32;
};
template <>
struct DataTypeOf<std::uint64_t> {
  static constexpr DataType value = DataType::kUInt64;
};
template <>
struct DataTypeOf<bool> {
  static constexpr DataType value = DataType::kBool;
};

// Sizes of the dimensions, outermost first; empty for a scalar. An image batch is {N, C, H, W}.
using Shape = std::vector<std::int64_t>;

// Number of elements. Throws Error(kInvalidInput) for a negative size and Error(kResource) when the
// product overflows 63 bits.
std::int64_t ElementCount(const Shape& shape);
// "1x3x224x224"; "scalar" for rank 0.
std::string ShapeToString(const Shape& shape);

// A handle to a buffer: cheap to copy, copies share the elements. The buffer is 64-byte aligned
// when the tensor allocated it.
class Tensor {
 public:
  Tensor() = default;
  // Allocates; the elements are zero. Throws Error(kInvalidInput, kResource) for a bad shape, or
  // when the memory cannot be had.
  Tensor(DataType type, Shape shape);
  // Wraps `bytes` of memory that `owner` keeps alive (null: the caller does). Throws
  // Error(kInvalidInput) when type and shape need another number of bytes.
  static Tensor Wrap(DataType type, Shape shape, const void* data, std::size_t bytes,
                     std::shared_ptr<const void> owner);
  // Copies `values`. Throws Error(kInvalidInput) when their number does not fit the shape.
  template <typename T>
  static Tensor From(Shape shape, const std::vector<T>& values);

  DataType type() const noexcept { return type_; }
  const Shape& shape() const noexcept { return shape_; }
  std::int64_t size() const noexcept { return size_; }  // elements
  std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(size_) * DataTypeSize(type_);
  }
  bool defined() const noexcept { return type_ != DataType::kUndefined; }

  const void* raw() const noexcept { return data_; }
  void* raw() noexcept { return const_cast<void*>(data_); }
  // Throws Error(kInvalidInput) when T is not the element type.
  template <typename T>
  const T* data() const;
  template <typename T>
  T* data();

  // The same elements under another shape. Throws Error(kInvalidInput) when the counts differ.
  Tensor Reshaped(Shape shape) const;
  // A deep copy.
  Tensor Clone() const;

 private:
  friend class OutputMemory;

  // Becomes a handle to other memory; the shape is copied into the place of the last one.
  void Refer(DataType type, const Shape& shape, const void* data,
             std::shared_ptr<const void> buffer);
  void CheckType(DataType wanted) const;
  static Tensor CopyOf(DataType type, Shape shape, const void* data, std::size_t count);

  DataType type_ = DataType::kUndefined;
  Shape shape_;
  std::int64_t size_ = 0;
  const void* data_ = nullptr;
  std::shared_ptr<const void> buffer_;
};

// Tensors by the name of a graph's input or output.
using Tensors = std::map<std::string, Tensor, std::less<>>;

template <typename T>
Tensor Tensor::From(Shape shape, const std::vector<T>& values) {
  return CopyOf(DataTypeOf<T>::value, std::move(shape), values.data(), values.size());
}
template <typename T>
const T* Tensor::data() const {
  CheckType(DataTypeOf<T>::value);
  return static_cast<const T*>(data_);
}
template <typename T>
T* Tensor::data() {
  CheckType(DataTypeOf<T>::value);
  return static_cast<T*>(const_cast<void*>(data_));
}

}  // namespace kinglet
