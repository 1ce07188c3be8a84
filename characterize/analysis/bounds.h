// The best point of a sweep under a bound.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"

namespace kinglet::characterize {

// The percentiles that points have: 50, 90, 95, 99.
inline constexpr int kPercentiles[] = {50, 90, 95, 99};

// Milliseconds; `percentile` is one of them.
double PercentileOf(const Latency& latency, int percentile);

struct Bound {
  std::optional<double> latency_ms{};  // of a whole batch, at most
  int percentile = 99;                 // that it is for
  std::optional<double> memory_mb{};   // MiB, at most, all instances together

  // "latency p99 at most 50 ms and memory at most 500 MiB"; "no bound".
  std::string Text() const;
};

// By how much the point is beyond the bound, as a share of it; 0: it holds.
double Excess(const SweepPoint& point, const Bound& bound);

// The point of the highest throughput that holds the bound: the one of the shorter latency where
// two are within 1 % of each other. None where no point holds it. Marked points do not count.
std::optional<SweepPoint> BestWithin(const std::vector<SweepPoint>& points, const Bound& bound);

// The one that is beyond the bound by the smallest share. None where all points are marked.
std::optional<SweepPoint> NearestTo(const std::vector<SweepPoint>& points, const Bound& bound);

}  // namespace kinglet::characterize
