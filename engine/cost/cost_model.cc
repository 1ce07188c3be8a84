#include "engine/cost/cost_model.h"

namespace kinglet {

double MoveSeconds(double read_bytes, double write_bytes, int threads, const CostModel& cost) {
  kernels::Work work;
  work.read_bytes = read_bytes;
  work.write_bytes = write_bytes;
  work.units = 64 * threads;
  return kernels::PredictSeconds(work, threads, cost.machine);
}

double LoopSeconds(double macs, int threads, const CostModel& cost) {
  kernels::Work work;
  work.flops = 2 * macs;
  work.gflops = cost.machine.Gflops(kernels::WorkKind::kScalar);
  work.units = 64 * threads;
  return kernels::PredictSeconds(work, threads, cost.machine);
}

}  // namespace kinglet
