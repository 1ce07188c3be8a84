// One way to run a network beside another, batch by batch.
#pragma once

#include <vector>

#include "characterize/common/sweep_point.h"

namespace kinglet::characterize {

struct Ratio {
  int batch = 1;
  double value = 1;          // throughput of one way / of the other
  double low = 1, high = 1;  // as the confidence intervals of both allow
  bool trusted = true;       // neither point is marked
};

// By ascending batch. `over` has the batch 0.
struct RatioCurve {
  SweepKey over;
  std::vector<Ratio> ratios;
};

// Throughput of several instances over that of one of the same network, precision and threads: a
// curve for each number and kind of instances of which both were measured at some batch.
std::vector<RatioCurve> InstanceSpeedups(const std::vector<SweepPoint>& sweep);

// Throughput of instances as processes over that of as many as threads of one process.
std::vector<RatioCurve> ProcessesOverThreads(const std::vector<SweepPoint>& sweep);

}  // namespace kinglet::characterize
