// The step of a node at the sizes that it met last.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/dynamic/program.h"
#include "engine/op/plan_options.h"
#include "engine/op/value.h"

namespace kinglet {

// Inference and planning of a node, kept until types, shapes, layouts or demanded values of its
// inputs change.
class StepMemo {
 public:
  // True when the node was planned for inputs like these.
  bool Fits(const ProgramNode& node, const std::vector<RunValue>& values) const noexcept;
  // Infers and plans. `constants`: values by slot that are known, null for others; those of the
  // program are packed once for all sessions. Throws what the operator throws.
  void Make(const ProgramNode& node, const Program& program, const std::vector<RunValue>& values,
            const std::vector<const Tensor*>& constants, const PlanOptions& options,
            const CostModel& cost);
  void Forget() noexcept { valid_ = false; }

  struct Output {
    DataType type = DataType::kUndefined;
    Layout layout = Layout::kPlain;
    Shape shape;
    int alias = -1;  // the input whose memory it shares
    Tensor known;    // defined when it follows from shapes alone
    std::size_t bytes = 0;
  };
  const std::vector<Output>& outputs() const { return outputs_; }
  Layout read_as(std::size_t i) const { return read_as_[i]; }
  const Step* step() const { return step_.get(); }  // null: nothing to do
  bool for_team() const { return for_team_; }       // enough work to wake threads for

 private:
  friend class MemoDemands;
  friend class MemoInferContext;
  friend class MemoPlanContext;

  struct Input {
    DataType type = DataType::kUndefined;
    Layout layout = Layout::kPlain;
    Shape shape;
  };
  // A value that inference or planning asked for, copied to demand_bytes_.
  struct Demand {
    std::size_t input = 0;
    std::size_t offset = 0;
    std::size_t bytes = 0;
  };

  void NoteDemand(std::size_t input, const Tensor& value);
  void Weigh(const PlanOptions& options, const CostModel& cost);

  bool valid_ = false;
  std::vector<Input> inputs_;
  std::vector<Demand> demands_;
  std::vector<std::byte> demand_bytes_;
  std::vector<Output> outputs_;
  std::vector<Layout> read_as_;
  std::unique_ptr<Step> step_;
  bool for_team_ = false;
  std::vector<Tensor> packed_;  // of values that are known but no constants of the graph
};

}  // namespace kinglet
