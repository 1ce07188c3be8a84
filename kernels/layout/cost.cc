#include "kernels/common/blocked.h"
#include "kernels/layout/layout.h"

namespace kinglet::kernels {

double ReorderSeconds(int64_t n, int64_t c, int64_t h, int64_t w, int threads,
                      const MachineModel& machine) noexcept {
  const double pixels = static_cast<double>(n) * static_cast<double>(h) * static_cast<double>(w);
  Work work;
  work.read_bytes = 4 * pixels * static_cast<double>(c);
  work.write_bytes = 4 * pixels * static_cast<double>(RoundUpToBlock(c));
  // The lanes of a last block that is not full are moved one by one.
  work.flops = c % kBlock == 0 ? 0 : 16 * pixels;
  work.gflops = machine.Gflops(WorkKind::kScalar);
  work.units = int64_t{64} * threads;
  return PredictSeconds(work, threads, machine);
}

}  // namespace kinglet::kernels
