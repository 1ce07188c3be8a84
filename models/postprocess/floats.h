// Outputs of networks as float32.
#pragma once

#include <vector>

#include "kinglet/tensor.h"

namespace kinglet {

// The elements of a float32, float16 or float64 tensor. Throws Error(kInvalidModel) for other
// types; `what` stands for the tensor in the message.
std::vector<float> ToFloats(const Tensor& tensor, const char* what);

// Throws what ToFloats throws for a tensor of this type.
void CheckFloats(DataType type, const char* what);

}  // namespace kinglet
