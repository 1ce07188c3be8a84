// Gradient boosting of regression trees by XGBoost (Chen and Guestrin 2016, arXiv:1603.02754). The
// library is loaded when trees are grown, and by nothing else; what it grew is evaluated without it
// (characterize/predict/trees.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "characterize/predict/row.h"
#include "characterize/predict/trees.h"

namespace kinglet::characterize {

struct Samples {
  std::size_t features = 0;
  std::vector<float> values;   // of one sample after the other
  std::vector<float> targets;  // one for each
  std::vector<float> weights;  // one for each

  std::size_t size() const { return targets.size(); }
  void Add(const std::vector<float>& sample, double target, double weight);
};

struct BoostingOptions {
  int rounds = 400;
  int depth = 4;
  double rate = 0.05;
  double share = 0.7;           // of the samples that each tree sees
  double features_share = 0.6;  // that each node chooses from
  int least_weight = 10;
  std::uint64_t seed = 1;
};

// Nothing is wrong, or what is: this build is without XGBoost, or the library is not there.
// Beginning with "kinglet fit".
std::string BoostingProblem();

// Trees for the squared error, monotone in the features that say so. The same for the same samples.
// `check`: what the library itself predicts for each sample goes there, unless it is null. Throws
// Error(kUnsupported) with BoostingProblem, and Error(kResource) for what the library says.
Trees GrowTrees(const Samples& samples, std::span<const Feature> features,
                const BoostingOptions& options, std::vector<float>* check = nullptr);

}  // namespace kinglet::characterize
