#include <algorithm>
#include <optional>
#include <utility>

#include "engine/graph/copy.h"
#include "kinglet/check.h"
#include "kinglet/error.h"
#include "models/agreement/answers.h"
#include "models/pipeline/labels.h"
#include "models/pipeline/picture_network.h"

namespace kinglet {
namespace {

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The network in one precision.
class Candidate {
 public:
  Candidate(Graph graph, const PipelineOptions& options, Precision precision,
            const DescribedNetwork& network)
      : precision_(precision),
        model_(Model::Compile(std::move(graph), Compile(options, precision))),
        session_(model_.NewSession()) {
    if (const auto shapes = network.KnownShapes()) {
      comparer_.emplace(network, model_.Describe(*shapes).outputs);
    }
  }

  // Whether anything is computed so.
  bool IsItself() const { return model_.precision() == precision_; }

  Answer Run(const DescribedNetwork& network, const Tensors& inputs, PictureSize picture) {
    if (!comparer_) comparer_.emplace(network, model_.Describe(network.ShapesOf(inputs)).outputs);
    if (times_.empty()) session_.Run(inputs);  // packs weights
    Stopwatch watch;
    const Tensors& outputs = session_.Run(inputs);
    times_.push_back(watch.Lap());
    return comparer_->Read(outputs, picture);
  }

  // After a run.
  Agreement::Kind kind() const { return comparer_->kind(); }

  void Compare(const Answer& reference, const Answer& answer) {
    if (!counter_) counter_.emplace(comparer_->kind(), comparer_->threshold());
    counter_->Add(reference, answer);
  }

  Precision precision() const { return precision_; }

  CheckedPrecision Result(double budget) const {
    CheckedPrecision result;
    result.precision = precision_;
    result.milliseconds = Median(times_);
    if (counter_) result.agreement = counter_->Total();
    result.allowed = result.agreement.Within(budget);
    result.notes = model_.notes();
    return result;
  }

 private:
  static CompileOptions Compile(const PipelineOptions& options, Precision precision) {
    CompileOptions compile = options.compile;
    compile.threads = options.threads;
    compile.precision = precision;
    return compile;
  }

  Precision precision_;
  Model model_;
  Session session_;
  std::optional<AnswerComparer> comparer_;
  std::optional<AgreementCounter> counter_;
  std::vector<double> times_;
};

}  // namespace

PrecisionVerdicts VerdictsOf(const std::vector<CheckedPrecision>& results) {
  PrecisionVerdicts verdicts;
  for (const CheckedPrecision& each : results) {
    verdicts[each.precision] = {each.milliseconds, each.agreement.share(), each.allowed};
  }
  return verdicts;
}

class PrecisionChecker::Impl {
 public:
  Impl(const std::string& model, const CheckOptions& options)
      : model_(model),
        options_(options),
        graph_(OpenWeights(model, options.pipeline.read)),
        network_(model, graph_, options.pipeline) {
    Add(Precision::kFloat32);
    Add(Precision::kBFloat16);
    if (!candidates_.back().IsItself()) candidates_.pop_back();
    try {
      Add(Precision::kInt8);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidInput) throw;  // nothing of it is quantised
    }
    if (!options.reference.empty()) {
      reference_.emplace(OpenWeights(options.reference, options.pipeline.read), options_.pipeline,
                         Precision::kFloat32, network_);
    }
  }

  std::vector<ClassScore> Add(const Image& picture) {
    const Tensors inputs = network_.InputOf(picture);
    const PictureSize size{picture.width, picture.height};
    std::optional<Answer> reference;
    if (reference_) reference = reference_->Run(network_, inputs, size);
    std::vector<ClassScore> best;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      Answer answer = candidates_[i].Run(network_, inputs, size);
      if (!reference) reference = answer;
      candidates_[i].Compare(*reference, answer);
      if (candidates_[i].kind() == Agreement::Kind::kClasses) {
        const std::vector<ClassScore> top = TopScores(answer.scores, 1);
        best.insert(best.end(), top.begin(), top.end());
      }
    }
    if (pictures_++ == 0 && !best.empty()) {
      labels_ = ClassifierLabels(model_, network_.descriptor(), options_.pipeline.labels,
                                 reference->scores.size(), notes_);
    }
    return best;
  }

  std::string Label(std::size_t index) const { return LabelOr(labels_, index); }

  std::vector<CheckedPrecision> Results() const {
    std::vector<CheckedPrecision> results;
    for (const Candidate& each : candidates_) {
      results.push_back(each.Result(options_.budget));
      const bool says = each.precision() != Precision::kBFloat16;  // the model itself
      if (says && !reference_) results.back().allowed = true;
    }
    return results;
  }

  void Save(const std::string& file) const {
    if (pictures_ == 0) {
      throw Error(ErrorCode::kInvalidInput,
                  "expected pictures to check precisions with, found none");
    }
    SaveVerdicts(graph_, VerdictsOf(Results()), file);
  }

 private:
  void Add(Precision precision) {
    candidates_.emplace_back(Graph(CopyGraph(graph_.ir())), options_.pipeline, precision, network_);
  }

  std::string model_;
  CheckOptions options_;
  Graph graph_;
  DescribedNetwork network_;
  std::vector<Candidate> candidates_;
  std::optional<Candidate> reference_;  // of another model
  std::size_t pictures_ = 0;
  std::vector<std::string> labels_, notes_;
};

PrecisionChecker::PrecisionChecker(const std::string& model, const CheckOptions& options)
    : impl_(std::make_unique<Impl>(model, options)) {}
PrecisionChecker::PrecisionChecker(PrecisionChecker&&) noexcept = default;
PrecisionChecker& PrecisionChecker::operator=(PrecisionChecker&&) noexcept = default;
PrecisionChecker::~PrecisionChecker() = default;

std::vector<ClassScore> PrecisionChecker::Add(const Image& picture) { return impl_->Add(picture); }
std::string PrecisionChecker::Label(std::size_t index) const { return impl_->Label(index); }
std::vector<CheckedPrecision> PrecisionChecker::Results() const { return impl_->Results(); }
void PrecisionChecker::Save(const std::string& file) const { impl_->Save(file); }

}  // namespace kinglet
