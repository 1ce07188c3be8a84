#include "models/pipeline/input_writer.h"

#include <algorithm>
#include <cmath>

namespace kinglet {

Shape InputShape(const PreprocessSpec& spec, const TensorInfo& input, std::int64_t pictures) {
  Shape shape = PreprocessedShape(spec);
  shape[0] = pictures;
  if (input.has_shape && input.shape.size() == 3) shape.erase(shape.begin());
  return shape;
}

void InputWriter::Write(const Image& image, const PreprocessSpec& spec, Tensor& input,
                        std::int64_t n) {
  const std::int64_t size = ElementCount(PreprocessedShape(spec));
  if (input.type() == DataType::kFloat32) {
    Preprocess(image, spec, scratch_, input.data<float>() + n * size);
    return;
  }
  samples_.resize(static_cast<std::size_t>(size));
  Preprocess(image, spec, scratch_, samples_.data());
  std::transform(samples_.begin(), samples_.end(), input.data<std::uint8_t>() + n * size,
                 [](float x) {
                   return static_cast<std::uint8_t>(std::clamp(std::nearbyint(x), 0.0f, 255.0f));
                 });
}

}  // namespace kinglet
