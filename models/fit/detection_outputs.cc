#include "models/fit/detection_outputs.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "kinglet/error.h"
#include "models/fit/finished_form.h"
#include "models/fit/graph_tail.h"
#include "models/fit/head_form.h"
#include "models/fit/known_shapes.h"
#include "models/fit/picture_input.h"

namespace kinglet {
namespace {

constexpr std::int64_t kBoxSize = 4;

using Infos = std::vector<TensorInfo>;

bool IsInteger(const TensorInfo& info) {
  return info.type == DataType::kInt64 || info.type == DataType::kInt32;
}

// Boxes and scores, an output each, and nothing else.
bool IsSimple(const DetectionSpec& spec) {
  return spec.levels.empty() && spec.layout == OutputLayout::kRows && spec.objectness.empty() &&
         spec.landmarks.empty() && spec.box_columns.empty() && spec.score_columns.empty() &&
         spec.box_bins == 1;
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

// What the outputs look like to a descriptor of this form.
std::optional<DetectionSpec> Seen(const Descriptor& descriptor, const Graph& graph,
                                  const Infos& outputs) {
  const int width = descriptor.preprocess.width;
  const int height = descriptor.preprocess.height;
  if (descriptor.detection.nms == NmsKind::kNone) {
    return RecognizeFinished(graph, outputs, width, height);
  }
  if (IsSimple(descriptor.detection)) {
    if (auto raw = RecognizeRaw(outputs)) return raw;
  }
  const auto head = RecognizeHead(OutputsAt(graph, descriptor.input, width, height), width, height);
  if (!head) return std::nullopt;
  return head->spec;
}

bool AllNamed(const DetectionSpec& spec, const Infos& outputs) {
  const std::vector<HeadOutputs> heads = spec.Heads();
  return std::all_of(heads.begin(), heads.end(), [&](const HeadOutputs& head) {
    const auto there = [&](const std::string& name, bool required) {
      return (name.empty() && !required) || !NameIn(outputs, name).empty();
    };
    return there(head.boxes, true) && there(head.scores, true) && there(head.objectness, false) &&
           there(head.landmarks, false);
  });
}

bool HasObjectness(const DetectionSpec& spec) {
  return !spec.objectness_columns.empty() || !spec.Heads().front().objectness.empty();
}

// Whether a descriptor of the one form can be fitted to outputs of the other.
bool SameForm(const DetectionSpec& wanted, const DetectionSpec& seen) {
  return wanted.levels.size() == seen.levels.size() &&
         wanted.box_columns.empty() == seen.box_columns.empty() &&
         HasObjectness(wanted) == HasObjectness(seen) && wanted.box_bins == seen.box_bins;
}

void Rename(HeadOutputs& head, const Infos& outputs) {
  for (std::string* name : {&head.boxes, &head.scores, &head.objectness, &head.landmarks}) {
    if (!name->empty()) *name = NameIn(outputs, *name);
  }
}

// Heads with several maps, or with more than boxes and scores.
void FitHead(Descriptor& descriptor, const Graph& graph, const Infos& outputs) {
  DetectionSpec& spec = descriptor.detection;
  if (!AllNamed(spec, outputs)) {
    const bool named = !spec.Heads().front().boxes.empty();
    const auto seen = Seen(descriptor, graph, outputs);
    if (!seen || !SameForm(spec, *seen)) {
      NoOutput(descriptor, "boxes", spec.Heads().front().boxes, outputs);
    }
    const bool landmarks =
        !spec.Heads().front().landmarks.empty() || !spec.landmark_columns.empty();
    spec.boxes = seen->boxes;
    spec.scores = seen->scores;
    spec.objectness = seen->objectness;
    spec.landmarks = landmarks ? seen->landmarks : "";
    spec.levels = seen->levels;
    spec.layout = seen->layout;
    if (!landmarks) {
      for (HeadOutputs& level : spec.levels) level.landmarks.clear();
    }
    if (named) {
      descriptor.notes.push_back(
          "The network has no outputs of the descriptor's names; they were found by their shapes.");
    }
  }
  if (spec.levels.empty()) {
    HeadOutputs head = spec.Heads().front();
    Rename(head, outputs);
    spec.boxes = head.boxes;
    spec.scores = head.scores;
    spec.objectness = head.objectness;
    spec.landmarks = head.landmarks;
  }
  for (HeadOutputs& level : spec.levels) Rename(level, outputs);
  spec.classes = spec.count = "";
}

void FitNames(Descriptor& descriptor, const Graph& graph, const Infos& outputs) {
  DetectionSpec& spec = descriptor.detection;
  const bool finished = spec.nms == NmsKind::kNone;
  if (!finished && !IsSimple(spec)) return FitHead(descriptor, graph, outputs);
  const std::optional<DetectionSpec> seen = Seen(descriptor, graph, outputs);
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
  std::optional<DetectionSpec> finished =
      RecognizeFinished(graph, outputs, descriptor.preprocess.width, descriptor.preprocess.height);
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
  const GraphTail boxes = LookAtTail(graph, spec.Heads().front().boxes);
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
  const bool applied =
      spec.nms == NmsKind::kNone || LookAtTail(graph, spec.Heads().front().scores).probabilities();
  if (applied) {
    descriptor.activation = ScoreActivation::kNone;
  } else if (descriptor.activation == ScoreActivation::kAuto) {
    descriptor.activation = spec.background == Background::kNone ? ScoreActivation::kSigmoid
                                                                 : ScoreActivation::kSoftmax;
  }
}

}  // namespace

std::optional<DetectionSpec> RecognizeRaw(const Infos& outputs) {
  std::optional<DetectionSpec> found;
  for (const TensorInfo& boxes : outputs) {
    const bool of_boxes =
        boxes.has_shape && boxes.shape.size() == 3 && boxes.shape.back() == kBoxSize;
    if (!of_boxes || IsInteger(boxes)) continue;
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
  FitNames(descriptor, graph, outputs);
  if (descriptor.detection.nms != NmsKind::kNone) FitCoding(descriptor, graph);
  FitActivation(descriptor, graph);
}

}  // namespace kinglet
