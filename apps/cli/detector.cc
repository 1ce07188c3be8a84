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

// As a plan has them where the size of the input is known, and otherwise as the model declares
// them.
std::vector<TensorInfo> OutputsOf(const Model& model, const Descriptor& descriptor) {
  if (descriptor.picture_size) return model.outputs();
  InputShapes shapes;
  for (const TensorInfo& input : model.inputs()) {
    shapes[input.name] = InputShape(descriptor.preprocess, input);
  }
  return model.Describe(shapes).outputs;
}

bool NamesBackground(const std::string& name) {
  return name == "background" || name == "__background__" || name == "???";
}

// The names for the classes; where their number shows that the descriptor is wrong about the
// background, the network is right.
std::vector<std::string> FitDetectorLabels(const std::string& name, Descriptor& descriptor,
                                           const std::vector<TensorInfo>& outputs,
                                           const std::string& file, const CommonOptions& options) {
  const std::string& source = file.empty() ? descriptor.labels : file;
  std::vector<std::string> names = file.empty() ? DescriptorLabels(descriptor) : ReadLabels(file);
  Background& background = descriptor.detection.background;
  const std::size_t classes = CountDetectorClasses(descriptor, outputs);
  if (background != Background::kNone && !names.empty() && NamesBackground(names.front())) {
    names.erase(names.begin());
  }
  if (names.empty() || classes == 0 || names.size() == classes) return names;
  if (background != Background::kNone && names.size() == classes + 1) {
    background = Background::kNone;
    PrintNote(options, fmt::format("note: {}: as many scores as '{}' has names: none of them is "
                                   "taken for the background",
                                   name, source));
  } else if (background == Background::kNone && names.size() + 1 == classes) {
    background = Background::kFirst;
    PrintNote(options, fmt::format("note: {}: one score more than '{}' has names: the first is "
                                   "taken for the background",
                                   name, source));
  } else if (!file.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("{}: expected {} class names, as the network has classes, found {}",
                            source, classes, names.size()));
  } else {
    PrintNote(options, fmt::format("note: {} has {} classes and '{}' {} names: classes are shown "
                                   "by number (--labels FILE names them)",
                                   name, classes, source, names.size()));
    return {};
  }
  return names;
}

std::string DoesNotFit(const std::string& name, const Descriptor& descriptor, const Error& error) {
  return fmt::format("{}: the network and its descriptor '{}' do not fit: {}", name,
                     descriptor.name, error.what());
}

}  // namespace

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
  Model model = CompileModel(std::move(graph), options);
  const std::vector<TensorInfo> outputs = OutputsOf(model, descriptor);
  std::vector<std::string> labels =
      FitDetectorLabels(name, descriptor, outputs, network.labels, options);
  Detector detector(std::move(descriptor), {model.threads(), std::move(anchors)});
  try {
    detector.CheckOutputs(outputs);
  } catch (const Error& error) {
    throw Error(error.code(), DoesNotFit(name, detector.descriptor(), error));
  }
  return {name, std::move(model), std::move(detector), std::move(labels)};
}

DetectorRunner::DetectorRunner(DetectorNetwork& network, std::int64_t max_pixels)
    : network_(network), runner_(network.model, network.descriptor(), max_pixels) {}

std::vector<Detection> DetectorRunner::Run(const std::string& path) {
  const Tensors& outputs = runner_.Run(path);
  const PictureSize size = {image().width, image().height};
  Stopwatch watch;
  std::vector<std::vector<Detection>> found;
  try {
    found = network_.detector.Detect(outputs, {&size, 1});
  } catch (const Error& error) {
    if (answered_ || error.code() != ErrorCode::kInvalidModel) throw;
    throw WrongModel(DoesNotFit(network_.name, network_.descriptor(), error));
  }
  answered_ = true;
  postprocess_ms_ = watch.Lap();
  return std::move(found.front());
}

}  // namespace kinglet::cli
