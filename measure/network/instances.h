// Several instances of something that runs again and again, at once, in threads of this process.
#pragma once

#include <functional>
#include <vector>

#include "measure/common/repeat.h"
#include "measure/network/arrivals.h"

namespace kinglet::measure {

struct InstanceWindow {
  double window_s = 1;
  double warm_up_s = 0.2;            // one run at least
  ArrivalQueue* arrivals = nullptr;  // null: a closed loop
  // Called when all instances are warm: the moment of the clock at which the window begins.
  std::function<double()> gate = SteadySeconds;
  std::function<void()> began = [] {};  // at that moment, in the calling thread
};

// What one instance did.
struct InstanceRuns {
  std::vector<double> latencies_ms{};  // in their order
  double begin = 0, end = 0;           // of the first and the last run, by the clock
  double backlog_s = 0;                // open loop: how long the last batch had waited to begin
};

// Runs each of `instances` in a thread of its own, warm and then for the window; returns when the
// last has ended. Throws what one of them throws.
std::vector<InstanceRuns> RunInstances(const std::vector<std::function<void()>>& instances,
                                       const InstanceWindow& window);

// Waits until this moment of SteadySeconds.
void SleepUntil(double seconds);

}  // namespace kinglet::measure
