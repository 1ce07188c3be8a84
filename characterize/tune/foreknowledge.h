// What is known of the points of a network before one of them is measured.
#pragma once

#include "characterize/common/sweep_point.h"
#include "characterize/predict/foresee.h"
#include "characterize/tune/search.h"

namespace kinglet::characterize {

// Time and memory as 'kinglet predict' tells them, of all instances together. Throws as
// Foresight::At does.
Prediction PredictionOf(const Foresight& foresight, const SweepKey& key);

}  // namespace kinglet::characterize
