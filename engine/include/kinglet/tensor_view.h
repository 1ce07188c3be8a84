// Tensors in memory that somebody else owns: one type for what is read, one for what is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kinglet/tensor.h"

namespace kinglet {

// Type, shape and elements (row-major) of a tensor to be read. Owns neither shape nor elements:
// both must outlive the view.
struct ConstTensorView {
  DataType type = DataType::kUndefined;
  std::span<const std::int64_t> shape;
  const void* data = nullptr;
  std::size_t bytes = 0;  // of all elements

  ConstTensorView() = default;
  ConstTensorView(DataType t, std::span<const std::int64_t> s, const void* d, std::size_t b)
      : type(t), shape(s), data(d), bytes(b) {}
  ConstTensorView(const Tensor& tensor)  // NOLINT(google-explicit-constructor)
      : ConstTensorView(tensor.type(), tensor.shape(), tensor.raw(), tensor.bytes()) {}
};

// The same of a tensor to be written.
struct TensorView {
  DataType type = DataType::kUndefined;
  std::span<const std::int64_t> shape;
  void* data = nullptr;
  std::size_t bytes = 0;

  TensorView() = default;
  TensorView(DataType t, std::span<const std::int64_t> s, void* d, std::size_t b)
      : type(t), shape(s), data(d), bytes(b) {}
  TensorView(Tensor& tensor)  // NOLINT(google-explicit-constructor)
      : TensorView(tensor.type(), tensor.shape(), tensor.raw(), tensor.bytes()) {}
  operator ConstTensorView() const { return {type, shape, data, bytes}; }  // NOLINT
};

}  // namespace kinglet
