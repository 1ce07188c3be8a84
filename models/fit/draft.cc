#include <algorithm>
#include <cctype>

#include "kinglet/classify.h"
#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "kinglet/graph_info.h"
#include "kinglet/labels.h"
#include "models/anchors/anchors.h"
#include "models/fit/class_scores.h"
#include "models/fit/detection_outputs.h"
#include "models/fit/draft_head.h"
#include "models/fit/finished_form.h"
#include "models/fit/free_sizes.h"
#include "models/fit/graph_tail.h"
#include "models/fit/known_shapes.h"
#include "models/fit/picture_input.h"

namespace kinglet {
namespace {

constexpr int kDetectorSide = 640;
constexpr std::int64_t kImageNetClasses = 1000;
constexpr std::int64_t kCocoClasses = 90;
constexpr const char* kNoLabels =
    "Class names are not known: name a file beside this one as output.labels.";

void NoteGuess(std::int64_t side, const char* what, const std::string& why,
               std::vector<std::string>& notes) {
  notes.push_back(std::string("The ") + what + " of the input is free in the model; " +
                  std::to_string(side) + " is a guess" + why + ".");
}

// Height and width of the input: those that the model declares, else a size that all its shapes
// follow from.
PictureSides Sides(const Graph& graph, const TensorInfo& input, std::size_t rows,
                   std::vector<std::string>& notes) {
  const auto declared = [](std::int64_t size) {
    return size > 0 && size <= kLargestSide ? size : std::int64_t{-1};
  };
  const PictureSides known = {declared(input.shape[rows]), declared(input.shape[rows + 1])};
  const std::vector<PictureSides> sides = SidesToTry(graph, known);
  if (known.height > 0 && known.width > 0) return known;
  PictureSides guess = sides.front();
  std::string why;
  try {
    guess = FirstThatWorks(sides, [&](const PictureSides& each) {
      InputShapes shapes;
      for (const TensorInfo& info : graph.inputs()) {
        Shape& shape = shapes[info.name] = info.shape;
        if (info.name == input.name) {
          shape[rows] = each.height;
          shape[rows + 1] = each.width;
        }
        std::replace_if(
            shape.begin(), shape.end(), [](auto size) { return size < 0; }, 1);
      }
      CheckInputShapes(graph, shapes);
    });
  } catch (const Error& error) {
    why = std::string(", and none of the common sizes runs (") + error.what() + ")";
  }
  if (known.height < 0) NoteGuess(guess.height, "height", why, notes);
  if (known.width < 0) NoteGuess(guess.width, "width", why, notes);
  return guess;
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

const TensorInfo* Named(const std::vector<TensorInfo>& outputs, const std::string& name) {
  const auto found = std::find_if(outputs.begin(), outputs.end(),
                                  [&](const TensorInfo& info) { return info.name == name; });
  return found == outputs.end() ? nullptr : &*found;
}

// The built-in detectors whose anchors are as many as these boxes.
std::vector<Descriptor> SameAnchors(std::int64_t boxes, int width, int height) {
  std::vector<Descriptor> same;
  for (const std::string& name : ListDescriptors()) {
    Descriptor known = FindDescriptor(name);
    // Codes of boxes and scores, and nothing else, are all that these have in common.
    const bool plain = !known.architecture.family.empty() || name == "demo_detector";
    if (!plain || !HasAnchors(known.detection.box_coding)) continue;
    const std::size_t anchors = CountAnchors(known.detection.anchors, width, height);
    if (static_cast<std::int64_t>(anchors) == boxes) same.push_back(std::move(known));
  }
  return same;
}

// "'a', 'b' and 'c' have" as many anchors.
std::string NamesThatHave(const std::vector<Descriptor>& known) {
  std::string names;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i > 0) names += i + 1 < known.size() ? ", " : " and ";
    names += '\'' + known[i].name + '\'';
  }
  return names + (known.size() == 1 ? " has" : " have");
}

// Codes or boxes and scores of anchors. The scores' last size is the number of classes.
void DraftRaw(Descriptor& descriptor, const Graph& graph, const std::vector<TensorInfo>& outputs,
              const DetectionSpec& names) {
  const std::int64_t anchors = Named(outputs, names.boxes)->shape[1];
  const std::vector<Descriptor> same =
      SameAnchors(anchors, descriptor.preprocess.width, descriptor.preprocess.height);
  const Descriptor* known = same.empty() ? nullptr : &same.front();
  DetectionSpec& spec = descriptor.detection;
  if (known != nullptr) {
    spec = known->detection;
    descriptor.activation = known->activation;
    PreprocessSpec& pixels = descriptor.preprocess;
    pixels.mean = known->preprocess.mean;
    pixels.stddev = known->preprocess.stddev;
    pixels.max_value = known->preprocess.max_value;
    pixels.color_order = known->preprocess.color_order;
    const auto classes = static_cast<std::size_t>(Named(outputs, names.scores)->shape[2]);
    const bool fits = DescriptorLabels(*known).size() + 1 == classes;
    descriptor.labels = fits ? known->labels : "";
    const std::string whom = same.size() == 1 ? "it." : "'" + known->name + "'.";
    descriptor.notes = {"As many boxes as " + NamesThatHave(same) +
                        " anchors: all but names and sizes is a guess after " + whom};
    if (!fits) descriptor.notes.push_back(kNoLabels);
  }
  spec.boxes = names.boxes;
  spec.scores = names.scores;
  if (LookAtTail(graph, names.boxes).exp) {
    spec.box_coding = BoxCoding::kNone;
    spec.anchors = {};
  } else if (known == nullptr) {
    descriptor.notes.push_back(
        "The boxes look raw, and nothing is known about their anchors: set output.box_coding, "
        "box_scales, anchors and background (docs/detection.md).");
  }
  if (LookAtTail(graph, names.scores).probabilities()) {
    descriptor.activation = ScoreActivation::kNone;
  }
}

void DraftFinished(Descriptor& descriptor, const DetectionSpec& finished, const TensorInfo& input,
                   const std::vector<std::string>& sizes) {
  descriptor.detection = finished;
  if (!finished.box_columns.empty()) {
    descriptor.notes = sizes;
    PreprocessSpec& pixels = descriptor.preprocess;
    pixels.max_value = 1;
    pixels.mean = {0, 0, 0};
    pixels.stddev = {1, 1, 1};
    pixels.fit = FitRule::kLetterbox;
    descriptor.labels = "";
    descriptor.notes.push_back(
        "The outputs look like finished detections, one in each row. Which numbers are what, their "
        "unit, and the pixels are a guess.");
  } else {
    TakeSamplesAsTheyAre(descriptor, input);
    descriptor.notes = {
        std::string("The outputs look like finished detections, so that the graph is taken to "
                    "prepare its pictures itself, from samples of 0 to ") +
        (descriptor.preprocess.max_value > 1 ? "255." : "1.")};
  }
  if (descriptor.labels.empty()) descriptor.notes.push_back(kNoLabels);
}

// The head of a network that none of the built-in descriptors is of.
bool DraftOther(Descriptor& descriptor, const Graph& graph, const std::vector<TensorInfo>& outputs,
                const std::vector<std::string>& sizes) {
  const PreprocessSpec& spec = descriptor.preprocess;
  const auto form = RecognizeHead(outputs, spec.width, spec.height);
  if (!form) return false;
  Descriptor draft = descriptor;
  draft.notes = sizes;
  if (!DraftHead(draft, graph, *form)) return false;
  descriptor = std::move(draft);
  return true;
}

// Whether the outputs look like a detector's; the descriptor says what they look like then. `sizes`
// are notes about the size of the input.
bool DraftDetection(Descriptor& descriptor, const Graph& graph, const TensorInfo& input,
                    const std::vector<TensorInfo>& outputs, const std::vector<std::string>& sizes) {
  const int width = descriptor.preprocess.width;
  const int height = descriptor.preprocess.height;
  const auto raw = RecognizeRaw(outputs);
  const bool built_in =
      raw && !SameAnchors(Named(outputs, raw->boxes)->shape[1], width, height).empty();
  descriptor.preprocess.central_crop = 1.0;
  descriptor.task = Task::kDetect;
  if (const auto finished = RecognizeFinished(graph, outputs, width, height)) {
    DraftFinished(descriptor, *finished, input, sizes);
    return true;
  }
  if (!built_in && DraftOther(descriptor, graph, outputs, sizes)) return true;
  if (!raw) {
    descriptor.task = Task::kClassify;
    return false;
  }
  descriptor.notes.push_back("The outputs look like boxes and scores: a detector.");
  DraftRaw(descriptor, graph, outputs, *raw);
  return true;
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
  notes.push_back(kNoLabels);
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

[[noreturn]] void NoPictureInput(const std::string& name, const std::vector<TensorInfo>& inputs,
                                 const std::vector<TensorInfo>& outputs) {
  throw Error(ErrorCode::kUnsupported,
              name +
                  ": expected an input that takes colour pictures (float32, Nx3xHxW or NxHxWx3) "
                  "and an output, found inputs: " +
                  ListTensors(inputs) + "; outputs: " + ListTensors(outputs));
}

[[noreturn]] void NotKnown(const std::string& name, const std::string& why,
                           const std::vector<TensorInfo>& outputs) {
  throw Error(ErrorCode::kUnsupported,
              name + ": " + why +
                  ", and the outputs are of no form of detector that is known; a descriptor can be "
                  "written by hand (models/README.md), and 'kinglet run' gives the outputs as they "
                  "are: " +
                  ListTensors(outputs));
}

}  // namespace

Descriptor DraftDescriptor(const Graph& graph, const std::string& name) {
  const std::vector<TensorInfo> inputs = graph.inputs();
  const auto input = std::find_if(inputs.begin(), inputs.end(), [](const TensorInfo& info) {
    return PictureLayout(info, Task::kDetect).has_value();
  });
  if (input == inputs.end() || graph.outputs().empty()) {
    NoPictureInput(name, inputs, graph.outputs());
  }
  Descriptor descriptor;
  descriptor.name = SafeName(name);
  descriptor.input = input->name;
  const ImageLayout layout = *PictureLayout(*input, Task::kDetect);
  const std::size_t rows = HeightAxis(layout, input->shape.size());
  const bool free = input->shape[rows] < 0 && input->shape[rows + 1] < 0;
  const PictureSides sides = Sides(graph, *input, rows, descriptor.notes);
  const auto height = static_cast<int>(sides.height);
  const auto width = static_cast<int>(sides.width);
  const std::vector<TensorInfo> outputs = OutputsAt(graph, input->name, width, height);
  const auto raw = RecognizeRaw(outputs);
  const std::int64_t classes =
      raw ? Named(outputs, raw->scores)->shape.back() : ClassCount(outputs.front());
  const std::vector<std::string> sizes = descriptor.notes;
  descriptor.preprocess = GuessPreprocess(classes, width, height, descriptor.notes);
  descriptor.preprocess.layout = layout;
  descriptor.labels = GuessLabels(classes, descriptor.notes);
  Descriptor detector = descriptor;
  if (DraftDetection(detector, graph, *input, outputs, sizes)) {
    if (free && !detector.picture_size) {
      // Detectors are made for larger pictures than classifiers.
      Descriptor larger = descriptor;
      larger.notes.clear();
      for (const char* side : {"height", "width"}) NoteGuess(kDetectorSide, side, "", larger.notes);
      larger.preprocess.width = larger.preprocess.height = kDetectorSide;
      if (DraftDetection(larger, graph, *input,
                         OutputsAt(graph, input->name, kDetectorSide, kDetectorSide),
                         larger.notes)) {
        return larger;
      }
    }
    return detector;
  }
  if (!PictureLayout(*input)) NoPictureInput(name, inputs, outputs);
  const std::string why = WhyNoClassScores(outputs, outputs.front().name);
  if (!why.empty()) NotKnown(name, why, outputs);
  descriptor.output = outputs.front().name;
  if (outputs.size() > 1) {
    descriptor.notes.push_back("The network has " + std::to_string(outputs.size()) +
                               " outputs; the first is taken for the scores.");
  }
  descriptor.activation = ResolveActivation(ScoreActivation::kAuto, graph, descriptor.output);
  return descriptor;
}

}  // namespace kinglet
