// The points of a sweep as curves over the batch.
#pragma once

#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"

namespace kinglet::characterize {

// All points that differ in nothing but the batch, by ascending batch; at least one. Where a sweep
// has a point twice, the later one counts.
struct Curve {
  std::vector<SweepPoint> points;

  // Of any of its points; the batch says nothing.
  const SweepKey& key() const { return points.front().key; }
};

// In the order in which the sweep has the first point of each.
std::vector<Curve> CurvesOf(const std::vector<SweepPoint>& sweep);

// A range that a throughput lies in with 95 % confidence, as far as repeating a measurement shows:
// that of the point, widened or narrowed as the interval of its median is.
struct Interval {
  double low = 0, high = 0;
};
Interval ThroughputInterval(const SweepPoint& point);

// What tells the curve from others of the sweep: "2 threads, 2 instances as processes"; with the
// network and the precision where those of the sweep differ.
std::string CurveName(const SweepKey& key, const std::vector<Curve>& sweep);

// "1 thread", "3 threads".
std::string Counted(int count, const std::string& what);

}  // namespace kinglet::characterize
