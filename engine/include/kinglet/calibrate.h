// Measuring what kernels are chosen by.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "kinglet/tuning.h"

namespace kinglet {

// Tells whether something else had the machine while it was measured.
class CalibrationWatch {
 public:
  virtual ~CalibrationWatch() = default;
  // Why what was done since the last call of any of these does not count; "": it does. Called once
  // before the first measurement and behind each.
  virtual std::string Look() = 0;
  // The same of a whole turn of all measurements, since the last call of this.
  virtual std::string LookBack() = 0;
};

struct CalibrateOptions {
  // How often each figure is measured, one figure after the other in turns; the median counts.
  // Disturbed measurements are taken again, as often once more.
  int turns = 11;
  double seconds = 45;  // after which no further turn begins
  CalibrationWatch* watch = nullptr;
  std::function<void(std::size_t done, std::size_t total)> progress{};  // the total may be too high
};

// Measures this machine, on one thread and on all that this process may use. A turn takes about a
// second. Figures of which fewer than half the turns were undisturbed, and those whose turns lie
// far apart, are marked.
Calibration Calibrate(const CalibrateOptions& options = {});

}  // namespace kinglet
