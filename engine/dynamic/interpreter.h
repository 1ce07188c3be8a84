// Runs the nodes of a graph that wait for data, one after the other, at the sizes that they meet.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/dynamic/program.h"
#include "engine/dynamic/step_memo.h"
#include "engine/dynamic/team.h"
#include "engine/op/plan_options.h"
#include "engine/op/scratch_pool.h"
#include "engine/op/value.h"

namespace kinglet {

// The values of a program while it runs, and what is kept of its nodes from run to run.
struct Frame {
  explicit Frame(const Program& of);

  // Gives an input of the program a value from outside that is known, or (`known` null) is not.
  void SetInput(std::size_t k, DataType type, const Shape& shape, const void* data,
                const Tensor* known);
  // Plans of nodes that read known inputs are made anew: those have other values now.
  void ForgetKnown() noexcept;

  const Program& program;
  std::vector<RunValue> values;          // by slot
  std::vector<const Tensor*> constants;  // by slot: what is known, null for the rest
  std::vector<StepMemo> memos;           // by node
  std::vector<std::vector<std::unique_ptr<Frame>>> bodies;  // by node and subgraph
};

class Interpreter {
 public:
  // `network_weight_bytes`: as in the cost model. All must outlive this.
  Interpreter(const PlanOptions& options, double network_weight_bytes, Team& team,
              ScratchPool& pool);

  // Begins a run: what it may use up is counted from here.
  void Begin() noexcept { iterations_ = 0; }

  // Runs all nodes of a frame whose inputs are set; its outputs are in their slots afterwards.
  // Where `seconds` is not null, adds up what each node took. Throws Error that names the node.
  void Run(Frame& frame, double* seconds = nullptr);

  // Releases all values of a frame but its constants.
  static void Clear(Frame& frame) noexcept;

  // The value in a slot as a row-major tensor.
  void MakePlain(RunValue& value);

 private:
  friend class NodeRunContext;

  static constexpr std::size_t kTeamBytes = std::size_t{1} << 19;  // moving them is worth a team

  void RunNode(Frame& frame, std::size_t n);
  void CheckTensors(const Frame& frame, const ProgramNode& node) const;
  void RunStep(Frame& frame, const ProgramNode& node, StepMemo& memo);
  void RunOperator(Frame& frame, std::size_t n);
  void PassSequenceOn(Frame& frame, const ProgramNode& node);
  void RunBody(Frame& outer, std::size_t n, std::string_view attribute, std::span<RunValue> inputs,
               std::vector<RunValue>& outputs);
  void CountIteration();
  void Convert(RunValue& value, Layout layout);
  const void* Read(Frame& frame, const ProgramNode& node, std::size_t i, Layout layout);
  void Execute(const Step& step, bool for_team);
  void RunUnits(const Step& step, const StepArgs& args, std::size_t scratch_stride, bool for_team);

  const PlanOptions& options_;
  CostModel cost_;
  Team& team_;
  ScratchPool& pool_;
  std::int64_t iterations_ = 0;
  RunStatus status_;
  std::vector<const void*> inputs_;  // of the step that runs
  std::vector<void*> outputs_;
  std::vector<ScratchRef> converted_;  // constants of that step in another layout
};

}  // namespace kinglet
