// From measured points to a predictor.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "characterize/fit/boosting.h"
#include "characterize/fit/points.h"
#include "characterize/predict/predictor.h"

namespace kinglet::characterize {

using PointRefs = std::vector<const MeasuredPoint*>;

// Corrections of all kernels of which there is enough to learn from. Intervals and the correction
// of whole networks are not filled in.
Predictor TrainLayers(const PointRefs& points, const BoostingOptions& options);

// The sum of a point's corrected layers.
double SumUs(const Predictor& predictor, const MeasuredPoint& point);

// A correction of whole networks, of the sums of their layers by predictors that had not seen them.
Correction TrainNetworks(const PointRefs& points, const std::vector<double>& sums,
                         std::uint64_t seed);

// Quantiles at 10 and 90 % of natural logarithms; {0, 0} of none.
LogInterval IntervalOf(std::vector<double> logs);

}  // namespace kinglet::characterize
