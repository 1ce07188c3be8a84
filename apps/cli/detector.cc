#include "apps/cli/detector.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/cli/costs.h"
#include "apps/cli/picture_runner.h"
#include "kinglet/detect.h"
#include "kinglet/labels.h"
#include "kinglet/onnx.h"

namespace kinglet::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDemo = "demo_detector";

Graph OpenGraph(const NetworkOptions& network) {
  if (!network.model.empty()) return ReadOnnx(network.model);
  if (DemoDetectorBytes().empty()) {
    throw UsageError("there is no built-in detector: name one with --model FILE.onnx");
  }
  if (!network.descriptor.empty() && network.descriptor != kDemo) {
    throw UsageError("--descriptor needs --model: without it the demo detector is run");
  }
  return ReadOnnxBytes(DemoDetectorBytes(), kDemo);
}

void Override(const DetectorOverrides& overrides, const std::string& name, DetectionSpec& spec) {
  if (overrides.threshold) spec.score_threshold = static_cast<float>(*overrides.threshold);
  if (overrides.max_detections) spec.max_detections = *overrides.max_detections;
  if (spec.nms == NmsKind::kNone && (overrides.iou || !overrides.nms.empty())) {
    throw UsageError(fmt::format(
        "{}: the network does non-maximum suppression itself, so --iou and --nms change nothing",
        name));
  }
  if (overrides.iou) spec.iou_threshold = static_cast<float>(*overrides.iou);
  if (overrides.nms == "per-class") spec.nms = NmsKind::kPerClass;
  if (overrides.nms == "fast") spec.nms = NmsKind::kFast;
}

// MODEL.anchors.json beside MODEL.onnx, or one for all variants MODEL_*.onnx.
std::string AnchorsBeside(const std::string& model) {
  std::string stem = fs::path(model).replace_extension().string();
  for (int i = 0; i < 2; ++i) {
    const std::string path = stem + ".anchors.json";
    std::error_code error;
    if (fs::is_regular_file(path, error)) return path;
    const std::size_t cut = stem.rfind('_');
    if (cut == stem.npos || stem.find('/', cut) != stem.npos) break;
    stem.resize(cut);
  }
  return "";
}

// Classes as the network's outputs count them, the background left out; 0: not known.
std::size_t CountClasses(const DetectorNetwork& detector) {
  const Descriptor& descriptor = detector.descriptor;
  if (descriptor.picture_size) return CountDetectorClasses(descriptor, detector.model.outputs());
  InputShapes shapes;
  for (const TensorInfo& input : detector.model.inputs()) {
    shapes[input.name] = InputShape(descriptor.preprocess, input);
  }
  return CountDetectorClasses(descriptor, detector.model.Describe(shapes).outputs);
}

bool NamesBackground(const std::string& name) {
  return name == "background" || name == "__background__" || name == "???";
}

// The names for the classes; where their number shows that the descriptor is wrong about the
// background, the network is right.
void FitDetectorLabels(DetectorNetwork& detector, std::vector<std::string> names,
                       const std::string& source, bool strict, const CommonOptions& options) {
  Background& background = detector.descriptor.detection.background;
  const std::size_t classes = CountClasses(detector);
  if (background != Background::kNone && !names.empty() && NamesBackground(names.front())) {
    names.erase(names.begin());
  }
  if (names.empty() || classes == 0 || names.size() == classes) {
    detector.labels = std::move(names);
    return;
  }
  if (background != Background::kNone && names.size() == classes + 1) {
    background = Background::kNone;
    PrintNote(options, fmt::format("note: {}: as many scores as '{}' has names: none of them is "
                                   "taken for the background",
                                   detector.name, source));
  } else if (background == Background::kNone && names.size() + 1 == classes) {
    background = Background::kFirst;
    PrintNote(options, fmt::format("note: {}: one score more than '{}' has names: the first is "
                                   "taken for the background",
                                   detector.name, source));
  } else if (strict) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("{}: expected {} class names, as the network has classes, found {}",
                            source, classes, names.size()));
  } else {
    PrintNote(options, fmt::format("note: {} has {} classes and '{}' {} names: classes are shown "
                                   "by number (--labels FILE names them)",
                                   detector.name, classes, source, names.size()));
    return;
  }
  detector.labels = std::move(names);
}

}  // namespace

std::string DetectorNetwork::Label(std::size_t index) const {
  return index < labels.size() ? labels[index] : fmt::format("class {}", index);
}

DetectorNetwork OpenDetector(const NetworkOptions& network, const DetectorOverrides& overrides,
                             const CommonOptions& options) {
  const std::string name = network.model.empty() ? kDemo : network.model;
  Graph graph = OpenGraph(network);
  Descriptor descriptor =
      network.model.empty() ? FindDescriptor(kDemo) : ChooseDescriptor(network, graph);
  if (descriptor.task != Task::kDetect) {
    throw UsageError(
        fmt::format("descriptor '{}' is of a classifier, and kinglet detect needs a "
                    "detector (task 'detect'); kinglet classify runs classifiers",
                    descriptor.name));
  }
  descriptor.notes.clear();  // what a person should have checked
  descriptor = FitDescriptor(std::move(descriptor), graph);
  for (const std::string& note : descriptor.notes) {
    PrintNote(options, "note: " + name + ": " + note);
  }
  Override(overrides, name, descriptor.detection);
  std::string anchors = overrides.anchors;
  if (anchors.empty() && HasAnchors(descriptor.detection.box_coding) && !network.model.empty()) {
    anchors = AnchorsBeside(network.model);
    if (!anchors.empty()) PrintNote(options, "note: anchors from " + anchors);
  }
  DetectorNetwork detector{
      name, std::move(descriptor), CompileModel(std::move(graph), options), {}, std::move(anchors)};
  if (network.labels.empty()) {
    FitDetectorLabels(detector, DescriptorLabels(detector.descriptor), detector.descriptor.labels,
                      false, options);
  } else {
    FitDetectorLabels(detector, ReadLabels(network.labels), network.labels, true, options);
  }
  return detector;
}

}  // namespace kinglet::cli
