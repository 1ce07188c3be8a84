#include "apps/cli/network.h"

#include <fmt/format.h>

#include <filesystem>

#include "apps/cli/costs.h"
#include "kinglet/labels.h"
#include "kinglet/onnx.h"

namespace kinglet::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDemo = "demo";
constexpr const char* kDemoDetector = "demo_detector";
constexpr const char* kDescriptorExtension = ".json";

bool IsFile(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

Graph DemoGraph() { return ReadOnnxBytes(DemoModelBytes(), kDemo); }

bool LooksLikePath(const std::string& name) {
  return name.find('/') != std::string::npos || fs::path(name).has_extension();
}

Descriptor Fitted(const NetworkOptions& network, const Graph& graph) {
  Descriptor descriptor = ChooseDescriptor(network, graph);
  if (descriptor.task != Task::kClassify) {
    throw UsageError(
        fmt::format("descriptor '{}' is of a detector (task 'detect'), and kinglet classify needs "
                    "a classifier; kinglet detect runs detectors",
                    descriptor.name));
  }
  descriptor = FitDescriptor(std::move(descriptor), graph);
  PreprocessSpec& spec = descriptor.preprocess;
  if (!network.preprocess.empty()) {
    const ImageLayout layout = spec.layout;
    spec = NamedPreprocess(network.preprocess, spec.width, spec.height);
    spec.layout = layout;
  }
  return descriptor;
}

// Classes of the planned output {1, C} with any sizes of 1.
std::size_t CountClasses(const Classifier& classifier) {
  const PlanInfo plan = classifier.model.Describe(
      {{classifier.descriptor.input, PreprocessedShape(classifier.descriptor.preprocess)}});
  for (const TensorInfo& output : plan.outputs) {
    if (output.name != classifier.descriptor.output) continue;
    std::int64_t wide = 0;
    std::int64_t classes = 1;
    for (const std::int64_t size : output.shape) {
      wide += size != 1;
      classes *= size;
    }
    if (wide <= 1 && output.shape.size() >= 2 && output.shape[0] == 1 && classes > 0) {
      return static_cast<std::size_t>(classes);
    }
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: expected one score for each class in output '{}', found shape {}",
                            classifier.name, output.name, ShapeToString(output.shape)));
  }
  throw Error(ErrorCode::kInvalidModel, classifier.name + ": has no output");
}

std::vector<std::string> ChooseLabels(const Classifier& classifier, const std::string& file,
                                      const CommonOptions& options) {
  if (!file.empty()) return FitLabels(ReadLabels(file), classifier.classes, file);
  const std::vector<std::string> names = DescriptorLabels(classifier.descriptor);
  if (names.empty() || names.size() == classifier.classes ||
      names.size() + 1 == classifier.classes) {
    return FitLabels(names, classifier.classes, classifier.descriptor.labels);
  }
  PrintNote(options, fmt::format("note: {} has {} classes and '{}' {} names: classes are shown by "
                                 "number (--labels FILE names them)",
                                 classifier.name, classifier.classes, classifier.descriptor.labels,
                                 names.size()));
  return {};
}

}  // namespace

std::string Classifier::Label(std::size_t index) const {
  return index < labels.size() ? labels[index] : fmt::format("class {}", index);
}

Descriptor ChooseDescriptor(const NetworkOptions& network, const Graph& graph) {
  if (!network.descriptor.empty()) return OpenDescriptor(network.descriptor);
  if (network.model.empty()) return FindDescriptor(kDemo);
  if (auto beside = DescriptorBeside(network.model)) return *std::move(beside);
  // Size and classes are in the graph: with a rule for the pixels nothing is left to guess.
  if (!network.preprocess.empty()) {
    return DraftDescriptor(graph, fs::path(network.model).stem().string());
  }
  const std::string draft =
      fs::path(network.model).replace_extension(kDescriptorExtension).string();
  throw UsageError(fmt::format(
      "{0}: has no descriptor, so how pictures become its input is not known: name one with "
      "--descriptor (kinglet models lists them), a rule with --preprocess, or draft one with "
      "kinglet describe {0} -o {1}",
      network.model, draft));
}

Descriptor OpenDescriptor(const std::string& name) {
  if (IsFile(name) && !HasDescriptor(name)) return ReadDescriptor(name);
  return LooksLikePath(name) ? ReadDescriptor(name) : FindDescriptor(name);
}

std::optional<Descriptor> DescriptorBeside(const std::string& model) {
  const std::string path = fs::path(model).replace_extension(kDescriptorExtension).string();
  if (path == model || !IsFile(path)) return std::nullopt;
  return ReadDescriptor(path);
}

Classifier OpenClassifier(const NetworkOptions& network, const CommonOptions& options) {
  if (network.model.empty() && !network.descriptor.empty() && network.descriptor != kDemo) {
    throw UsageError("--descriptor needs --model: without it the demo network is run");
  }
  Graph graph = network.model.empty() ? DemoGraph() : ReadOnnx(network.model);
  Descriptor descriptor = Fitted(network, graph);
  Classifier classifier{network.model.empty() ? kDemo : network.model,
                        std::move(descriptor),
                        CompileModel(std::move(graph), options),
                        {},
                        0};
  classifier.classes = CountClasses(classifier);
  TuneWhenAsked(
      classifier.model,
      {{classifier.descriptor.input, PreprocessedShape(classifier.descriptor.preprocess)}},
      options);
  classifier.labels = ChooseLabels(classifier, network.labels, options);
  return classifier;
}

NamedNetwork OpenNetwork(const std::string& name) {
  const bool is_json = fs::path(name).extension() == kDescriptorExtension;
  if (!is_json && (IsFile(name) || LooksLikePath(name))) return {ReadOnnx(name), std::nullopt};
  Descriptor descriptor = OpenDescriptor(name);
  if (name == kDemo) return {DemoGraph(), std::move(descriptor)};
  if (name == kDemoDetector) {
    return {ReadOnnxBytes(DemoDetectorBytes(), kDemoDetector), std::move(descriptor)};
  }
  if (descriptor.architecture.family.empty()) {
    throw UsageError(name + ": the descriptor has no architecture to build; name the model file");
  }
  Graph graph = BuildArchitecture(descriptor.architecture);
  return {std::move(graph), std::move(descriptor)};
}

}  // namespace kinglet::cli
