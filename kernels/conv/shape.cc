#include "kernels/conv/shape.h"

namespace kinglet::kernels {

double ConvSeconds(const ConvShape& s, int threads, const MachineModel& machine, double efficiency,
                   int64_t unit_count) {
  const double n = static_cast<double>(s.n);
  const double image_bytes = 4.0 * (static_cast<double>(s.ic) * static_cast<double>(s.ih * s.iw) +
                                    static_cast<double>(s.oc) * static_cast<double>(s.oh * s.ow));
  const double weight_bytes =
      4.0 * static_cast<double>(s.oc) * static_cast<double>(s.ic / s.groups) * s.kh * s.kw;
  const auto units = static_cast<double>(unit_count);
  const double rounds = std::max(
      1.0, static_cast<double>(static_cast<int64_t>((units + threads - 1) / std::max(threads, 1))));
  const double share = rounds / units;  // of the work, on the busiest thread
  const double compute = 2e-9 * MultiplyAdds(s) * n * share / (machine.peak_gflops * efficiency);
  const double bytes = n * image_bytes + weight_bytes;
  const bool in_l2 = bytes < machine.l2_bytes / 2;
  const bool in_l3 = bytes < machine.l3_bytes / 2;
  const double cached_gbps = in_l2 ? machine.l2_gbps : machine.l3_gbps;
  const double memory = in_l3 ? bytes * share / cached_gbps : bytes / machine.dram_gbps;
  return std::max(compute, 1e-9 * memory) + 1e-6;
}

}  // namespace kinglet::kernels
