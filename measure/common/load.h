// What CPUs did over some time, and what this process took of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kinglet::measure {

// CPU time since the machine started, seconds, of one CPU.
struct CpuTimes {
  double busy = 0;   // by any program
  double idle = 0;   // waiting for disks included
  double steal = 0;  // that the host gave to others while programs here wanted it
};

// Of the CPUs that this process may use, by their order. Empty where /proc/stat cannot be read.
std::vector<CpuTimes> ReadCpuTimes();
// The same of a text like /proc/stat for the CPUs of these numbers.
std::vector<CpuTimes> ParseCpuTimes(std::string_view stat, const std::vector<int>& cpus);

// CPUs that this process may use, by number.
std::vector<int> AllowedCpus();

// What a process took, or a sum over several of them.
struct Usage {
  double cpu_seconds = 0;
  double context_switches = 0;  // asked for and not
  double page_faults = 0;       // with and without reading

  Usage& operator+=(const Usage& other);
  Usage operator-(const Usage& other) const;
};
Usage OwnUsage();

// Between two moments.
struct Load {
  std::vector<double> utilisation{};  // 0..1 of each CPU that the process may use
  double steal = 0;                   // share of all CPU time that the host took, 0..1
  double others = 0;                  // CPUs that other programs here took, as "0.5 of one"
};
Load LoadBetween(const std::vector<CpuTimes>& begin, const std::vector<CpuTimes>& end,
                 double seconds, const Usage& own);

// Mean clock of the CPUs that this process may use, MHz, as cpufreq or, outside of virtual
// machines, /proc/cpuinfo tells it; 0: not readable.
double ReadClockMhz();

}  // namespace kinglet::measure
