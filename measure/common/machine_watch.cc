#include "measure/common/machine_watch.h"

#include <algorithm>
#include <cmath>

#include "measure/common/repeat.h"

namespace kinglet::measure {
namespace {

std::string PercentText(double share) {
  return std::to_string(static_cast<int>(std::lround(100 * share))) + " %";
}

}  // namespace

MachineWatch::MachineWatch(const WatchLimits& limits) : limits_(limits) {
  constexpr int kFirstLooks = 60;
  for (int i = 0; i < kFirstLooks; ++i) share_before_ = Share();
  LookBack();
}

double MachineWatch::Share() {
  constexpr double kMilliseconds = 4;
  return host_.Share(RunReferenceLoop(kMilliseconds));
}

std::string MachineWatch::Look() {
  constexpr int kLooks = 3;  // a moment in which the CPU was away is not what others take
  double share = Share();
  for (int look = 1; look < kLooks && share < limits_.host_share; ++look) {
    share = std::max(share, Share());
  }
  const double least = std::min(share, share_before_);
  share_before_ = share;
  if (least >= limits_.host_share) return "";
  return "the reference loop ran at " + PercentText(least) + " of its best";
}

std::string MachineWatch::LookBack() {
  const std::vector<CpuTimes> times = ReadCpuTimes();
  const Usage usage = OwnUsage();
  const double now = SteadySeconds();
  Load load;
  if (began_ > 0) load = LoadBetween(times_, times, now - began_, usage - usage_);
  times_ = times;
  usage_ = usage;
  began_ = now;
  if (load.steal > limits_.steal) {
    return "the host took " + PercentText(load.steal) + " of the CPU time away";
  }
  constexpr double kOthersOfAll = 0.01;  // CPUs: what large machines have running at any time
  const double others =
      std::max(limits_.others, kOthersOfAll * static_cast<double>(load.utilisation.size()));
  if (load.others <= others) return "";
  return "other programs took " + PercentText(load.others) + " of a CPU";
}

}  // namespace kinglet::measure
