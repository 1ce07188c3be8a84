#include <algorithm>
#include <cctype>

#include "kinglet/classify.h"
#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "models/descriptor/picture_input.h"

namespace kinglet {
namespace {

constexpr int kDefaultSide = 224;
constexpr std::int64_t kImageNetClasses = 1000;
constexpr std::int64_t kCocoClasses = 90;
constexpr std::int64_t kBoxSize = 4;

int Side(std::int64_t declared, const char* what, std::vector<std::string>& notes) {
  if (declared > 0 && declared <= kLargestSide) return static_cast<int>(declared);
  notes.push_back(std::string("The ") + what + " of the input is free in the model; " +
                  std::to_string(kDefaultSide) + " is a guess.");
  return kDefaultSide;
}

// Number of classes of an output {N, C} (sizes of 1 do not count), or 0 where it is not declared.
std::int64_t ClassCount(const TensorInfo& output) {
  std::int64_t count = 0;
  for (std::size_t i = 1; output.has_shape && i < output.shape.size(); ++i) {
    if (output.shape[i] == 1) continue;
    if (count != 0 || output.shape[i] < 1) return 0;
    count = output.shape[i];
  }
  return count;
}

// Classes of a detector that has two outputs {N, anchors, 4} and {N, anchors, classes}, in any
// order; 0 where the outputs are not declared so.
std::int64_t DetectorClasses(const std::vector<TensorInfo>& outputs) {
  for (const TensorInfo& boxes : outputs) {
    for (const TensorInfo& scores : outputs) {
      if (&boxes == &scores || boxes.shape.size() != 3 || scores.shape.size() != 3) continue;
      const bool same_anchors = boxes.shape[1] > 1 && boxes.shape[1] == scores.shape[1];
      if (same_anchors && boxes.shape[2] == kBoxSize && scores.shape[2] > 0) return scores.shape[2];
    }
  }
  return 0;
}

PreprocessSpec GuessPreprocess(std::int64_t classes, int width, int height,
                               std::vector<std::string>& notes) {
  const bool slim = classes == kImageNetClasses + 1 || classes == kCocoClasses + 1;
  notes.push_back(std::string("Colour order, crop, mean and std are not in the model: the rule '") +
                  (slim ? "slim" : "torch") +
                  "' is a guess. Compare with how the network was trained.");
  return slim ? SlimPreprocess(width, height) : TorchPreprocess(width, height);
}

std::string GuessLabels(std::int64_t classes, std::vector<std::string>& notes) {
  if (classes == kImageNetClasses || classes == kImageNetClasses + 1) {
    notes.push_back("Class names: ImageNet is a guess from the number of outputs.");
    return "imagenet";
  }
  if (classes == kCocoClasses + 1) {
    notes.push_back("Class names: COCO is a guess from the number of classes.");
    return "coco";
  }
  notes.push_back("Class names are not known: name a file beside this one as output.labels.");
  return "";
}

std::string SafeName(const std::string& name) {
  std::string safe = name.substr(0, 64);
  std::replace_if(
      safe.begin(), safe.end(),
      [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '-' && c != '.';
      },
      '_');
  return safe.empty() ? "network" : safe;
}

}  // namespace

Descriptor DraftDescriptor(const Graph& graph, const std::string& name) {
  const std::vector<TensorInfo> inputs = graph.inputs();
  const std::vector<TensorInfo> outputs = graph.outputs();
  const auto input = std::find_if(inputs.begin(), inputs.end(), [](const TensorInfo& info) {
    return PictureLayout(info).has_value();
  });
  if (input == inputs.end() || outputs.empty()) {
    throw Error(ErrorCode::kUnsupported,
                name +
                    ": expected an input that takes colour pictures (float32, Nx3xHxW or NxHxWx3) "
                    "and an output, found inputs: " +
                    ListTensors(inputs) + "; outputs: " + ListTensors(outputs));
  }
  Descriptor descriptor;
  descriptor.name = SafeName(name);
  descriptor.input = input->name;
  const ImageLayout layout = *PictureLayout(*input);
  const std::size_t rows = HeightAxis(layout);
  const int height = Side(input->shape[rows], "height", descriptor.notes);
  const int width = Side(input->shape[rows + 1], "width", descriptor.notes);
  const std::int64_t detector_classes = DetectorClasses(outputs);
  if (detector_classes > 0) descriptor.task = Task::kDetect;
  const std::int64_t classes =
      detector_classes > 0 ? detector_classes : ClassCount(outputs.front());
  descriptor.preprocess = GuessPreprocess(classes, width, height, descriptor.notes);
  descriptor.preprocess.layout = layout;
  descriptor.labels = GuessLabels(classes, descriptor.notes);
  if (descriptor.task == Task::kDetect) {
    descriptor.preprocess.central_crop = 1.0;
    descriptor.notes.push_back("The outputs look like boxes and scores: a detector.");
    return descriptor;
  }
  descriptor.output = outputs.front().name;
  if (outputs.size() > 1) {
    descriptor.notes.push_back("The network has " + std::to_string(outputs.size()) +
                               " outputs; the first is taken for the scores.");
  }
  descriptor.activation = ResolveActivation(ScoreActivation::kAuto, graph, descriptor.output);
  return descriptor;
}

}  // namespace kinglet
