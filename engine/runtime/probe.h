// What a calibration measures: one number at a time, in turns.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kinglet/calibrate.h"

namespace kinglet {

struct Probe {
  std::string name;
  std::function<double()> measure;  // takes some tens of milliseconds
};
using Probes = std::vector<Probe>;

// What was measured of one probe.
struct ProbeTurns {
  std::vector<double> good, disturbed;
  std::string reason;  // of the last one that was disturbed

  // At least half of them are good.
  bool trusted() const { return !good.empty() && good.size() >= disturbed.size(); }
  // The good ones; all of them where they are not to be trusted.
  std::vector<double> counted() const;
  // Why they are not to be trusted; "": they are.
  std::string mark() const;
};

// Measures all probes in turns until each has its good ones, or twice as many were taken, or time
// is over; those of disturbed ones again. Parallel to the probes.
std::vector<ProbeTurns> TakeTurns(const Probes& probes, const CalibrateOptions& options);

}  // namespace kinglet
