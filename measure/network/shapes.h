// The shapes that a network is planned for, from its declaration and what is asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/model.h"

namespace kinglet::measure {

struct ShapeOptions {
  int batch = 0;                    // 0: not given
  std::vector<std::string> shapes;  // NAME=1x3x224x224; N is the batch
};

// A shape for every input. Free sizes are the batch first, else the picture's size in the
// descriptor, or 224 without one. Throws Error(kInvalidInput) for a wrong shape, a batch
// that the model does not take, and a size that nothing says, in the words of the command line.
InputShapes ChooseShapes(const std::vector<TensorInfo>& inputs, const ShapeOptions& options,
                         const std::optional<Descriptor>& descriptor);

// Inputs to time a network with: the same random floats at each call, zeros for other types.
Tensors RandomInputs(const std::vector<TensorInfo>& inputs, const InputShapes& shapes);

}  // namespace kinglet::measure
