// What the time and the memory of a point are believed to be, and how surely: the prediction,
// corrected by what was measured near it.
#pragma once

#include <functional>
#include <vector>

#include "characterize/common/sweep_point.h"
#include "characterize/tune/search.h"

namespace kinglet::characterize {

struct Belief {
  double images_per_s = 0;
  double latency_ms = 0;  // at the percentile of the bound, from the arrival of an image
  double memory_mb = 0;
  double doubt = 0;  // standard deviation of the logarithm of times
  double memory_doubt = 0;
};

class BeliefModel {
 public:
  BeliefModel(const std::vector<SweepKey>& grid, const SearchGoal& goal,
              const std::function<Prediction(const SweepKey&)>& predict);

  void Learn(const SweepPoint& point);
  Belief Of(std::size_t index) const;  // of the grid

 private:
  // The logarithm of measured over predicted time of a point that was measured, and what else it
  // says of others.
  struct Lesson {
    SweepKey key;
    double log_factor;
    double tail;    // percentile of the bound / mean
    double memory;  // measured - predicted, MiB of an instance
  };
  struct Correction {
    double log_factor, doubt, tail, memory, memory_doubt;
  };
  // `doubt`: of the prediction.
  Correction CorrectionOf(const SweepKey& key, double doubt) const;

  const std::vector<SweepKey>& grid_;
  const SearchGoal& goal_;
  std::vector<Prediction> predictions_;
  std::vector<Lesson> lessons_;
};

}  // namespace kinglet::characterize
