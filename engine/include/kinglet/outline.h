// What running a network would take, found without packing a weight and without running anything:
// the steps that a model would have, their work, and every byte that it would take.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "kinglet/graph.h"
#include "kinglet/model.h"
#include "kinglet/tuning.h"

namespace kinglet {

// Bytes of one model with one session that runs at these shapes on these threads.
struct MemoryNeed {
  std::size_t weight_bytes =
      0;  // constants as they came; of an ONNX file, pages of the mapped file
  std::size_t packed_bytes = 0;   // forms of constants that the plan's kernels read
  std::size_t arena_bytes = 0;    // as in PlanInfo
  std::size_t scratch_bytes = 0;  // as in PlanInfo
  std::size_t session_bytes =
      0;  // that a session takes for arena, scratch and what lies around them
  std::size_t input_bytes = 0;
  std::size_t output_bytes = 0;  // where shapes do not depend on data
  std::size_t plan_bytes = 0;    // about
};

// Seconds of a step by the physical part of the cost model alone, tuned times or not, and what they
// are made of: a step's arithmetic, traffic with caches and traffic with memory as if there were
// nothing else, what is gone through again and again, and what it costs to begin the step.
struct StepTime {
  double total = 0;
  double arithmetic = 0, cached = 0, memory = 0, again = 0, begin = 0;
};

struct OutlinedPlan {
  PlanInfo plan;
  std::vector<StepTime> times;  // parallel to plan.steps; zeros of steps that wait for data
  MemoryNeed memory;
};

// A network that is planned and never run. Thread-safe.
class Outline {
 public:
  // Consumes the graph, whose weights may be zeros that take no memory (BuildOptions::weights).
  // Kernels are chosen as Model::Compile with these options chooses them. Throws as it does.
  explicit Outline(Graph graph, const CompileOptions& options = {});
  // Of a model that is there: its kernels, by all that it has measured (Model::Tune) at each call.
  explicit Outline(const Model& model);

  // `threads`: at least 1. `figures`: those that StepTime is made of; null: those that kernels are
  // chosen by. Throws as Model::Describe does.
  OutlinedPlan At(const InputShapes& shapes, int threads,
                  const Calibration* figures = nullptr) const;

  std::vector<TensorInfo> inputs() const;
  Precision precision() const;
  const std::vector<std::string>& notes() const KINGLET_LIFETIMEBOUND;

  class Impl;

 private:
  std::shared_ptr<const Impl> impl_;
};

// What a calibration file holds, whichever machine it was made on; `cpu` and `instruction_set` are
// those of that machine. Throws Error(kIo, kInvalidInput).
struct ForeignCalibration {
  Calibration figures;
  std::string cpu;              // as CpuName
  std::string instruction_set;  // as InstructionSet
};
ForeignCalibration ReadForeignCalibration(const std::string& file);

// The figures that kernels are chosen by with these files, as a calibration has them. Throws as
// Machine does.
Calibration FiguresOf(const MachineFiles& files);

}  // namespace kinglet
