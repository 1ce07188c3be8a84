#include "characterize/predict/predictor.h"

#include <algorithm>
#include <cmath>

namespace kinglet::characterize {
namespace {

// Without a predictor: the physical part was 15 to 40 % too fast where it was looked at.
constexpr LogInterval kUnlearned{-0.05, 0.5};
// On another kind of machine.
constexpr double kForeignWidth = 2.0;

}  // namespace

const Correction* Predictor::Find(std::string_view kernel) const {
  const auto found = kernels.find(kernel);
  return found == kernels.end() ? nullptr : &found->second;
}

double CorrectedUs(const Predictor& predictor, const DataRow& layer) {
  const Correction* correction = predictor.Find(layer[RowText::kKernel]);
  const double physical = layer[RowNumber::kPhysical];
  if (correction == nullptr) return physical;
  const std::vector<float> features = FeaturesOfLayer(layer);
  return physical * std::exp(static_cast<double>(correction->trees.Evaluate(features)));
}

NetworkTime PredictNetwork(const Predictor* predictor, const DataRow& network,
                           const std::vector<DataRow>& layers, bool foreign) {
  NetworkTime time;
  if (predictor == nullptr) {
    for (const DataRow& layer : layers) time.us += layer[RowNumber::kPhysical];
    time.low_us = time.us * std::exp(kUnlearned.low);
    time.high_us = time.us * std::exp(kUnlearned.high);
    return time;
  }
  double known = 0;
  double sum = 0;
  for (const DataRow& layer : layers) {
    const double us = CorrectedUs(*predictor, layer);
    sum += us;
    if (predictor->Find(layer[RowText::kKernel]) != nullptr) known += us;
  }
  time.known_share = sum > 0 ? known / sum : 0;
  const std::vector<float> features = FeaturesOfNetwork(network, sum);
  const double whole =
      predictor->network.rows > 0
          ? std::exp(static_cast<double>(predictor->network.trees.Evaluate(features)))
          : 1.0;
  time.us = sum * whole;
  const double widen = foreign ? kForeignWidth : 1.0;
  const double unknown = 1 - time.known_share;
  const auto mixed = [&](double learned, double physical) {
    return std::exp(widen * (time.known_share * learned + unknown * physical));
  };
  time.low_us = time.us * mixed(predictor->network.interval.low,
                                std::min(predictor->physical.low, kUnlearned.low));
  time.high_us = time.us * mixed(predictor->network.interval.high,
                                 std::max(predictor->physical.high, kUnlearned.high));
  return time;
}

}  // namespace kinglet::characterize
