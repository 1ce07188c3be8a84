// What is known about a machine, as far as the choice of kernels depends on it.
#pragma once

#include <array>
#include <cstddef>

#include "kernels/common/cpu.h"
#include "kernels/common/work.h"

namespace kinglet::kernels {

struct MachineModel {
  CpuFeatures features;  // that a kernel may need
  // Operations per second, in 1e9, of one core, by element type and instruction family: a
  // multiply-add is two. 0: nobody measured it.
  std::array<std::array<double, kInstructionFamilies>, kElementTypeCount> peaks{};
  double l2_bytes = 0;  // of one core
  double l3_bytes = 0;  // of the shared cache, what stays there from one step to the next
  double l2_gbps = 0;   // read bandwidth of one core from its own cache
  double l3_gbps = 0;   // of one core, and of all threads together
  double l3_all_gbps = 0;
  double dram_gbps = 0;
  double dram_all_gbps = 0;
  double step_seconds = 0;      // to begin a step on one thread
  double handover_seconds = 0;  // more when several threads must meet behind it
  // Of the peak, that operations of a kind reach on a good shape with its data in cache.
  std::array<double, kWorkKinds> share_of_peak{};
  // Weights of the whole network: what exceeds the cache comes from memory in every run.
  double network_weight_bytes = 0;

  double& Peak(ElementType type, InstructionFamily family = InstructionFamily::kVector) {
    return peaks[static_cast<size_t>(type)][static_cast<size_t>(family)];
  }
  double Peak(ElementType type, InstructionFamily family = InstructionFamily::kVector) const {
    return peaks[static_cast<size_t>(type)][static_cast<size_t>(family)];
  }
  double& Share(WorkKind kind) { return share_of_peak[static_cast<size_t>(kind)]; }
  double Share(WorkKind kind) const { return share_of_peak[static_cast<size_t>(kind)]; }
};

// Built-in figures for a CPU, this one or another, with the best target for its features.
MachineModel BuiltInMachineModel(const Cpu& cpu) noexcept;

// Those of the active target and the active CPU.
MachineModel DefaultMachineModel() noexcept;

}  // namespace kinglet::kernels
