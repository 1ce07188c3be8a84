// What kernels are chosen by.
#pragma once

#include <cstddef>

#include "kernels/common/machine_model.h"

namespace kinglet {

struct CostModel {
  kernels::MachineModel machine = kernels::DefaultMachineModel();
  bool winograd = true;  // convolutions may be computed by Winograd's transforms
};

// Seconds for a step that does little but move its data: `read_bytes` in, `write_bytes` out.
double MoveSeconds(double read_bytes, double write_bytes, int threads, const CostModel& cost);

// Seconds for `macs` multiply-adds in a plain loop.
double LoopSeconds(double macs, int threads, const CostModel& cost);

}  // namespace kinglet
