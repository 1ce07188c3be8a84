#include "models/agreement/answers.h"

#include <algorithm>
#include <cmath>

#include "kinglet/classify.h"
#include "kinglet/network.h"
#include "models/fit/class_scores.h"
#include "models/pipeline/picture_network.h"

namespace kinglet {
namespace {

Descriptor FittedDescriptor(const std::string& model, const Graph& graph,
                            const PipelineOptions& options) {
  std::optional<Descriptor> descriptor = ChooseDescriptor(model, options);
  if (!descriptor) ThrowNoDescriptor(model, false);
  return FitDescriptor(*std::move(descriptor), graph);
}

std::string AnchorsOf(const std::string& model, const Descriptor& descriptor,
                      const PipelineOptions& options) {
  if (!options.anchors.empty()) return options.anchors;
  const bool needed = descriptor.task == Task::kDetect &&
                      HasAnchors(descriptor.detection.box_coding) && !IsDemo(model);
  return needed ? AnchorsBeside(model) : "";
}

// Numbers of an output of floats; none of another type.
void AppendFloats(const Tensor& tensor, std::vector<float>& numbers) {
  if (tensor.type() != DataType::kFloat32) return;
  const auto* data = tensor.data<float>();
  numbers.insert(numbers.end(), data, data + tensor.size());
}

float Overlap(const Detection& a, const Detection& b) {
  const float w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const float h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (!(w > 0 && h > 0)) return 0;
  const float area = (a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1);
  return w * h / (area - w * h);
}

// The counterpart in `others` of each box of `boxes` from `threshold` on, which are the first ones,
// best first; null where there is none. Each is that of one box.
std::vector<const Detection*> Counterparts(const std::vector<Detection>& boxes,
                                           const std::vector<Detection>& others, float threshold) {
  constexpr float kLeastOverlap = 0.5f;
  std::vector<bool> taken(others.size(), false);
  std::vector<const Detection*> counterparts;
  for (const Detection& box : boxes) {
    if (box.score < threshold) break;
    std::size_t best = others.size();
    float overlap = kLeastOverlap;
    for (std::size_t i = 0; i < others.size(); ++i) {
      if (taken[i] || others[i].index != box.index || Overlap(box, others[i]) < overlap) continue;
      overlap = Overlap(box, others[i]);
      best = i;
    }
    if (best < others.size()) taken[best] = true;
    counterparts.push_back(best < others.size() ? &others[best] : nullptr);
  }
  return counterparts;
}

}  // namespace

DescribedNetwork::DescribedNetwork(const std::string& model, const Graph& graph,
                                   const PipelineOptions& options)
    : descriptor_(FittedDescriptor(model, graph, options)),
      anchors_(AnchorsOf(model, descriptor_, options)) {
  for (const TensorInfo& info : graph.inputs()) {
    if (info.name == descriptor_.input) input_ = info;
  }
  if (graph.inputs().size() > 1) {
    throw Error(ErrorCode::kUnsupported,
                model + ": has " + std::to_string(graph.inputs().size()) +
                    " inputs, and pictures are one; only networks of pictures alone are compared");
  }
}

Tensors DescribedNetwork::InputOf(const Image& picture) {
  PreprocessSpec spec = descriptor_.preprocess;
  if (descriptor_.picture_size) {
    spec.width = picture.width;
    spec.height = picture.height;
  }
  Tensor input(input_.type, InputShape(spec, input_));
  writer_.Write(picture, spec, input);
  Tensors inputs;
  inputs.emplace(descriptor_.input, std::move(input));
  return inputs;
}

InputShapes DescribedNetwork::ShapesOf(const Tensors& inputs) const {
  return {{descriptor_.input, inputs.at(descriptor_.input).shape()}};
}

std::optional<InputShapes> DescribedNetwork::KnownShapes() const {
  if (descriptor_.picture_size) return std::nullopt;
  return InputShapes{{descriptor_.input, InputShape(descriptor_.preprocess, input_)}};
}

AnswerComparer::AnswerComparer(const DescribedNetwork& network,
                               const std::vector<TensorInfo>& outputs)
    : kind_(Agreement::Kind::kNumbers), descriptor_(network.descriptor()) {
  if (descriptor_.task == Task::kDetect) {
    kind_ = Agreement::Kind::kBoxes;
    threshold_ = descriptor_.detection.score_threshold;
    descriptor_.detection.score_threshold = threshold_ / 2;
    decoder_.emplace(descriptor_, DetectionDecoderOptions{1, network.anchors()});
    decoder_->CheckOutputs(outputs);
  } else if (WhyNoClassScores(outputs, descriptor_.output).empty()) {
    kind_ = Agreement::Kind::kClasses;
  }
}

Answer AnswerComparer::Read(const Tensors& outputs, PictureSize picture) {
  Answer answer;
  if (decoder_) {
    answer.boxes = std::move(decoder_->Decode(outputs, {&picture, 1}).front());
  } else if (kind_ == Agreement::Kind::kClasses) {
    answer.scores = ClassScores(outputs.at(descriptor_.output), descriptor_.activation).front();
  } else {
    for (const auto& [name, tensor] : outputs) AppendFloats(tensor, answer.scores);
  }
  return answer;
}

void AgreementCounter::Add(const Answer& reference, const Answer& other) {
  ++agreement_.pictures;
  switch (agreement_.kind) {
    case Agreement::Kind::kClasses:
      return AddClasses(reference, other);
    case Agreement::Kind::kBoxes:
      return AddBoxes(reference, other);
    case Agreement::Kind::kNumbers:
      return AddNumbers(reference, other);
  }
}

void AgreementCounter::AddScores(const std::vector<float>& reference,
                                 const std::vector<float>& other) {
  for (std::size_t i = 0; i < std::min(reference.size(), other.size()); ++i) {
    const double difference = std::abs(static_cast<double>(reference[i]) - other[i]);
    if (std::isnan(difference)) continue;
    agreement_.largest_difference = std::max(agreement_.largest_difference, difference);
    sum_ += difference;
    ++differences_;
  }
}

void AgreementCounter::AddClasses(const Answer& reference, const Answer& other) {
  constexpr float kNearTie = 0.02f;
  AddScores(reference.scores, other.scores);
  const std::vector<ClassScore> wanted = TopScores(reference.scores, 1);
  const std::vector<ClassScore> found = TopScores(other.scores, 5);
  ++agreement_.compared;
  if (wanted.empty() || found.empty()) return;
  const std::size_t best = found.front().index;
  agreement_.in_top5 += std::any_of(found.begin(), found.end(), [&](const ClassScore& score) {
    return score.index == wanted.front().index;
  });
  // What is no number agrees with nothing.
  const float top = wanted.front().score;
  const bool numbers = std::isfinite(top) && std::isfinite(found.front().score);
  const bool same = numbers && best == wanted.front().index;
  const float second = best < reference.scores.size() ? reference.scores[best] : 0;
  const bool near = numbers && !same && top - second < kNearTie && second >= top / 2;
  agreement_.agreeing += same || near;
  agreement_.near_ties += near;
}

void AgreementCounter::AddNumbers(const Answer& reference, const Answer& other) {
  AddScores(reference.scores, other.scores);
  double largest = 0;
  for (const float x : reference.scores) largest = std::max(largest, std::abs(double{x}));
  const double least = 0.01 * largest;
  agreement_.compared += reference.scores.size();
  for (std::size_t i = 0; i < std::min(reference.scores.size(), other.scores.size()); ++i) {
    agreement_.agreeing +=
        std::abs(static_cast<double>(reference.scores[i]) - other.scores[i]) <= least;
  }
}

void AgreementCounter::AddBoxes(const Answer& reference, const Answer& other) {
  const auto image = static_cast<std::int64_t>(agreement_.pictures);
  const auto of_reference = Counterparts(reference.boxes, other.boxes, threshold_);
  const auto of_other = Counterparts(other.boxes, reference.boxes, threshold_);
  for (const auto& counterparts : {of_reference, of_other}) {
    agreement_.compared += counterparts.size();
    agreement_.agreeing += static_cast<std::size_t>(
        std::count_if(counterparts.begin(), counterparts.end(),
                      [](const Detection* box) { return box != nullptr; }));
  }
  for (std::size_t i = 0; i < of_reference.size(); ++i) {
    if (of_reference[i] == nullptr) continue;
    AddScores({reference.boxes[i].score}, {of_reference[i]->score});
  }
  const auto rectangle = [](const Detection& d) {
    return std::array<double, 4>{d.x1, d.y1, double{d.x2} - d.x1, double{d.y2} - d.y1};
  };
  for (std::size_t i = 0; i < of_reference.size(); ++i) {
    const Detection& d = reference.boxes[i];
    const std::array<double, 4> box = rectangle(d);
    truth_.boxes.push_back(
        {image, static_cast<std::int64_t>(d.index), box, box[2] * box[3], false});
  }
  for (const Detection& d : other.boxes) {
    found_.push_back({image, static_cast<std::int64_t>(d.index), rectangle(d), d.score});
  }
}

Agreement AgreementCounter::Total() const {
  Agreement total = agreement_;
  if (differences_ > 0) total.mean_difference = sum_ / static_cast<double>(differences_);
  if (!truth_.boxes.empty()) total.ap = MeasureDetections(truth_, found_).ap;
  return total;
}

}  // namespace kinglet
