#include "measure/common/machine.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "kinglet/cpu.h"
#include "kinglet/machine.h"
#include "kinglet/model.h"

#ifdef KINGLET_WITH_OPENBLAS
extern "C" char* openblas_get_config(void);
#endif

namespace kinglet::measure {
namespace {

constexpr double kKibOfMib = 1024.0;

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string CachesOfCpu0() {
  std::string text;
  for (int i = 0; i < 16; ++i) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i);
    const std::string level = FirstLine(folder + "/level");
    if (level.empty()) break;
    const std::string type = FirstLine(folder + "/type");
    const char* which = type == "Data" ? "d" : type == "Instruction" ? "i" : "";
    text += (text.empty() ? "L" : ", L") + level + which + ' ' + FirstLine(folder + "/size");
  }
  return text;
}

std::string KernelName() {
  utsname name{};
  if (uname(&name) != 0) return "";
  return std::string(name.sysname) + ' ' + name.release + ' ' + name.machine;
}

// The smallest quota of the control groups that this process is in, as CPUs; 0: none.
double QuotaOfGroups() {
  double quota = 0;
  const auto take = [&](double cpus) {
    if (cpus > 0) quota = quota > 0 ? std::min(quota, cpus) : cpus;
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t path = line.rfind(':');
    if (path == line.npos) continue;
    for (std::string folder = line.substr(path + 1);;) {
      std::istringstream v2(FirstLine("/sys/fs/cgroup" + folder + "/cpu.max"));
      std::istringstream v1(FirstLine("/sys/fs/cgroup/cpu" + folder + "/cpu.cfs_quota_us") + ' ' +
                            FirstLine("/sys/fs/cgroup/cpu" + folder + "/cpu.cfs_period_us"));
      double time = 0;
      double period = 0;
      if (v2 >> time >> period && period > 0) take(time / period);
      if (v1 >> time >> period && period > 0) take(time / period);
      if (folder.size() < 2) break;
      folder = folder.substr(0, folder.rfind('/'));
    }
  }
  return quota;
}

bool IsVirtual() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("flags")) return line.find(" hypervisor") != line.npos;
  }
  return false;
}

double MaximumClockMhz() {
  const double khz =
      std::atof(FirstLine("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq").c_str());
  if (khz > 0) return khz * 1e-3;
  if (IsVirtual()) return 0;  // that of the counter of time, whatever the clock is
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with("cpu MHz") && colon != line.npos) {
      return std::max(std::atof(line.c_str() + colon + 1), 0.0);
    }
  }
  return 0;
}

std::string CompilerName() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "";
#endif
}

std::string BlasName() {
#ifdef KINGLET_WITH_OPENBLAS
  const char* config = openblas_get_config();
  return config == nullptr ? "OpenBLAS" : config;
#else
  return "";
#endif
}

// A line "NAME: 123 kB" of the file, as MiB; 0: there is none.
double MibOf(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::atof(line.c_str() + name.size()) / kKibOfMib;
  }
  return 0;
}

}  // namespace

Machine ThisMachine() {
  Machine machine{CpuName(), InstructionSet(), AvailableThreads(), Version(), 0};
  machine.features = DescribeCpu().features;
  machine.caches = CachesOfCpu0();
  machine.kernel = KernelName();
  machine.governor = FirstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  machine.clock_mhz = MaximumClockMhz();
  machine.cpu_quota = std::round(QuotaOfGroups() * 1e3) / 1e3;
  machine.hypervisor = IsVirtual() ? "yes" : "";
  machine.compiler = CompilerName();
  machine.blas = BlasName();
  return machine;
}

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
  const double peak = MibOf("/proc/self/status", "VmHWM:");
  if (peak > 0) return peak;
  rusage usage{};  // begins with that of the process that started this one
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / kKibOfMib;
}

double FileRssMib() { return MibOf("/proc/self/status", "RssFile:"); }

double AvailableMib() { return MibOf("/proc/meminfo", "MemAvailable:"); }

}  // namespace kinglet::measure
