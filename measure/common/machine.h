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

  bool operator==(const Machine&) const = default;
};

// Everything but the peak.
Machine ThisMachine();

// Float32 operations per second, in 1e9, of this many cores at once, so that what they share is
// shared. Measured at each call (kinglet/machine.h).
double PeakGflopsOf(int cores);

// The largest resident set that this program has had, MiB: not that of the process that started it.
double PeakRssMib();

}  // namespace kinglet::measure
