#include "models/fit/detection_outputs.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "kinglet/error.h"
#include "models/fit/graph_tail.h"
#include "models/fit/picture_input.h"

namespace kinglet {
namespace {

constexpr std::int64_t kBoxSize = 4;

using Infos = std::vector<TensorInfo>;

bool IsInteger(const TensorInfo& info) {
  return info.type == DataType::kInt64 || info.type == DataType::kInt32;
}

bool EndsWithBoxes(const TensorInfo& info, std::size_t rank) {
  return info.has_shape && info.shape.size() == rank && info.shape.back() == kBoxSize;
}

// The first output whose name has this part.
const TensorInfo* WithPart(const Infos& outputs, std::string_view part) {
  const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const TensorInfo& info) {
    return info.name.find(part) != std::string::npos;
  });
  return found == outputs.end() ? nullptr : &*found;
}

std::optional<DetectionSpec> RecognizeTensorFlow(const Infos& outputs) {
  const TensorInfo* boxes = WithPart(outputs, "detection_boxes");
  const TensorInfo* scores = WithPart(outputs, "detection_scores");
  const TensorInfo* classes = WithPart(outputs, "detection_classes");
  if (boxes == nullptr || scores == nullptr || classes == nullptr) return std::nullopt;
  const TensorInfo* count = WithPart(outputs, "num_detections");
  DetectionSpec spec;
  spec.boxes = boxes->name;
  spec.scores = scores->name;
  spec.classes = classes->name;
  if (count != nullptr) spec.count = count->name;
  spec.box_order = BoxOrder::kYx;
  spec.unit = BoxUnit::kPicture;
  spec.background = Background::kFirst;
  spec.nms = NmsKind::kNone;
  return spec;
}

std::optional<DetectionSpec> RecognizeTorchvision(const Infos& outputs) {
  if (outputs.size() != 3) return std::nullopt;
  const TensorInfo* boxes = nullptr;
  const TensorInfo* scores = nullptr;
  const TensorInfo* labels = nullptr;
  for (const TensorInfo& info : outputs) {
    const bool row = !info.has_shape || info.shape.size() == 1;
    if (info.type == DataType::kInt64 && row) labels = &info;
    if (info.type == DataType::kFloat32 && EndsWithBoxes(info, 2)) boxes = &info;
    if (info.type == DataType::kFloat32 && info.has_shape && row) scores = &info;
  }
  if (boxes == nullptr) boxes = WithPart(outputs, "boxes");
  if (scores == nullptr) scores = WithPart(outputs, "scores");
  if (boxes == nullptr || scores == nullptr || labels == nullptr || boxes == scores) {
    return std::nullopt;
  }
  DetectionSpec spec;
  spec.boxes = boxes->name;
  spec.scores = scores->name;
  spec.classes = labels->name;
  spec.box_order = BoxOrder::kXy;
  spec.unit = BoxUnit::kPixels;
  spec.background = Background::kFirst;
  spec.nms = NmsKind::kNone;
  return spec;
}

[[noreturn]] void NoOutput(const Descriptor& descriptor, const char* key, const std::string& name,
                           const Infos& outputs) {
  throw Error(ErrorCode::kInvalidInput,
              "descriptor '" + descriptor.name + "': output." + key + ": the network has no " +
                  (name.empty() ? "output that looks like it" : "output '" + name + "'") +
                  "; it has " + ListTensors(outputs));
}

// The graph's name of an output: as it stands, or as tf2onnx writes it.
std::string NameIn(const Infos& outputs, const std::string& wanted) {
  for (const std::string& name : {wanted, wanted + ":0"}) {
    if (!wanted.empty() && std::any_of(outputs.begin(), outputs.end(),
                                       [&](const TensorInfo& info) { return info.name == name; })) {
      return name;
    }
  }
  return "";
}

struct OutputKey {
  const char* key;
  std::string DetectionSpec::*name;
  bool required;
};
constexpr std::array<OutputKey, 4> kKeys = {{{"boxes", &DetectionSpec::boxes, true},
                                             {"scores", &DetectionSpec::scores, true},
                                             {"classes", &DetectionSpec::classes, true},
                                             {"count", &DetectionSpec::count, false}}};

void FitNames(Descriptor& descriptor, const Infos& outputs) {
  DetectionSpec& spec = descriptor.detection;
  const bool finished = spec.nms == NmsKind::kNone;
  const std::optional<DetectionSpec> seen =
      finished ? RecognizeFinished(outputs) : RecognizeRaw(outputs);
  std::string guessed;
  for (const OutputKey& key : kKeys) {
    const bool wanted =
        finished || key.name == &DetectionSpec::boxes || key.name == &DetectionSpec::scores;
    std::string& name = spec.*key.name;
    std::string found = NameIn(outputs, name);
    if (found.empty() && seen) {
      found = (*seen).*key.name;
      if (wanted && !name.empty() && !found.empty()) {
        guessed += guessed.empty() ? "" : ", ";
        guessed.append(key.key).append(" are '").append(found);
        guessed.append("' (descriptor: '").append(name).append("')");
      }
    }
    if (wanted && found.empty() && (key.required || !name.empty())) {
      NoOutput(descriptor, key.key, name, outputs);
    }
    name = wanted ? found : "";
  }
  if (!guessed.empty()) {
    descriptor.notes.push_back(
        "The network has no outputs of the descriptor's names; by their shapes, " + guessed + ".");
  }
}

