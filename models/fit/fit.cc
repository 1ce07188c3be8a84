#include <algorithm>
#include <cmath>

#include "engine/graph/ir.h"
#include "kinglet/classify.h"
#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "models/fit/detection_outputs.h"
#include "models/fit/picture_input.h"

namespace kinglet {
namespace {

constexpr std::int64_t kColors = 3;

std::string ShapeText(const TensorInfo& info) {
  if (!info.has_shape) return "of any shape";
  std::string text;
  for (std::size_t d = 0; d < info.shape.size(); ++d) {
    if (d > 0) text += 'x';
    text += info.shape[d] < 0 ? "?" : std::to_string(info.shape[d]);
  }
  return text.empty() ? "scalar" : text;
}

const TensorInfo& Choose(const std::vector<TensorInfo>& infos, const std::string& wanted,
                         const Descriptor& descriptor, const char* what) {
  const auto found = std::find_if(infos.begin(), infos.end(),
                                  [&](const TensorInfo& info) { return info.name == wanted; });
  if (found != infos.end()) return *found;
  if (infos.size() == 1) return infos.front();
  throw Error(ErrorCode::kInvalidInput, "descriptor '" + descriptor.name + "': " + what +
                                            ".name: the network has no " + what + " '" + wanted +
                                            "'; it has " + ListTensors(infos));
}

[[noreturn]] void NoPictureInput(const Graph& graph, const TensorInfo& input) {
  throw Error(ErrorCode::kUnsupported,
              graph.ir().source +
                  ": expected one input for one colour picture (float32, Nx3xHxW or "
                  "NxHxWx3), found " +
                  ListTensors({input}) + "; 'kinglet run' takes any tensors");
}

void FitSize(PreprocessSpec& spec, int width, int height) {
  if (spec.width == width && spec.height == height) return;
  if (spec.fit == FitRule::kShortestSide) {
    const double scale =
        static_cast<double>(std::min(width, height)) / std::min(spec.width, spec.height);
    spec.resize_shortest =
        std::max({static_cast<int>(std::lround(spec.resize_shortest * scale)), width, height});
  }
  spec.width = width;
  spec.height = height;
}

int DeclaredSide(std::int64_t declared, int wanted) {
  return declared > 0 ? static_cast<int>(declared) : wanted;
}

// Detectors take what classifiers take, and bytes, and pictures without a batch axis.
bool TakesPictures(const TensorInfo& input, Task task) {
  const bool bytes = task == Task::kDetect && input.type == DataType::kUInt8;
  if (input.type != DataType::kFloat32 && !bytes) return false;
  if (!input.has_shape) return true;
  if (task == Task::kDetect && input.shape.size() == 3) return true;
  return input.shape.size() == 4 && input.shape[0] <= 1;
}

void FitInput(Descriptor& descriptor, const Graph& graph, const TensorInfo& input) {
  if (!TakesPictures(input, descriptor.task)) NoPictureInput(graph, input);
  if (!input.has_shape) return;
  PreprocessSpec& spec = descriptor.preprocess;
  const std::size_t rank = input.shape.size();
  const std::size_t channel_axis = spec.layout == ImageLayout::kNchw ? rank - 3 : rank - 1;
  const std::int64_t channels = input.shape[channel_axis];
  if (channels >= 0 && channels != kColors) {
    const auto layout = PictureLayout(input, descriptor.task);
    if (!layout) NoPictureInput(graph, input);
    spec.layout = *layout;
  }
  const std::size_t rows = HeightAxis(spec.layout, rank);
  const std::int64_t height = input.shape[rows];
  const std::int64_t width = input.shape[rows + 1];
  if (height > kLargestSide || width > kLargestSide) NoPictureInput(graph, input);
  if (height > 0 || width > 0) descriptor.picture_size = false;
  FitSize(spec, DeclaredSide(width, spec.width), DeclaredSide(height, spec.height));
}

// A network that has not the output that the rule asks for, as one built without weights, knows
// nothing of pictures that show none of its classes.
void FitRejection(Descriptor& descriptor, const std::vector<TensorInfo>& outputs) {
  Rejection& rejection = descriptor.rejection;
  if (rejection.measure != RejectionMeasure::kOutput) return;
  const bool there = std::any_of(outputs.begin(), outputs.end(), [&](const TensorInfo& info) {
    return info.name == rejection.output;
  });
  if (!there) rejection = {};
}

}  // namespace

std::optional<ImageLayout> PictureLayout(const TensorInfo& input, Task task) {
  if (!input.has_shape || !TakesPictures({input.name, input.type, false, {}, {}}, task)) return {};
  const std::size_t rank = input.shape.size();
  if (rank != 4 && (rank != 3 || task != Task::kDetect)) return {};
  if (input.shape[rank - 3] == kColors) return ImageLayout::kNchw;
  if (input.shape[rank - 1] == kColors) return ImageLayout::kNhwc;
  return {};
}

std::string ListTensors(const std::vector<TensorInfo>& infos) {
  std::string text;
  for (const TensorInfo& info : infos) {
    text += (text.empty() ? "'" : ", '") + info.name + "' " + DataTypeName(info.type) + ' ' +
            ShapeText(info);
  }
  return text.empty() ? "none" : text;
}

Descriptor FitDescriptor(Descriptor descriptor, const Graph& graph) {
  const std::vector<TensorInfo> inputs = graph.inputs();
  const TensorInfo& input = Choose(inputs, descriptor.input, descriptor, "input");
  if (inputs.size() > 1) {
    throw Error(ErrorCode::kUnsupported,
                graph.ir().source + ": expected a network with one input, found " +
                    ListTensors(inputs) + "; 'kinglet run' takes any number");
  }
  descriptor.input = input.name;
  if (descriptor.task == Task::kDetect) {
    FitDetection(descriptor, graph);
  } else {
    const std::vector<TensorInfo> outputs = graph.outputs();
    descriptor.output = Choose(outputs, descriptor.output, descriptor, "output").name;
    descriptor.activation = ResolveActivation(descriptor.activation, graph, descriptor.output);
    FitRejection(descriptor, outputs);
  }
  FitInput(descriptor, graph, input);
  return descriptor;
}

}  // namespace kinglet
