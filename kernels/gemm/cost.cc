#include "kernels/gemm/packed.h"

namespace kinglet::kernels {

double GemmSeconds(const GemmShape& s, int threads, const MachineModel& machine, double efficiency,
                   int64_t units, int64_t weight_parts) {
  const auto m = static_cast<double>(s.m);
  const auto n = static_cast<double>(s.n);
  const auto k = static_cast<double>(s.k);
  Work work;
  work.flops = 2 * m * n * k;
  work.gflops = machine.peak_gflops * efficiency;
  work.read_bytes = 4 * m * k;
  work.write_bytes = 4 * m * n;
  work.weight_bytes = 4 * n * k;
  work.weight_parts = weight_parts;
  work.units = units;
  return PredictSeconds(work, threads, machine);
}

}  // namespace kinglet::kernels
