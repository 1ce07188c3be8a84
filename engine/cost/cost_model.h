// What kernels are chosen by.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "kernels/common/machine_model.h"

namespace kinglet {

// Measured seconds by kernel, for each choice among kernels: a shape with the number of threads.
using KernelTimes = std::map<std::string, double, std::less<>>;
using TuningTable = std::map<std::string, KernelTimes, std::less<>>;

struct CostModel {
  kernels::MachineModel machine = kernels::DefaultMachineModel();
  bool winograd = true;  // convolutions may be computed by Winograd's transforms
  std::shared_ptr<const TuningTable> tuning;  // null: nothing was measured
  // For the tuner: which candidate to take, 0 the best one, the last one where there are fewer;
  // measured times are not consulted.
  bool exploring = false;
  std::size_t candidate = 0;
};

// Seconds for a step that does little but move its data: `read_bytes` in, `write_bytes` out.
double MoveSeconds(double read_bytes, double write_bytes, int threads, const CostModel& cost);

// Seconds for `macs` multiply-adds in a plain loop.
double LoopSeconds(double macs, int threads, const CostModel& cost);

}  // namespace kinglet
