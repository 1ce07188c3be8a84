#include "measure/common/load.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace kinglet::measure {
namespace {

std::string TextOfFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// MHz of /proc/cpuinfo, by CPU; none in a virtual machine, where it is what the counter of time
// runs at, whatever the clock is.
std::vector<double> ClocksOfCpuInfo() {
  std::vector<double> clocks;
  std::istringstream lines(TextOfFile("/proc/cpuinfo"));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos) continue;
    if (line.starts_with("flags") && line.find(" hypervisor") != line.npos) return {};
    if (line.starts_with("cpu MHz")) clocks.push_back(std::atof(line.c_str() + colon + 1));
  }
  return clocks;
}

}  // namespace

std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<CpuTimes> ParseCpuTimes(std::string_view stat, const std::vector<int>& cpus) {
  const double tick = 1.0 / static_cast<double>(std::max(sysconf(_SC_CLK_TCK), 1L));
  std::vector<CpuTimes> times;
  std::istringstream lines{std::string(stat)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name.size() < 4 || !name.starts_with("cpu")) continue;
    const int cpu = std::atoi(name.c_str() + 3);
    if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) continue;
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user and nice.
    double value[8] = {};
    for (double& each : value) words >> each;
    times.push_back({tick * (value[0] + value[1] + value[2] + value[5] + value[6]),
                     tick * (value[3] + value[4]), tick * value[7]});
  }
  return times;
}

std::vector<CpuTimes> ReadCpuTimes() {
  return ParseCpuTimes(TextOfFile("/proc/stat"), AllowedCpus());
}

Usage& Usage::operator+=(const Usage& other) {
  cpu_seconds += other.cpu_seconds;
  context_switches += other.context_switches;
  page_faults += other.page_faults;
  return *this;
}

Usage Usage::operator-(const Usage& other) const {
  return {cpu_seconds - other.cpu_seconds, context_switches - other.context_switches,
          page_faults - other.page_faults};
}

Usage OwnUsage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {SecondsOf(usage.ru_utime) + SecondsOf(usage.ru_stime),
          static_cast<double>(usage.ru_nvcsw + usage.ru_nivcsw),
          static_cast<double>(usage.ru_minflt + usage.ru_majflt)};
}

Load LoadBetween(const std::vector<CpuTimes>& begin, const std::vector<CpuTimes>& end,
                 double seconds, const Usage& own) {
  Load load;
  const std::size_t cpus = std::min(begin.size(), end.size());
  double busy = 0;
  double stolen = 0;
  double all = 0;
  for (std::size_t i = 0; i < cpus; ++i) {
    const double b = std::max(end[i].busy - begin[i].busy, 0.0);
    const double idle = std::max(end[i].idle - begin[i].idle, 0.0);
    const double s = std::max(end[i].steal - begin[i].steal, 0.0);
    const double sum = b + idle + s;
    load.utilisation.push_back(sum > 0 ? b / sum : 0);
    busy += b;
    stolen += s;
    all += sum;
  }
  if (all > 0) load.steal = stolen / all;
  // Counted in ticks, of which each CPU may be off by one.
  const double tick = 1.0 / static_cast<double>(std::max(sysconf(_SC_CLK_TCK), 1L));
  const double others = busy - own.cpu_seconds - tick * static_cast<double>(cpus);
  if (seconds > 0) load.others = std::max(others, 0.0) / seconds;
  return load;
}

double ReadClockMhz() {
  constexpr double kMhzOfKhz = 1e-3;
  const std::vector<int> cpus = AllowedCpus();
  double sum = 0;
  std::size_t count = 0;
  for (const int cpu : cpus) {
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                       "/cpufreq/scaling_cur_freq");
    double khz = 0;
    if (file >> khz && khz > 0) {
      sum += khz * kMhzOfKhz;
      ++count;
    }
  }
  if (count > 0) return sum / static_cast<double>(count);
  const std::vector<double> clocks = ClocksOfCpuInfo();
  for (const int cpu : cpus) {
    if (static_cast<std::size_t>(cpu) >= clocks.size()) continue;
    sum += clocks[static_cast<std::size_t>(cpu)];
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

}  // namespace kinglet::measure
