// What is known about the machine, and what a piece of work takes on it: enough to compare kernels
// and ways to cut a batch, and near enough to the clock to be shown to people.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace kinglet::kernels {

// Kinds of kernels that reach different shares of the arithmetic peak.
enum class WorkKind : uint8_t {
  kTile,       // register tiles over blocked tensors: direct convolution, packed products
  kPlane,      // the first convolution, from planes of few channels
  kDepthwise,  // a filter of its own for each channel
  kWinograd,   // products of transformed tiles, transforms included
  kBlas,       // OpenBLAS
  kScalar,     // plain loops
};
inline constexpr size_t kWorkKinds = 6;

struct MachineModel {
  double peak_gflops = 0;  // float32 multiply-adds (two operations each) of one core
  double l2_bytes = 0;     // of one core
  double l3_bytes = 0;     // of the shared cache, what stays there from one step to the next
  double l2_gbps = 0;      // read bandwidth of one core from its own cache
  double l3_gbps = 0;      // of one core, and of all threads together
  double l3_all_gbps = 0;
  double dram_gbps = 0;
  double dram_all_gbps = 0;
  double step_seconds = 0;                         // to begin a step on one thread
  double handover_seconds = 0;                     // more when several threads must meet behind it
  std::array<double, kWorkKinds> share_of_peak{};  // of a good shape with its data in cache
  // Weights of the whole network: what exceeds the cache comes from memory in every run.
  double network_weight_bytes = 0;

  double Share(WorkKind kind) const { return share_of_peak[static_cast<size_t>(kind)]; }
  double Gflops(WorkKind kind) const { return peak_gflops * Share(kind); }
};

// Built-in figures of the active target, with the cache sizes of this CPU.
MachineModel DefaultMachineModel() noexcept;

// What a step does, over the whole batch.
struct Work {
  double flops = 0;       // two for a multiply-add, as executed: pad lanes included
  double gflops = 0;      // of one core with the data in cache
  double read_bytes = 0;  // activations
  double write_bytes = 0;
  double weight_bytes = 0;
  int64_t weight_parts = 1;  // that units are cut into: a thread reads those of its units, once
  int64_t units = 1;
};

// The part of the traffic with a cache that arithmetic does not hide, or of the arithmetic that
// traffic does not.
inline constexpr double kBarelyHidden = 0.4;

// Seconds for the work on `threads` threads: arithmetic on the thread that gets most units, and the
// traffic by the cache level that inputs and outputs fit in together.
double PredictSeconds(const Work& work, int threads, const MachineModel& machine) noexcept;

}  // namespace kinglet::kernels
