// Watches whether a calibration has the machine for itself.
#pragma once

#include <string>
#include <vector>

#include "kinglet/calibrate.h"
#include "measure/common/load.h"
#include "measure/common/reference_loop.h"

namespace kinglet::measure {

// The same limits as for the turns of a sweep.
struct WatchLimits {
  double host_share = 0.9;  // of the reference loop's best that the host delivers
  double steal = 0.02;      // of the CPU time that the host took away in a turn
  double others = 0.05;     // CPUs that other programs took in a turn
};

class MachineWatch final : public CalibrationWatch {
 public:
  // Runs the reference loop some times, to know the best of it: about 0.3 s.
  explicit MachineWatch(const WatchLimits& limits = {});

  std::string Look() override;
  std::string LookBack() override;

 private:
  // The share of its best that the reference loop reaches now.
  double Share();

  WatchLimits limits_;
  HostWatch host_;
  double share_before_ = 1;
  std::vector<CpuTimes> times_;
  Usage usage_;
  double began_ = 0;
};

}  // namespace kinglet::measure
