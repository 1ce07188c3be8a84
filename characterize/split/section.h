// Detectors that were taken apart as a part of a page.
#pragma once

#include <vector>

#include "characterize/report/report.h"
#include "characterize/split/split.h"

namespace kinglet::characterize {

// The picture, and a table with a row for each: times of the parts, steps of the network. At least
// one split.
void AddSplits(const std::vector<DetectorSplit>& splits, Report& report);

}  // namespace kinglet::characterize
