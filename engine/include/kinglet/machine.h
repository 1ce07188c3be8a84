// What this machine can do: for choosing kernels, and for people and tools that judge speed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kinglet/lifetime.h"

namespace kinglet {

// Version of this library: "0.1.0".
std::string Version();

// Name, family, model and stepping of the CPU, as the operating system tells them.
std::string CpuName();

struct CostModel;

// Files that say what kernels are chosen by: figures of this machine, and measured times of kernels
// (see kinglet/tuning.h). "": the file in the user's cache folder, when there is one and
// `use_cache` is set; what cannot be used of it is ignored with a note. A file named here must be
// usable.
struct MachineFiles {
  std::string calibration{};
  std::string tuning{};
  bool use_cache = true;
};

// What a model is prepared for: all that kernels are chosen by but shapes and threads. A value:
// immutable, and copies are cheap.
class Machine {
 public:
  Machine();  // by the built-in figures alone
  // By these files. Throws Error(kIo, kInvalidInput) for one that is named.
  explicit Machine(const MachineFiles& files);

  // Files of the cache folder that were ignored, and why.
  const std::vector<std::string>& notes() const KINGLET_LIFETIMEBOUND { return *notes_; }

  // For the engine's own parts.
  const CostModel& cost() const { return *cost_; }

 private:
  std::shared_ptr<const CostModel> cost_;
  std::shared_ptr<const std::vector<std::string>> notes_;
};

// The instruction set that kernels run on: "baseline", "avx2", "avx512" or "neon".
std::string InstructionSet();

// Empty, or what is wrong with the environment variables that choose the instructions to use:
// KINGLET_CPU names the features that kernels may use ("avx2,avx_vnni"; "none" for none), all of
// them there; KINGLET_TARGET the instruction set, one that is compiled and runs here. A variable
// that names anything else counts for nothing: a program says so and ends.
std::string EnvironmentProblem();

// Float32 operations per second, in 1e9, that one core reaches in a loop of multiply-adds (two
// operations each) between registers. Measured at each call, which takes about 20 ms.
double MeasurePeakGflops();

}  // namespace kinglet
