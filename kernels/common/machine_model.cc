#include "kernels/common/machine_model.h"

#include <algorithm>

#include "kernels/common/cpu_target.h"
#include "kernels/common/partition.h"

namespace kinglet::kernels {
namespace {

// The share of `bytes` that a cache does not hold from one step to the next. Up to half of it they
// stay; beyond all of it nothing does, as the oldest lines go first.
double MissShare(double bytes, double cache_bytes) {
  return std::clamp((bytes - cache_bytes / 2) / (cache_bytes / 2), 0.0, 1.0);
}

// Of the units, on the thread that gets most of them when they are handed out in chunks.
double BusiestShare(int64_t units, int threads) {
  if (threads <= 1 || units <= 0) return 1;
  const int64_t chunk = std::max<int64_t>(1, units / (int64_t{threads} * 8));
  const int64_t chunks = CeilDiv(units, chunk);
  return std::min(
      1.0, static_cast<double>(CeilDiv(chunks, threads) * chunk) / static_cast<double>(units));
}

// With AVX-512, cores of this much second-level cache are those of servers whose third-level cache
// is spread over a mesh: slow for one core, and a virtual machine is told of all of it but has a
// part.
constexpr size_t kMeshL2Bytes = size_t{2} << 20;

void UseMeshFigures(MachineModel& machine) {
  machine.l3_bytes = std::min(machine.l3_bytes, 200e6);
  machine.l2_gbps = 170;
  machine.l3_gbps = 28;
  machine.l3_all_gbps = 56;
  machine.dram_gbps = 16;
  machine.dram_all_gbps = 30;
  machine.share_of_peak = {0.95, 0.65, 0.5, 0.85, 0.8, 0.02};
}

}  // namespace

MachineModel DefaultMachineModel() noexcept {
  const std::string_view target = ActiveTarget();
  const double peak = target == "avx512" ? 230 : target == "avx2" ? 115 : target == "neon" ? 45 : 8;
  const CacheSizes& caches = Caches();
  MachineModel machine;
  machine.peak_gflops = peak;
  machine.l2_bytes = static_cast<double>(caches.l2_bytes);
  machine.l3_bytes = static_cast<double>(caches.l3_bytes) / 2;  // others use it as well
  machine.l2_gbps = peak * 0.8;
  machine.l3_gbps = 60;
  machine.l3_all_gbps = 120;
  machine.dram_gbps = 35;
  machine.dram_all_gbps = 50;
  machine.step_seconds = 0.5e-6;
  machine.handover_seconds = 1.5e-6;
  machine.share_of_peak = {0.96, 0.9, 0.55, 0.9, 0.85, 0.02};
  if (target == "avx512" && caches.l2_bytes >= kMeshL2Bytes) UseMeshFigures(machine);
  return machine;
}

double PredictSeconds(const Work& work, int threads, const MachineModel& machine) noexcept {
  const double share = BusiestShare(work.units, threads);
  const double bytes = work.read_bytes + work.write_bytes;
  const double beyond_l2 = MissShare(bytes, machine.l2_bytes);
  const double beyond_l3 = MissShare(bytes, machine.l3_bytes);
  const double weights_beyond_l3 =
      MissShare(machine.network_weight_bytes + work.weight_bytes, machine.l3_bytes);
  const auto transfer = [&](double total, double each, double one_gbps, double all_gbps) {
    return 1e-9 * std::max(total / all_gbps, each / one_gbps);
  };
  const double l2 = bytes * (1 - beyond_l2);
  const double l3 = bytes * (beyond_l2 - beyond_l3);
  const auto parts = static_cast<double>(std::clamp<int64_t>(threads, 1, work.weight_parts));
  const double weights_l3 = work.weight_bytes / parts * (1 - weights_beyond_l3);
  const double cached = 1e-9 * l2 * share / machine.l2_gbps +
                        transfer(l3 + weights_l3 * threads, l3 * share + weights_l3,
                                 machine.l3_gbps, machine.l3_all_gbps);
  // A line that is written to memory is read first.
  const double dram = (work.read_bytes + 2 * work.write_bytes) * beyond_l3;
  const double weights_dram = work.weight_bytes * weights_beyond_l3;
  const double memory =
      transfer(dram + weights_dram, dram * share + weights_dram / std::max(threads, 1),
               machine.dram_gbps, machine.dram_all_gbps);
  const double compute = work.gflops > 0 ? 1e-9 * work.flops * share / work.gflops : 0;
  const double begin = machine.step_seconds + (threads > 1 ? machine.handover_seconds : 0);
  // What comes from a cache hides behind arithmetic, or arithmetic behind it, but for a part.
  // Memory hides the less the more of it there is.
  const double work_seconds = std::max(compute, cached) + kBarelyHidden * std::min(compute, cached);
  const double exposed = memory > 0 ? 1 - 0.5 * compute / (compute + memory) : 0;
  return work_seconds + memory * exposed + begin;
}

}  // namespace kinglet::kernels
