// A CPU that a test makes up, in the place of this machine's.
#pragma once

#include <string_view>

#include "kernels/common/cpu.h"
#include "kernels/common/cpu_target.h"

namespace kinglet::testing {

// While it lives, `cpu` is the active one, and the best of its targets that can run here is active.
// Choices may be asked for any CPU; what is run meanwhile is planned meanwhile. One at a time.
class MadeUpCpu {
 public:
  explicit MadeUpCpu(const kernels::Cpu& cpu) : cpu_(cpu), target_(kernels::ActiveTarget()) {
    kernels::MakeUpActiveCpu(&cpu_);
    kernels::ForceTarget(kernels::RunnableTargets().front());
  }
  ~MadeUpCpu() {
    kernels::MakeUpActiveCpu(nullptr);
    kernels::ForceTarget(target_);
  }
  MadeUpCpu(const MadeUpCpu&) = delete;
  MadeUpCpu& operator=(const MadeUpCpu&) = delete;

 private:
  const kernels::Cpu cpu_;
  const std::string_view target_;
};

// Machines whose choices tests pin: a desktop of AMD's Zen, a server of Intel's with a mesh of
// third-level cache, one of AMD's Zen 4 with AVX-512 in halves, and one of Arm's Neoverse.
inline constexpr kernels::Cpu kAvx2Cpu = {
    .features = {kernels::CpuFeature::kAvx2},
    .caches = {.l1d_bytes = 32 << 10, .l2_bytes = 512 << 10, .l3_bytes = 16 << 20}};
inline constexpr kernels::Cpu kAvx512Cpu = {
    .features = {kernels::CpuFeature::kAvx2, kernels::CpuFeature::kAvx512,
                 kernels::CpuFeature::kAvx512Vnni},
    .caches = {.l1d_bytes = 48 << 10, .l2_bytes = 2 << 20, .l3_bytes = 105 << 20}};
inline constexpr kernels::Cpu kZen4Cpu = {
    .features = {kernels::CpuFeature::kAvx2, kernels::CpuFeature::kAvx512,
                 kernels::CpuFeature::kAvx512Vnni, kernels::CpuFeature::kAvx512Bf16},
    .caches = {.l1d_bytes = 32 << 10, .l2_bytes = 1 << 20, .l3_bytes = 32 << 20}};
inline constexpr kernels::Cpu kNeonCpu = {
    .features = {kernels::CpuFeature::kNeon, kernels::CpuFeature::kNeonDot},
    .caches = {.l1d_bytes = 64 << 10, .l2_bytes = 1 << 20, .l3_bytes = 32 << 20}};

}  // namespace kinglet::testing
