// What cost functions know about the machine: enough to compare kernels, not to predict the clock.
#pragma once

#include <cstddef>

namespace kinglet::kernels {

struct MachineModel {
  double peak_gflops;  // float32 multiply-adds (two operations each) of one core, active target
  double l2_bytes;     // of one core
  double l3_bytes;     // shared
  double l2_gbps;      // read bandwidth of one core from each level
  double l3_gbps;
  double dram_gbps;
};

// Built-in figures of the active target, with the cache sizes of this CPU.
MachineModel DefaultMachineModel() noexcept;

}  // namespace kinglet::kernels
