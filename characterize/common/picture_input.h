// The input of a network, made of a picture.
#pragma once

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"
#include "kinglet/image.h"
#include "kinglet/tensor.h"
#include "models/pipeline/input_writer.h"

namespace kinglet::characterize {

class PictureInput {
 public:
  // `fitted` outlives it; `input` is that of the model which the descriptor names.
  PictureInput(const Descriptor& fitted, TensorInfo input);

  // The input's shape for a picture of this size, which decides only where the network takes
  // pictures as they are (Descriptor::picture_size).
  Shape ShapeFor(int width, int height) const;
  // One picture, as the descriptor says. Valid until the next call. Throws Error.
  const Tensors& Prepare(const Image& picture);

 private:
  const Descriptor& descriptor_;
  TensorInfo input_;
  InputWriter writer_;
  Tensors tensors_;
};

// The one of these that the fitted descriptor names.
TensorInfo InputOf(const Descriptor& fitted, const std::vector<TensorInfo>& inputs);

}  // namespace kinglet::characterize
