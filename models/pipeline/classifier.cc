#include <algorithm>
#include <filesystem>

#include "kinglet/pipeline.h"
#include "models/fit/class_scores.h"
#include "models/pipeline/labels.h"
#include "models/pipeline/picture_network.h"

namespace kinglet {
namespace {

Descriptor FittedDescriptor(const std::string& model, const Graph& graph,
                            const PipelineOptions& options) {
  std::optional<Descriptor> descriptor = ChooseDescriptor(model, options);
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
  const std::string why = WhyNoClassScores(outputs, scores);
  const auto output = std::find_if(outputs.begin(), outputs.end(),
                                   [&](const TensorInfo& info) { return info.name == scores; });
  std::int64_t classes = why.empty() && output->has_shape ? 1 : 0;
  if (classes == 1) {
    for (const std::int64_t size : output->shape) classes *= size;
  }
  if (!why.empty() || classes < 1) {
    throw Error(ErrorCode::kUnsupported,
                name + ": expected a classifier: " +
                    (why.empty() ? "output '" + scores + "' has no scores" : why) +
                    "; kinglet detect runs detectors (kinglet describe drafts their descriptors), "
                    "kinglet run any network");
  }
  return static_cast<std::size_t>(classes);
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

  // `rejected`, where it is wanted, says which pictures show none of the classes.
  std::vector<std::vector<float>> Scores(std::span<const Image> pictures,
                                         std::vector<bool>* rejected = nullptr) {
    const Tensors& outputs = network.Run(pictures);
    Stopwatch watch;
    auto scores = ClassScores(outputs.at(descriptor.output), descriptor.activation);
    if (rejected != nullptr) *rejected = Rejected(descriptor, outputs, scores);
    network.times.postprocess += watch.Lap();
    if (scores.size() == pictures.size()) return scores;
    throw DescriptorMismatch(network.name + ": expected scores of " +
                             std::to_string(pictures.size()) + " pictures, found those of " +
                             std::to_string(scores.size()) + "; the network takes one at a time");
  }

  std::vector<std::vector<ClassScore>> Classify(std::span<const Image> pictures,
                                                std::size_t count) {
    std::vector<bool> rejected;
    const std::vector<std::vector<float>> scores = Scores(pictures, &rejected);
    std::vector<std::vector<ClassScore>> best;
    for (std::size_t n = 0; n < scores.size(); ++n) {
      best.push_back(TopScores(scores[n], count));
      if (rejected[n]) best.back() = {{kNoneOfThese, 0.0f}};
    }
    return best;
  }

  std::vector<std::string> notes;
  Descriptor descriptor;
  PictureNetwork network;
  std::size_t classes = 0;
  std::vector<std::string> labels;
};

Classifier::Classifier(const std::string& model, const PipelineOptions& options)
    : impl_(std::make_unique<Impl>(model, OpenWeights(model, options.read), options)) {}

Classifier::Classifier(Classifier&&) noexcept = default;
Classifier& Classifier::operator=(Classifier&&) noexcept = default;
Classifier::~Classifier() = default;

std::vector<ClassScore> Classifier::Classify(const std::string& picture, std::size_t count) {
  return ClassifyAll({picture}, count).front();
}

std::vector<ClassScore> Classifier::Classify(const Image& picture, std::size_t count) {
  impl_->network.times = {};
  return std::move(impl_->Classify({&picture, 1}, count).front());
}

std::vector<std::vector<ClassScore>> Classifier::ClassifyAll(
    const std::vector<std::string>& pictures, std::size_t count) {
  impl_->network.times = {};
  std::vector<std::vector<ClassScore>> best;
  impl_->network.ForEachGroup(pictures, [&](std::span<const Image> group) {
    for (auto& of_picture : impl_->Classify(group, count)) best.push_back(std::move(of_picture));
  });
  return best;
}

std::vector<float> Classifier::Scores(const Image& picture) {
  impl_->network.times = {};
  return std::move(impl_->Scores({&picture, 1}).front());
}

std::size_t Classifier::classes() const { return impl_->classes; }
const std::vector<std::string>& Classifier::labels() const { return impl_->labels; }
std::string Classifier::Label(std::size_t index) const {
  return index == kNoneOfThese ? "none of these" : LabelOr(impl_->labels, index);
}
const std::string& Classifier::name() const { return impl_->network.name; }
const Descriptor& Classifier::descriptor() const { return impl_->descriptor; }
Model& Classifier::model() { return impl_->network.model; }
const Model& Classifier::model() const { return impl_->network.model; }
int Classifier::threads() const { return impl_->network.threads; }
const std::vector<std::string>& Classifier::notes() const { return impl_->notes; }
StageTimes Classifier::times() const { return impl_->network.times; }

}  // namespace kinglet
