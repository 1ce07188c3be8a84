// Figures of the study that a sweep has no picture for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"
#include "characterize/pictures/plot.h"
#include "characterize/sweep/trust.h"

namespace kinglet::characterize {

// Throughput in each turn, in the order in which turns were taken, a panel for each network and a
// line for each number of instances. Of the turns only those of these points.
Plot ContinuousPlot(const std::vector<SweepKey>& keys, std::span<const TurnRecord> turns);

// Throughput against the batch by precision: bars, a panel for each network. A network in 8-bit
// integers ("demo_int8") stands beside the one that it was made of.
Plot PrecisionPlot(const std::vector<SweepPoint>& points);

// Points that were measured on one instruction set.
struct TargetPoints {
  std::string target;
  std::vector<SweepPoint> points{};
};
// Throughput at batch 1 by instruction set, bars for each number of threads, a panel for each
// network.
Plot TargetPlot(const std::vector<TargetPoints>& targets);

// Median latency of each network with a bar of errors up to the 95th percentile.
Plot LatencyPlot(const std::vector<SweepPoint>& points);

}  // namespace kinglet::characterize
