#include "measure/common/machine.h"

#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

#include "kinglet/machine.h"
#include "kinglet/model.h"

namespace kinglet::measure {

Machine ThisMachine() { return {CpuName(), InstructionSet(), AvailableThreads(), Version(), 0}; }

double PeakGflopsOf(int cores) {
  std::vector<double> each(static_cast<std::size_t>(cores));
  std::vector<std::thread> threads;
  for (double& gflops : each) {
    threads.emplace_back([&gflops] { gflops = MeasurePeakGflops(); });
  }
  double sum = 0;
  for (std::size_t i = 0; i < each.size(); ++i) {
    threads[i].join();
    sum += each[i];
  }
  return sum;
}

double PeakRssMib() {
  constexpr double kKibOfMib = 1024.0;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) / kKibOfMib;
  }
  rusage usage{};  // begins with that of the process that started this one
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / kKibOfMib;
}

}  // namespace kinglet::measure
