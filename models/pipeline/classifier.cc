#include <filesystem>

#include "kinglet/pipeline.h"
#include "models/pipeline/labels.h"
#include "models/pipeline/picture_network.h"

namespace kinglet {
namespace {

constexpr const char* kDemo = "demo";

Descriptor FittedDescriptor(const std::string& model, const Graph& graph,
                            const PipelineOptions& options) {
  std::optional<Descriptor> descriptor = ChooseDescriptor(model, kDemo, options);
  if (!descriptor) {
    if (options.preprocess.empty()) ThrowNoDescriptor(model, true);
    // Size and classes are in the graph: with a rule for the pixels nothing is left to guess.
    descriptor = DraftDescriptor(graph, std::filesystem::path(model).stem().string());
  }
  if (descriptor->task != Task::kClassify) {
    throw Error(ErrorCode::kInvalidInput,
                "descriptor '" + descriptor->name +
                    "' is of a detector (task 'detect'), and classifying needs a classifier; "
                    "kinglet detect and kinglet::Detector run detectors");
  }
  Descriptor fitted = FitDescriptor(*std::move(descriptor), graph);
  if (!options.preprocess.empty()) {
    PreprocessSpec& spec = fitted.preprocess;
    const ImageLayout layout = spec.layout;
    spec = NamedPreprocess(options.preprocess, spec.width, spec.height);
    spec.layout = layout;
  }
  return fitted;
}

// Classes of the planned output {1, C} with any sizes of 1.
std::size_t CountClasses(const std::string& name, const std::string& scores,
                         const std::vector<TensorInfo>& outputs) {
  for (const TensorInfo& output : outputs) {
    if (output.name != scores) continue;
    std::int64_t wide = 0;
    std::int64_t classes = 1;
    for (const std::int64_t size : output.shape) {
      wide += size != 1;
      classes *= size;
    }
    if (wide <= 1 && output.shape.size() >= 2 && output.shape[0] == 1 && classes > 0) {
      return static_cast<std::size_t>(classes);
    }
    throw Error(ErrorCode::kUnsupported, name + ": expected one score for each class in output '" +
                                             output.name + "', found shape " +
                                             ShapeToString(output.shape));
  }
  throw Error(ErrorCode::kInvalidModel, name + ": has no output");
}

}  // namespace

class Classifier::Impl {
 public:
  Impl(const std::string& model, Graph graph, const PipelineOptions& options)
      : descriptor(FittedDescriptor(model, graph, options)),
        network(model, std::move(graph), options, notes) {
    network.Describe(descriptor);
    classes = CountClasses(model, descriptor.output, network.PlannedOutputs());
    labels = ClassifierLabels(model, descriptor, options.labels, classes, notes);
  }

  std::vector<std::vector<float>> Scores(std::span<const Image> pictures) {
    const Tensors& outputs = network.Run(pictures);
    Stopwatch watch;
    auto scores = ClassScores(outputs.at(descriptor.output), descriptor.activation);
    network.times.postprocess += watch.Lap();
    if (scores.size() == pictures.size()) return scores;
    throw DescriptorMismatch(network.name + ": expected scores of " +
                             std::to_string(pictures.size()) + " pictures, found those of " +
                             std::to_string(scores.size()) + "; the network takes one at a time");
  }

  std::vector<std::string> notes;
  Descriptor descriptor;
  PictureNetwork network;
  std::size_t classes = 0;
  std::vector<std::string> labels;
};

Classifier::Classifier(const std::string& model, const PipelineOptions& options)
    : impl_(std::make_unique<Impl>(model, OpenWeights(model, kDemo, DemoModelBytes()), options)) {}

Classifier::Classifier(Classifier&&) noexcept = default;
Classifier& Classifier::operator=(Classifier&&) noexcept = default;
Classifier::~Classifier() = default;

std::vector<ClassScore> Classifier::Classify(const std::string& picture, std::size_t count) {
  return ClassifyAll({picture}, count).front();
}

std::vector<ClassScore> Classifier::Classify(const Image& picture, std::size_t count) {
  return TopScores(Scores(picture), count);
}

std::vector<std::vector<ClassScore>> Classifier::ClassifyAll(
    const std::vector<std::string>& pictures, std::size_t count) {
  impl_->network.times = {};
  std::vector<std::vector<ClassScore>> best;
  impl_->network.ForEachGroup(pictures, [&](std::span<const Image> group) {
    for (const auto& scores : impl_->Scores(group)) best.push_back(TopScores(scores, count));
  });
  return best;
}

std::vector<float> Classifier::Scores(const Image& picture) {
  impl_->network.times = {};
  return std::move(impl_->Scores({&picture, 1}).front());
}

std::size_t Classifier::classes() const { return impl_->classes; }
const std::vector<std::string>& Classifier::labels() const { return impl_->labels; }
std::string Classifier::Label(std::size_t index) const { return LabelOr(impl_->labels, index); }
const std::string& Classifier::name() const { return impl_->network.name; }
const Descriptor& Classifier::descriptor() const { return impl_->descriptor; }
Model& Classifier::model() { return impl_->network.model; }
const Model& Classifier::model() const { return impl_->network.model; }
int Classifier::threads() const { return impl_->network.threads; }
const std::vector<std::string>& Classifier::notes() const { return impl_->notes; }
StageTimes Classifier::times() const { return impl_->network.times; }

}  // namespace kinglet
