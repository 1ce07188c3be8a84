#include <algorithm>

#include "kernels/common/partition.h"
#include "kernels/gemm/packed.h"

namespace kinglet::kernels {

double GemmSeconds(const GemmShape& s, int threads, const MachineModel& machine, double efficiency,
                   int64_t units) {
  const auto m = static_cast<double>(s.m);
  const double weights = static_cast<double>(s.n) * static_cast<double>(s.k);
  const double share = static_cast<double>(CeilDiv(units, std::max(threads, 1))) /
                       static_cast<double>(units);  // on the busiest thread
  const double compute = 2e-9 * m * weights * share / (machine.peak_gflops * efficiency);
  const double bytes = 4.0 * weights;
  const double memory = bytes < machine.l2_bytes / 2   ? bytes * share / machine.l2_gbps
                        : bytes < machine.l3_bytes / 2 ? bytes * share / machine.l3_gbps
                                                       : bytes / machine.dram_gbps;
  return std::max(compute, 1e-9 * memory) + 1e-6;
}

}  // namespace kinglet::kernels