// A graph with its own suppression is believed, whatever the descriptor says; and so is one whose
// finished outputs have other names than the descriptor's.
void FitSuppression(Descriptor& descriptor, const Graph& graph, const Infos& outputs) {
  DetectionSpec& spec = descriptor.detection;
  std::optional<DetectionSpec> finished = RecognizeFinished(outputs);
  if (spec.nms == NmsKind::kNone) {
    const bool named = spec.boxes.empty() || !NameIn(outputs, spec.boxes).empty();
    if (named || !finished) return;
  } else {
    const bool in_graph = std::any_of(outputs.begin(), outputs.end(), [&](const TensorInfo& info) {
      return LookAtTail(graph, info.name).nms;
    });
    if (!in_graph) return;
  }
  if (!finished) {
    throw Error(ErrorCode::kInvalidInput,
                "descriptor '" + descriptor.name +
                    "': output.nms: the network does non-maximum suppression itself; expected "
                    "'none' and the names of its outputs, which are " +
                    ListTensors(outputs));
  }
  finished->score_threshold = spec.score_threshold;
  finished->max_detections = spec.max_detections;
  spec = *finished;
  descriptor.notes.push_back(
      "The network does non-maximum suppression itself; its detections are taken as they are.");
  const TensorInfo input = graph.inputs().front();
  const bool one_picture = input.has_shape && input.shape.size() == 3;
  if (input.type != DataType::kUInt8 && !one_picture) return;
  TakeSamplesAsTheyAre(descriptor, input);
  descriptor.notes.push_back(
      std::string("The network prepares its pictures itself, from samples of 0 to ") +
      (input.type == DataType::kUInt8 ? "255." : "1."));
}

void FitCoding(Descriptor& descriptor, const Graph& graph) {
  DetectionSpec& spec = descriptor.detection;
  const GraphTail boxes = LookAtTail(graph, spec.boxes);
  const bool decoded = (spec.box_coding == BoxCoding::kCenterSize && boxes.exp) ||
                       (spec.box_coding == BoxCoding::kPointOffset && boxes.sub);
  if (decoded) {
    spec.box_coding = boxes.sub ? BoxCoding::kNone : BoxCoding::kCenters;
    descriptor.notes.push_back("The network decodes its boxes itself.");
  }
  if (!HasAnchors(spec.box_coding)) spec.anchors = {};
}

void FitActivation(Descriptor& descriptor, const Graph& graph) {
  const DetectionSpec& spec = descriptor.detection;
  const bool applied = spec.nms == NmsKind::kNone || LookAtTail(graph, spec.scores).probabilities();
  if (applied) {
    descriptor.activation = ScoreActivation::kNone;
  } else if (descriptor.activation == ScoreActivation::kAuto) {
    descriptor.activation = spec.background == Background::kNone ? ScoreActivation::kSigmoid
                                                                 : ScoreActivation::kSoftmax;
  }
}

}  // namespace

std::optional<DetectionSpec> RecognizeFinished(const Infos& outputs) {
  if (auto spec = RecognizeTensorFlow(outputs)) return spec;
  return RecognizeTorchvision(outputs);
}

void TakeSamplesAsTheyAre(Descriptor& descriptor, const TensorInfo& input) {
  PreprocessSpec& spec = descriptor.preprocess;
  spec.mean = {0, 0, 0};
  spec.stddev = {1, 1, 1};
  spec.max_value = input.type == DataType::kUInt8 ? 255.0f : 1.0f;
  spec.color_order = ColorOrder::kRgb;
  descriptor.picture_size = true;
  if (!input.has_shape || input.shape.size() < 3) return;
  const std::size_t rows = HeightAxis(spec.layout, input.shape.size());
  descriptor.picture_size = input.shape[rows] < 0 && input.shape[rows + 1] < 0;
}

std::optional<DetectionSpec> RecognizeRaw(const Infos& outputs) {
  std::optional<DetectionSpec> found;
  for (const TensorInfo& boxes : outputs) {
    if (!EndsWithBoxes(boxes, 3) || IsInteger(boxes)) continue;
    for (const TensorInfo& scores : outputs) {
      if (&boxes == &scores || !scores.has_shape || scores.shape.size() != 3) continue;
      if (scores.shape[1] != boxes.shape[1] || IsInteger(scores)) continue;
      if (found) return std::nullopt;  // either could be the boxes
      found.emplace();
      found->boxes = boxes.name;
      found->scores = scores.name;
    }
  }
  return found;
}

void FitDetection(Descriptor& descriptor, const Graph& graph) {
  const Infos outputs = graph.outputs();
  FitSuppression(descriptor, graph, outputs);
  FitNames(descriptor, outputs);
  if (descriptor.detection.nms != NmsKind::kNone) FitCoding(descriptor, graph);
  FitActivation(descriptor, graph);
}

}  // namespace kinglet
