// Outputs of networks as float32.
#pragma once

#include <vector>

#include "kinglet/tensor.h"

namespace kinglet {

// The elements of a float32, float16 or float64 tensor. Throws Error(kInvalidModel) for other
// types; `what` stands for the tensor in the message.
std::vector<float> ToFloats(const Tensor& tensor, const char* what);

// The elements of a tensor as float32: where they lie when it has that type.
class FloatView {
 public:
  FloatView() = default;
  FloatView(const Tensor& tensor, const char* what) {
    if (tensor.type() == DataType::kFloat32) {
      data_ = tensor.data<float>();
    } else {
      values_ = ToFloats(tensor, what);
      data_ = values_.data();
    }
  }
  FloatView(FloatView&&) noexcept = default;
  FloatView& operator=(FloatView&&) noexcept = default;
  const float* data() const { return data_; }

 private:
  std::vector<float> values_;  // moving leaves them where they are
  const float* data_ = nullptr;
};

// Throws what ToFloats throws for a tensor of this type.
void CheckFloats(DataType type, const char* what);

}  // namespace kinglet
