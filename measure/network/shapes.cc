#include "measure/network/shapes.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <string_view>

#include "kinglet/error.h"
#include "kinglet/graph_info.h"
#include "models/fit/free_sizes.h"

namespace kinglet::measure {
namespace {

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

bool IsChannels(std::int64_t size) { return size == 1 || size == 3 || size == 4; }

// Which axes of an input are those of a picture.
struct PictureAxes {
  bool batch = true;  // one comes first
  std::size_t channels, rows;
};

// Of an input with the rank of pictures.
std::optional<PictureAxes> AxesOf(const TensorInfo& input) {
  const Shape& shape = input.shape;
  if (!input.has_shape || (shape.size() != 3 && shape.size() != 4)) return std::nullopt;
  const std::size_t first = shape.size() - 3;
  const bool channels_last = IsChannels(shape.back()) && !IsChannels(shape[first]);
  const PictureAxes axes{first == 1, channels_last ? first + 2 : first,
                         channels_last ? first : first + 1};
  // Three axes are a picture only where two of them are rows and columns of any number; with the
  // channels last they are mostly a batch of points.
  const bool picture = first == 1 || (IsChannels(shape[axes.channels]) && shape[axes.rows] < 0 &&
                                      shape[axes.rows + 1] < 0 &&
                                      (!channels_last || input.type == DataType::kUInt8));
  return picture ? std::optional(axes) : std::nullopt;
}

bool HasBatch(const TensorInfo& input) {
  const std::optional<PictureAxes> axes = AxesOf(input);
  return axes ? axes->batch : input.has_shape && !input.shape.empty();
}

// The size of a free dimension that is no batch: a picture's height or width, by the descriptor.
std::int64_t FreeSize(const TensorInfo& input, std::size_t axis, const ShapeOptions& options,
                      const std::optional<Descriptor>& descriptor) {
  const std::optional<PictureAxes> axes = AxesOf(input);
  if (axes && axis == axes->channels) return options.channels;
  if (!axes || (axis != axes->rows && axis != axes->rows + 1)) {
    Refuse("input '" + input.name + "': the size of axis " + std::to_string(axis) +
           " is free in the model: give --shape " + input.name + "=...");
  }
  const bool is_height = axis == axes->rows;
  if (!descriptor) return is_height ? options.height : options.width;
  return is_height ? descriptor->preprocess.height : descriptor->preprocess.width;
}

Shape ChooseShape(const TensorInfo& input, const ShapeOptions& options,
                  const std::optional<Descriptor>& descriptor) {
  const int batch = options.batch;
  if (!input.has_shape) {
    Refuse("input '" + input.name + "': the model declares no shape: give --shape " + input.name +
           "=...");
  }
  const bool has_batch = HasBatch(input);
  if (!has_batch && batch > 1 && !input.shape.empty()) {
    Refuse("--batch " + std::to_string(batch) + ": input '" + input.name +
           "' is one picture, without a batch");
  }
  Shape shape = input.shape;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const bool is_batch = axis == 0 && has_batch;
    if (is_batch && batch > 0 && shape[0] >= 0 && shape[0] != batch) {
      Refuse("--batch " + std::to_string(batch) + ": input '" + input.name +
             "' has a fixed batch of " + std::to_string(shape[0]));
    }
    if (shape[axis] >= 0) continue;
    shape[axis] = is_batch ? std::max(batch, 1) : FreeSize(input, axis, options, descriptor);
  }
  return shape;
}

// A number where the model leaves the batch free would make --batch say what is not so.
void CheckBatch(const TensorInfo& input, const GivenShape& given, int batch) {
  const bool fixed =
      input.has_shape && (!HasBatch(input) || (!input.shape.empty() && input.shape[0] >= 0));
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
      shapes[input.name] = ChooseShape(input, options, descriptor);
    } else {
      CheckBatch(input, found->second, options.batch);
    }
  }
  return shapes;
}

namespace {

// Sides of the first picture among the inputs that has a free one and that no argument names.
struct FreePicture {
  const TensorInfo* input = nullptr;
  PictureSides declared;
  bool channels = false;  // are free as well
};

FreePicture FindFreePicture(const std::vector<TensorInfo>& inputs, const ShapeOptions& options) {
  const auto given = ParseShapes(options);
  for (const TensorInfo& input : inputs) {
    const std::optional<PictureAxes> axes = AxesOf(input);
    if (!axes || given.contains(input.name)) continue;
    const PictureSides sides = {input.shape[axes->rows], input.shape[axes->rows + 1]};
    const bool channels = input.shape[axes->channels] < 0;
    if (sides.height < 0 || sides.width < 0 || channels) return {&input, sides, channels};
  }
  return {};
}

// How --shape would say the shape of this input.
std::string ShapeArgument(const TensorInfo& input, const Shape& shape) {
  std::string text = input.name + '=';
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis > 0) text += 'x';
    const bool is_batch = axis == 0 && HasBatch(input) && input.shape[0] < 0;
    text += is_batch ? "N" : std::to_string(shape[axis]);
  }
  return text;
}

void SetSides(const PictureSides& sides, ShapeOptions& options) {
  options.height = sides.height;
  options.width = sides.width;
}

std::string SizeText(const PictureSides& sides) {
  return std::to_string(sides.height) + 'x' + std::to_string(sides.width);
}

}  // namespace

ShapeChooser::ShapeChooser(const Graph& graph, std::vector<std::string> shapes,
                           std::optional<Descriptor> descriptor, int batch)
    : inputs_(graph.inputs()), descriptor_(std::move(descriptor)) {
  options_.shapes = std::move(shapes);
  options_.batch = batch;
  const FreePicture picture = FindFreePicture(inputs_, options_);
  const InputShapes likeliest = ChooseShapes(inputs_, options_, descriptor_);
  if (picture.input == nullptr || (descriptor_ && !picture.channels)) return;
  const auto check = [&](const PictureSides& sides) {
    SetSides(sides, options_);
    CheckInputShapes(graph, ChooseShapes(inputs_, options_, descriptor_));
  };
  const std::vector<PictureSides> sides = SidesToTry(graph, picture.declared);
  try {
    try {
      SetSides(FirstThatWorks(sides, check), options_);
    } catch (const Error&) {
      if (!picture.channels) throw;
      options_.channels = 1;
      SetSides(FirstThatWorks(sides, check), options_);
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnsupported) throw;
    throw Error(error.code(), std::string(error.what()) + " (input '" + picture.input->name +
                                  "' is of any size in the model, and neither a guess of " +
                                  SizeText(sides.front()) + " nor " +
                                  std::to_string(sides.size() - 1) + " others run: give --shape " +
                                  ShapeArgument(*picture.input, likeliest.at(picture.input->name)) +
                                  " with the right numbers)");
  }
  const Shape shape = ChooseShapes(inputs_, options_, descriptor_).at(picture.input->name);
  note_ = "input '" + picture.input->name + "' is of any size in the model: a guess is --shape " +
          ShapeArgument(*picture.input, shape);
}

InputShapes ShapeChooser::For(int batch) const {
  ShapeOptions options = options_;
  options.batch = batch;
  return ChooseShapes(inputs_, options, descriptor_);
}

int ShapeChooser::Batch(const InputShapes& shapes) const {
  for (const TensorInfo& input : inputs_) {
    const Shape& shape = shapes.at(input.name);
    if (shape.empty() || (input.has_shape && !HasBatch(input))) continue;
    constexpr std::int64_t kMost = 1 << 30;
    return static_cast<int>(std::clamp<std::int64_t>(shape[0], 1, kMost));
  }
  return 1;
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
