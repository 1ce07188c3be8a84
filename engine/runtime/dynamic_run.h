// The part of a run that waits for data.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/dynamic/interpreter.h"
#include "engine/plan/division.h"
#include "engine/plan/plan.h"
#include "engine/runtime/executor.h"

namespace kinglet {

// Belongs to a session. Keeps the steps of nodes, and the memory of their results, from run to run.
class DynamicRun {
 public:
  // `whole`: the graph that is run.
  DynamicRun(const GraphIr& whole, const PlanOptions& options);
  ~DynamicRun();

  // For the plans of one model: `plan.dynamic` is not null.
  void Prepare(std::shared_ptr<const Plan> plan);
  // Runs the program on the graph's inputs and the outputs of the plan's fixed graph, with the
  // threads of `crew`, which must be there until End. `seconds`: null, or one for each of its
  // nodes. Throws Error.
  void Run(Crew& crew, const std::vector<Shape>& input_shapes,
           const std::vector<const void*>& inputs, const std::vector<void*>& fixed_outputs,
           double* seconds);
  // Output k of the program, until End. Throws Error(kUnsupported) when it is no tensor.
  const RunValue& Output(std::size_t k);
  // Releases what the run has made.
  void End() noexcept;

  std::size_t held_bytes() const { return pool_.held_bytes(); }

 private:
  const GraphIr& whole_;
  const PlanOptions options_;
  ThreadTeam team_;
  ScratchPool pool_;
  Interpreter interpreter_;
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const Division> division_;
  std::unique_ptr<Frame> frame_;
};

}  // namespace kinglet
