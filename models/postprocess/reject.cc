#include <algorithm>
#include <cmath>

#include "kinglet/classify.h"
#include "kinglet/error.h"
#include "models/postprocess/floats.h"

namespace kinglet {
namespace {

double Entropy(const std::vector<float>& scores) {
  double entropy = 0;
  for (const float score : scores) {
    const double p = static_cast<double>(score);
    if (p > 0) entropy -= p * std::log(p);
  }
  return entropy;
}

double Energy(const std::vector<float>& logits) {
  const double max = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - max);
  return max + std::log(sum);
}

// One number for each picture of an output.
std::vector<float> Distances(const std::string& name, const Tensors& outputs,
                             std::size_t pictures) {
  const auto found = outputs.find(name);
  const bool fits =
      found != outputs.end() && static_cast<std::size_t>(found->second.size()) == pictures;
  if (!fits) {
    throw Error(
        ErrorCode::kInvalidModel,
        "output.rejection.output '" + name + "': expected one number for each of " +
            std::to_string(pictures) + " pictures, found " +
            (found == outputs.end() ? "no such output" : ShapeToString(found->second.shape())));
  }
  return ToFloats(found->second, "distances");
}

}  // namespace

std::vector<bool> Rejected(const Descriptor& fitted, const Tensors& outputs,
                           const std::vector<std::vector<float>>& scores) {
  const Rejection& rejection = fitted.rejection;
  std::vector<bool> rejected(scores.size(), false);
  const double limit = static_cast<double>(rejection.limit);
  const auto best = [](const std::vector<float>& of) {
    return static_cast<double>(*std::max_element(of.begin(), of.end()));
  };
  const bool raw = rejection.measure == RejectionMeasure::kMaxLogit ||
                   rejection.measure == RejectionMeasure::kEnergy;
  const auto found = raw ? outputs.find(fitted.output) : outputs.end();
  const auto logits = found == outputs.end() ? std::vector<std::vector<float>>()
                                             : ClassScores(found->second, ScoreActivation::kNone);
  const auto distances = rejection.measure == RejectionMeasure::kOutput
                             ? Distances(rejection.output, outputs, scores.size())
                             : std::vector<float>();
  for (std::size_t n = 0; n < scores.size(); ++n) {
    switch (rejection.measure) {
      case RejectionMeasure::kNone:
        break;
      case RejectionMeasure::kScore:
        rejected[n] = !(best(scores[n]) >= limit);
        break;
      case RejectionMeasure::kEntropy:
        rejected[n] = !(Entropy(scores[n]) <= limit);
        break;
      case RejectionMeasure::kMaxLogit:
        rejected[n] = !(best(logits.at(n)) >= limit);
        break;
      case RejectionMeasure::kEnergy:
        rejected[n] = !(Energy(logits.at(n)) >= limit);
        break;
      case RejectionMeasure::kOutput:
        rejected[n] = !(static_cast<double>(distances[n]) <= limit);
        break;
    }
  }
  return rejected;
}

}  // namespace kinglet
