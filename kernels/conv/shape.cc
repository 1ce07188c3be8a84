#include "kernels/conv/shape.h"

namespace kinglet::kernels {

double ConvSeconds(const ConvShape& s, int threads, const MachineModel& machine, double efficiency,
                   int64_t unit_count, int64_t weight_parts) {
  const double n = static_cast<double>(s.n);
  Work work;
  work.flops = 2 * MultiplyAdds(s) * n;
  work.gflops = machine.peak_gflops * efficiency;
  work.read_bytes = 4.0 * n * static_cast<double>(s.ic) * static_cast<double>(s.ih * s.iw);
  work.write_bytes = 4.0 * n * static_cast<double>(s.oc) * static_cast<double>(s.oh * s.ow);
  work.weight_bytes = WeightBytes(s);
  work.weight_parts = weight_parts;
  work.units = unit_count;
  return PredictSeconds(work, threads, machine);
}

}  // namespace kinglet::kernels
