// The machine that something is measured on, and what this process takes of it.
#pragma once

#include <string>

namespace kinglet::measure {

struct Machine {
  std::string cpu;              // name, family, model and stepping
  std::string instruction_set;  // that kernels run on
  int cpus = 1;                 // that this process may use
  std::string kinglet;          // version
  double peak_gflops = 0;       // float32, of one core; 0: not measured
  std::string features{};       // of the CPU: "avx2,fma"
  std::string caches{};      // "L1d 32K, L1i 32K, L2 512K, L3 32768K", of CPU 0; "": not readable
  std::string kernel{};      // of the operating system: "Linux 6.1.0 x86_64"
  std::string governor{};    // of CPU 0's clock; "": not readable
  double clock_mhz = 0;      // the most that cpufreq or, outside of virtual machines,
                             // /proc/cpuinfo tells; 0: not readable
  double cpu_quota = 0;      // CPUs that the control groups allow; 0: all
  std::string hypervisor{};  // "yes" in a virtual machine, else ""
  std::string compiler{};    // that Kinglet was built with
  std::string blas{};        // OpenBLAS and its version; "": without

  bool operator==(const Machine&) const = default;
};

// Everything but the peak.
Machine ThisMachine();

// Float32 operations per second, in 1e9, of this many cores at once, so that what they share is
// shared. Measured at each call (kinglet/machine.h).
double PeakGflopsOf(int cores);

// The largest resident set that this program has had, MiB: not that of the process that started it.
double PeakRssMib();

// Of this process what is mapped from files and in memory now, MiB: the program itself, for the
// most part; 0 where it is not known.
double FileRssMib();

// Memory that programs can still take, MiB; 0: not readable.
double AvailableMib();

}  // namespace kinglet::measure
