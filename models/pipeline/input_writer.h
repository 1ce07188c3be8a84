// Pictures as a network takes them.
#pragma once

#include <cstdint>
#include <vector>

#include "kinglet/graph.h"
#include "kinglet/image.h"
#include "kinglet/preprocess.h"
#include "kinglet/tensor.h"

namespace kinglet {

// The shape of `pictures` pictures for this input of a network; without a batch axis where the
// input has none, and then of one picture.
Shape InputShape(const PreprocessSpec& spec, const TensorInfo& input, std::int64_t pictures = 1);

class InputWriter {
 public:
  // Makes the picture the `n`th of the batch in `input`, which has the size of `spec`, and as type
  // float32 or uint8. Throws Error.
  void Write(const Image& image, const PreprocessSpec& spec, Tensor& input, std::int64_t n = 0);

 private:
  PreprocessScratch scratch_;
  std::vector<float> samples_;  // of pictures that the network takes as bytes
};

}  // namespace kinglet
