#include "apps/cli/network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "apps/cli/costs.h"
#include "apps/cli/input_file.h"
#include "apps/cli/model_options.h"
#include "kinglet/machine.h"
#include "kinglet/onnx.h"

namespace kinglet::cli {
namespace {

constexpr const char* kDemo = "demo";
constexpr const char* kDemoDetector = "demo_detector";

void CheckDescriptor(const NetworkOptions& network, const char* demo, const char* what) {
  if (!network.model.empty() || network.descriptor.empty() || network.descriptor == demo) return;
  throw UsageError(fmt::format("--descriptor needs --model: without it the demo {} is run", what));
}

void PrintNotes(const CommonOptions& options, const std::vector<std::string>& notes) {
  for (const std::string& note : notes) {
    const bool unnamed = note.ends_with("classes are shown by number");
    PrintNote(options, "note: " + note + (unnamed ? " (--labels FILE names them)" : ""));
  }
}

void PrintRead(const CommonOptions& options, const std::string& name, const Graph& graph,
               const Timer& timer) {
  PrintDetail(options, fmt::format("read {} in {:.1f} ms: {} nodes, {} parameters", name,
                                   timer.ms(), graph.node_count(), graph.parameter_count()));
}

template <typename Pipeline>
Pipeline Opened(const std::string& model, const PipelineOptions& pipeline,
                const CommonOptions& options) {
  const Timer timer;
  Pipeline opened(ModelFile(model), pipeline);
  PrintDetail(options, fmt::format("opened {} with descriptor '{}' in {:.1f} ms; {}", model,
                                   opened.descriptor().name, timer.ms(), InstructionSet()));
  PrintNotes(options, opened.notes());
  const Descriptor& descriptor = opened.descriptor();
  if (options.costs.tune && !descriptor.picture_size) {
    TuneWhenAsked(opened.model(), measure::ChooseShapes(opened.model().inputs(), {}, descriptor),
                  options);
  }
  return opened;
}

}  // namespace

PipelineOptions PipelineOptionsOf(const NetworkOptions& network, const CommonOptions& options) {
  PipelineOptions pipeline;
  pipeline.descriptor = network.descriptor;
  pipeline.labels = network.labels;
  pipeline.preprocess = network.preprocess;
  pipeline.threads = ThreadsOf(options);
  pipeline.read = ReadOptionsOf(options);
  pipeline.compile = CompileOptionsOf(options);
  return pipeline;
}

NamedNetwork OpenNamed(const std::string& name, const CommonOptions& options) {
  const Timer timer;
  NamedNetwork network = OpenNetwork(ModelFile(name), ReadOptionsOf(options));
  PrintRead(options, name, network.graph, timer);
  return network;
}

NamedNetwork OpenDescribed(const std::string& name, const CommonOptions& options,
                           const std::string& descriptor) {
  NamedNetwork network = OpenNamed(name, options);
  if (!descriptor.empty()) {
    if (network.descriptor) throw UsageError("--descriptor is for a model file");
    network.descriptor = OpenDescriptor(descriptor);
  }
  if (!network.descriptor && !IsStream(name)) network.descriptor = DescriptorBeside(name);
  return network;
}

Graph OpenModel(const std::string& file, const CommonOptions& options) {
  const Timer timer;
  Graph graph = ReadOnnx(ModelFile(file), ReadOptionsOf(options));
  PrintRead(options, file, graph, timer);
  return graph;
}

void PrintGuess(const CommonOptions& options, const measure::ShapeChooser& shapes) {
  if (!shapes.note().empty()) PrintNote(options, "note: " + shapes.note());
}

namespace {

bool IsFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

}  // namespace

void NoteFilesBeside(const std::string& network, const std::string& output,
                     const CommonOptions& options) {
  if (!IsFile(network)) return;  // a name of 'kinglet models'
  std::vector<std::string> files;
  const auto beside = [](const std::string& model) {
    return std::filesystem::path(model).replace_extension(".json").string();
  };
  const std::string descriptor = beside(network);
  const bool is_network = descriptor == network;
  if (!is_network && IsFile(descriptor) && !IsFile(beside(output))) files.push_back(descriptor);
  const std::string anchors = AnchorsBeside(network);
  if (!anchors.empty() && AnchorsBeside(output).empty()) files.push_back(anchors);
  if (files.empty()) return;
  PrintNote(options,
            fmt::format("note: {} {} not found for {}, as such files go by the network's "
                        "name",
                        fmt::join(files, " and "), files.size() == 1 ? "is" : "are", output));
}

Classifier OpenClassifier(const NetworkOptions& network, const CommonOptions& options) {
  CheckDescriptor(network, kDemo, "network");
  return Opened<Classifier>(network.model.empty() ? kDemo : network.model,
                            PipelineOptionsOf(network, options), options);
}

Detector OpenDetector(const NetworkOptions& network, const DetectorOverrides& overrides,
                      const CommonOptions& options) {
  if (network.model.empty() && DemoBytes(kDemoDetector).empty()) {
    throw UsageError("there is no built-in detector: name one with --model FILE.onnx");
  }
  CheckDescriptor(network, kDemoDetector, "detector");
  PipelineOptions pipeline = PipelineOptionsOf(network, options);
  pipeline.anchors = overrides.anchors;
  if (overrides.threshold) pipeline.score_threshold = static_cast<float>(*overrides.threshold);
  if (overrides.iou) pipeline.iou_threshold = static_cast<float>(*overrides.iou);
  pipeline.max_detections = overrides.max_detections;
  if (overrides.nms == "per-class") pipeline.nms = NmsKind::kPerClass;
  if (overrides.nms == "fast") pipeline.nms = NmsKind::kFast;
  return Opened<Detector>(network.model.empty() ? kDemoDetector : network.model, pipeline, options);
}

std::vector<Detection> DetectIn(Detector& detector, const Image& picture, bool& answered) {
  try {
    std::vector<Detection> found = detector.Detect(picture);
    answered = true;
    return found;
  } catch (const DescriptorMismatch& error) {
    if (answered) throw;
    throw WrongModel(error.what());
  }
}

}  // namespace kinglet::cli
