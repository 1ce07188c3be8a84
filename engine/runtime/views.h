// Checks of tensors that a caller owns. All throw Error(kInvalidInput); `source` is the model's
// file.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kinglet/graph.h"
#include "kinglet/tensor_view.h"

namespace kinglet {

// One view for each tensor, `what` ("input", "output") that the model declares, and each with the
// bytes that its type and shape need, aligned to its elements.
void CheckViews(const std::string& source, const char* what, const std::vector<TensorInfo>& infos,
                std::span<const ConstTensorView> views);
void CheckViews(const std::string& source, const char* what, const std::vector<TensorInfo>& infos,
                std::span<const TensorView> views);

// No output shares memory with another one or with an input.
void CheckApart(const std::string& source, const std::vector<TensorInfo>& input_infos,
                std::span<const ConstTensorView> inputs,
                const std::vector<TensorInfo>& output_infos, std::span<const TensorView> outputs);

// The output has the type and the shape that the network gives it.
void CheckOutput(const std::string& source, const TensorInfo& info, const TensorView& view,
                 DataType type, const Shape& shape);

}  // namespace kinglet
