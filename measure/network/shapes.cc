#include "measure/network/shapes.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <string_view>

#include "kinglet/error.h"

namespace kinglet::measure {
namespace {

constexpr std::int64_t kDefaultSide = 224;

[[noreturn]] void Refuse(const std::string& what) { throw Error(ErrorCode::kInvalidInput, what); }

struct GivenShape {
  std::string argument;  // as it was written
  Shape sizes;
  bool follows_batch = false;  // it has an N
};

std::int64_t ParseSize(std::string_view text, const std::string& argument) {
  std::int64_t size = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, size);
  if (text.empty() || result.ec != std::errc() || result.ptr != end || size < 0) {
    Refuse("--shape: expected NAME=1x3x224x224, found '" + argument + "'");
  }
  return size;
}

GivenShape ParseShape(std::string_view text, const std::string& argument, int batch) {
  GivenShape given{argument, {}, false};
  while (!text.empty()) {
    const std::size_t cross = text.find('x');
    const std::string_view size = text.substr(0, cross);
    given.follows_batch |= size == "N";
    given.sizes.push_back(size == "N" ? std::max(batch, 1) : ParseSize(size, argument));
    if (cross == text.npos) break;
    text = text.substr(cross + 1);
    if (text.empty()) ParseSize(text, argument);
  }
  return given;
}

std::map<std::string, GivenShape> ParseShapes(const ShapeOptions& options) {
  std::map<std::string, GivenShape> shapes;
  for (const std::string& argument : options.shapes) {
    const std::size_t equals = argument.rfind('=');
    if (equals == argument.npos || equals == 0) ParseSize("", argument);
    shapes[argument.substr(0, equals)] =
        ParseShape(std::string_view(argument).substr(equals + 1), argument, options.batch);
  }
  return shapes;
}

// The size of a free dimension that is no batch: a picture's height or width, by the descriptor.
std::int64_t FreeSide(const TensorInfo& input, std::size_t axis,
                      const std::optional<Descriptor>& descriptor) {
  const bool picture = input.shape.size() == 4;
  const bool channels_last = picture && input.shape[3] == 3 && input.shape[1] != 3;
  const std::size_t rows = channels_last ? 1 : 2;
  if (!picture || (axis != rows && axis != rows + 1)) {
    Refuse("input '" + input.name + "': the size of axis " + std::to_string(axis) +
           " is free in the model: give --shape " + input.name + "=...");
  }
  if (!descriptor) return kDefaultSide;
  return axis == rows ? descriptor->preprocess.height : descriptor->preprocess.width;
}

Shape ChooseShape(const TensorInfo& input, int batch, const std::optional<Descriptor>& descriptor) {
  if (!input.has_shape) {
    Refuse("input '" + input.name + "': the model declares no shape: give --shape " + input.name +
           "=...");
  }
  Shape shape = input.shape;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis == 0 && batch > 0 && shape[0] >= 0 && shape[0] != batch) {
      Refuse("--batch " + std::to_string(batch) + ": input '" + input.name +
             "' has a fixed batch of " + std::to_string(shape[0]));
    }
    if (shape[axis] >= 0) continue;
    shape[axis] = axis == 0 ? std::max(batch, 1) : FreeSide(input, axis, descriptor);
  }
  return shape;
}

// A number where the model leaves the batch free would make --batch say what is not so.
void CheckBatch(const TensorInfo& input, const GivenShape& given, int batch) {
  const bool fixed = input.has_shape && !input.shape.empty() && input.shape[0] >= 0;
  if (batch == 0 || fixed || given.follows_batch || given.sizes.empty()) return;
  if (given.sizes[0] != batch) {
    Refuse("--batch " + std::to_string(batch) + ": --shape " + given.argument + " has a batch of " +
           std::to_string(given.sizes[0]) + ": write N for it");
  }
}

}  // namespace

InputShapes ChooseShapes(const std::vector<TensorInfo>& inputs, const ShapeOptions& options,
                         const std::optional<Descriptor>& descriptor) {
  const auto given = ParseShapes(options);
  InputShapes shapes;
  for (const auto& [name, shape] : given) shapes[name] = shape.sizes;
  for (const TensorInfo& input : inputs) {
    const auto found = given.find(input.name);
    if (found == given.end()) {
      shapes[input.name] = ChooseShape(input, options.batch, descriptor);
    } else {
      CheckBatch(input, found->second, options.batch);
    }
  }
  return shapes;
}

Tensors RandomInputs(const std::vector<TensorInfo>& inputs, const InputShapes& shapes) {
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  Tensors tensors;
  for (const TensorInfo& input : inputs) {
    Tensor tensor(input.type, shapes.at(input.name));
    if (input.type == DataType::kFloat32) {
      std::generate_n(tensor.data<float>(), tensor.size(), [&] { return uniform(random); });
    } else {
      std::fill_n(static_cast<std::byte*>(tensor.raw()), tensor.bytes(), std::byte{0});
    }
    tensors[input.name] = std::move(tensor);
  }
  return tensors;
}

}  // namespace kinglet::measure
