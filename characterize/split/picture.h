// Detectors that were taken apart as a picture.
#pragma once

#include <vector>

#include "characterize/pictures/plot.h"
#include "characterize/split/split.h"

namespace kinglet::characterize {

// For each a bar of all that a picture goes through, and in a second panel one of its
// post-processing alone.
Plot SplitPlot(const std::vector<DetectorSplit>& splits);

}  // namespace kinglet::characterize
