// The shapes that a network is planned for, from its declaration and the command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/model.h"

namespace kinglet::cli {

struct ShapeOptions {
  int batch = 0;                    // 0: not given
  std::vector<std::string> shapes;  // NAME=1x3x224x224; N is the batch
};

// A shape for every input. Free sizes are the batch first, else the picture's size in the
// descriptor, or 224 without one. Throws UsageError for a wrong option, a batch that the model does
// not take, and a size that nothing says.
InputShapes ChooseShapes(const std::vector<TensorInfo>& inputs, const ShapeOptions& options,
                         const std::optional<Descriptor>& descriptor);

// Inputs to time a network with: the same random floats at each call, zeros for other types.
Tensors RandomInputs(const std::vector<TensorInfo>& inputs, const InputShapes& shapes);

}  // namespace kinglet::cli
