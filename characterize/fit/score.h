// How well a predictor that is there predicts networks that it has not seen.
#pragma once

#include <cstddef>
#include <optional>

#include "characterize/fit/evaluate.h"

namespace kinglet::characterize {

struct Score {
  FitReport report{};      // without folds and learning curve
  double in_interval = 0;  // share of the points whose time lies in the interval of the answer
  std::size_t seen = 0;    // points that were left out, as `learned` has them as well
  bool foreign = false;    // the predictor was learned on another kind of machine
};

// The predictor on the points of `held_out` that can be trusted. `learned`, where there is one:
// what the simpler proxies learn from, and whose networks are left out of `held_out`. Throws
// Error(kInvalidInput) where no point is left.
Score ScorePredictor(const Predictor& predictor, const Dataset& held_out,
                     const std::optional<Dataset>& learned);

}  // namespace kinglet::characterize
