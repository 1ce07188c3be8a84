#include "kernels/common/predict.h"

#include <algorithm>

namespace kinglet::kernels {
namespace {

// Of the traffic, beyond each cache.
struct Misses {
  double l2 = 0, l3 = 0, weights_l3 = 0;
};

Misses MissesOf(const Work& work, const MachineModel& machine) {
  const double bytes = work.read_bytes() + work.write_bytes();
  return {MissShare(bytes, machine.l2_bytes), MissShare(bytes, machine.l3_bytes),
          MissShare(machine.network_weight_bytes + work.weight_bytes(), machine.l3_bytes)};
}

// Of all threads by what the level gives them together, or of the busiest one alone.
double Transfer(double total, double each, double one_gbps, double all_gbps) {
  return 1e-9 * std::max(total / all_gbps, each / one_gbps);
}

StageSeconds PredictStage(const WorkStage& stage, const Work& work, const Misses& misses,
                          const MachineModel& machine) {
  const double share = work.busiest_share;
  const double bytes = stage.read_bytes + stage.write_bytes;
  const double l2 = bytes * (1 - misses.l2);
  const double l3 = bytes * (misses.l2 - misses.l3);
  const auto parts = static_cast<double>(std::clamp<int64_t>(work.threads, 1, work.weight_parts));
  const double weights_l3 = stage.weight_bytes / parts * (1 - misses.weights_l3);
  // A line that is written to memory is read first.
  const double dram = (stage.read_bytes + 2 * stage.write_bytes) * misses.l3;
  const double weights_dram = stage.weight_bytes * misses.weights_l3;
  StageSeconds seconds;
  for (const Operations& each : stage.operations) {
    if (each.count > 0) seconds.arithmetic += share * ArithmeticSeconds(each, machine);
  }
  seconds.cached = 1e-9 * l2 * share / machine.l2_gbps +
                   Transfer(l3 + weights_l3 * work.threads, l3 * share + weights_l3,
                            machine.l3_gbps, machine.l3_all_gbps);
  seconds.memory =
      Transfer(dram + weights_dram, dram * share + weights_dram / std::max(work.threads, 1),
               machine.dram_gbps, machine.dram_all_gbps);
  return seconds;
}

// Weights that are streamed pass by pass come through the second-level cache, where little of their
// time shows. The more there are, the more of them come from further away, and most of that shows:
// fetching ahead hides the rest.
double StreamedSeconds(const Work& work, const MachineModel& machine) {
  constexpr double kFarBytes = 8 << 20;
  constexpr double kFarShows = 0.85;
  if (work.weight_passes == 0) return 0;
  const double streamed = work.weight_passes * work.weight_bytes() * work.busiest_share;
  const double far = std::min(work.weight_bytes() / kFarBytes, 1.0);
  return 1e-9 * streamed * (kBarelyHidden / machine.l2_gbps + kFarShows * far / machine.l3_gbps);
}

double ScratchSeconds(const Work& work, const MachineModel& machine) {
  if (work.scratch_passes == 0) return 0;
  const double spilled =
      work.scratch_passes * work.scratch_bytes * MissShare(work.scratch_bytes, machine.l2_bytes);
  return 1e-9 * kBarelyHidden * spilled * work.busiest_share / machine.l3_gbps;
}

}  // namespace

double MissShare(double bytes, double cache_bytes) noexcept {
  return std::clamp((bytes - cache_bytes / 2) / (cache_bytes / 2), 0.0, 1.0);
}

double StageSeconds::overlapped() const {
  const double exposed = memory > 0 ? 1 - 0.5 * arithmetic / (arithmetic + memory) : 0;
  return std::max(arithmetic, cached) + kBarelyHidden * std::min(arithmetic, cached) +
         memory * exposed;
}

double Prediction::seconds() const {
  double sum = again + begin;
  for (const StageSeconds& stage : stages) sum += stage.overlapped();
  return sum;
}

Prediction Predict(const Work& work, const MachineModel& machine) noexcept {
  const Misses misses = MissesOf(work, machine);
  Prediction prediction;
  for (size_t i = 0; i < work.stages.size(); ++i) {
    prediction.stages[i] = PredictStage(work.stages[i], work, misses, machine);
  }
  prediction.again = StreamedSeconds(work, machine) + ScratchSeconds(work, machine);
  prediction.begin = machine.step_seconds + (work.threads > 1 ? machine.handover_seconds : 0);
  return prediction;
}

double PredictSeconds(const Work& work, const MachineModel& machine) noexcept {
  return Predict(work, machine).seconds();
}

double ArithmeticSeconds(const Operations& operations, const MachineModel& machine) noexcept {
  const double known = machine.Peak(operations.type, operations.family);
  const double peak = known > 0 ? known : machine.Peak(ElementType::kFloat32);
  return 1e-9 * operations.count / (peak * machine.Share(operations.kind));
}

}  // namespace kinglet::kernels
