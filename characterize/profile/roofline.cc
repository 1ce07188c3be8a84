#include "characterize/profile/roofline.h"

#include <algorithm>

namespace kinglet::characterize {
namespace {

double Between(double one, double all, int threads, int all_threads) {
  if (threads <= 1 || all_threads <= 1) return threads <= 1 ? one : all;
  const double share = static_cast<double>(std::min(threads, all_threads) - 1) / (all_threads - 1);
  return one + share * (all - one);
}

// Of a type and instructions; that of float32 vectors where none was measured.
double PeakOf(const Roof& roof, const std::string& type, const std::string& instructions) {
  const auto of = [&](const std::string& t, const std::string& i) {
    const auto types = roof.peaks.find(t);
    if (types == roof.peaks.end()) return 0.0;
    const auto found = types->second.find(i);
    return found == types->second.end() ? 0.0 : found->second;
  };
  const double peak = of(type, instructions);
  return peak > 0 ? peak : of("float32", "vector");
}

}  // namespace

Roof RoofOf(const Calibration& calibration, int threads) {
  const int cores = std::clamp(threads, 1, std::max(calibration.threads, 1));
  Roof roof;
  roof.threads = threads;
  roof.peaks = calibration.peaks;
  for (auto& [type, figures] : roof.peaks) {
    for (auto& [instructions, peak] : figures) peak *= cores;
  }
  roof.dram_gbps =
      Between(calibration.dram_gbps, calibration.dram_all_gbps, cores, calibration.threads);
  roof.l3_gbps = Between(calibration.l3_gbps, calibration.l3_all_gbps, cores, calibration.threads);
  roof.l2_gbps = calibration.l2_gbps * cores;
  return roof;
}

const char* BoundName(LayerBound bound) {
  return bound == LayerBound::kMemory ? "memory" : "arithmetic";
}

LayerWork WorkOf(const StepInfo& step, const Roof& roof) {
  LayerWork work;
  work.operations = 2.0 * static_cast<double>(step.macs);
  work.bytes = step.work.read_bytes + step.work.write_bytes + step.work.weight_bytes;
  work.intensity = work.bytes > 0 ? work.operations / work.bytes : 0;
  const auto& operations = step.work.operations;
  const auto most =
      std::max_element(operations.begin(), operations.end(),
                       [](const WorkInfo::Operations& a, const WorkInfo::Operations& b) {
                         return a.count < b.count;
                       });
  const bool known = most != operations.end();
  work.peak_gflops =
      PeakOf(roof, known ? most->type : "float32", known ? most->instructions : "vector");
  const bool beyond_ridge = work.intensity * roof.dram_gbps >= work.peak_gflops;
  work.bound = work.operations > 0 && beyond_ridge ? LayerBound::kArithmetic : LayerBound::kMemory;
  return work;
}

}  // namespace kinglet::characterize
