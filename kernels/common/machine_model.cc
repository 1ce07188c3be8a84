#include "kernels/common/machine_model.h"

#include "kernels/common/cpu_target.h"

namespace kinglet::kernels {

MachineModel DefaultMachineModel() noexcept {
  const std::string_view target = ActiveTarget();
  const double peak = target == "avx512" ? 230 : target == "avx2" ? 115 : target == "neon" ? 45 : 8;
  const CacheSizes& caches = Caches();
  return {.peak_gflops = peak,
          .l2_bytes = static_cast<double>(caches.l2_bytes),
          .l3_bytes = static_cast<double>(caches.l3_bytes),
          .l2_gbps = peak * 0.8,
          .l3_gbps = 60,
          .dram_gbps = 20};
}

}  // namespace kinglet::kernels
