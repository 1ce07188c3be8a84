#include "characterize/common/picture_input.h"

#include <algorithm>
#include <utility>

#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

PreprocessSpec SpecSizedFor(const Descriptor& descriptor, int width, int height) {
  PreprocessSpec spec = descriptor.preprocess;
  if (!descriptor.picture_size) return spec;
  spec.width = width;
  spec.height = height;
  return spec;
}

}  // namespace

PictureInput::PictureInput(const Descriptor& fitted, TensorInfo input)
    : descriptor_(fitted), input_(std::move(input)) {}

Shape PictureInput::ShapeFor(int width, int height) const {
  return InputShape(SpecSizedFor(descriptor_, width, height), input_);
}

const Tensors& PictureInput::Prepare(const Image& picture) {
  const PreprocessSpec spec = SpecSizedFor(descriptor_, picture.width, picture.height);
  const Shape shape = InputShape(spec, input_);
  Tensor& tensor = tensors_[input_.name];
  if (!tensor.defined() || tensor.shape() != shape) tensor = Tensor(input_.type, shape);
  writer_.Write(picture, spec, tensor);
  return tensors_;
}

TensorInfo InputOf(const Descriptor& fitted, const std::vector<TensorInfo>& inputs) {
  const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const TensorInfo& info) {
    return info.name == fitted.input;
  });
  if (found == inputs.end() || inputs.size() != 1) {
    throw Error(ErrorCode::kInvalidInput,
                "expected a network with one input, a picture, found " +
                    std::to_string(inputs.size()) + " inputs" +
                    (found == inputs.end() ? ", none of them '" + fitted.input + "'" : ""));
  }
  return *found;
}

}  // namespace kinglet::characterize
