// The contexts that the engine hands to an operator's infer and plan functions.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "engine/cost/cost_model.h"
#include "engine/op/op.h"
#include "kinglet/limits.h"

namespace kinglet {

// What is known of a value before running.
struct TensorState {
  DataType type = DataType::kUndefined;  // that it is computed in
  Shape shape;
  Tensor known;                                   // defined when the value itself is known
  ElementType storage = ElementType::kUndefined;  // between steps; kUndefined: `type`
  // Weights that may be dropped meanwhile: `known` has then type and shape alone.
  std::shared_ptr<const DerivedConstant> derived{};

  // The known value, made again where it was dropped.
  Tensor Value() const;

  ElementType stored_as() const {
    return storage != ElementType::kUndefined ? storage : ElementTypeOf(type);
  }
  TensorDesc Stored(Layout layout) const { return {stored_as(), layout}; }
};

// Positional inputs (null: absent) and outputs (null: unused) of one node.
struct NodeStates {
  std::vector<const TensorState*> inputs;
  std::vector<TensorState*> outputs;
};

// Type and shape of every value of a graph, and the value itself where it does not depend on data:
// constants and shape arithmetic. The type is kUndefined where type and shape depend on data.
// Parallel to GraphIr::values.
using GraphStates = std::vector<TensorState>;

// The states of a node's inputs and outputs.
NodeStates StatesOf(const Node& node, GraphStates& states);

// Bytes of output i of this type and shape. Throws what InferContext::SetOutput throws.
std::size_t CheckOutput(const NodeContext& context, std::size_t i, DataType type,
                        const Shape& shape, const Limits& limits);

// Runs the operator's shape inference: fills the output states. Throws what the operator throws,
// Error(kUnsupported) when there is no such operator, and DependsOnData when the type of an input
// is not known yet or the operator has no inference.
void InferNode(const Node& node, const NodeStates& states, const Limits& limits);

// A PlanContext over node states with everything plain: what the planner extends with layouts, and
// all that evaluating a single node needs.
class PlainPlanContext : public PlanContext {
 public:
  PlainPlanContext(const Node& node, const NodeStates& states)
      : PlanContext(node), states_(&states) {}

  DataType InputType(std::size_t i) const override;
  const Shape& InputShape(std::size_t i) const override;
  const Tensor* InputValue(std::size_t i) const override;
  bool IsKnown(std::size_t i) const override;
  DataType OutputType(std::size_t i) const override;
  const Shape& OutputShape(std::size_t i) const override;
  bool IsBlocked(std::size_t) const override { return false; }
  ElementType InputStorage(std::size_t i) const override;
  ElementType OutputStorage(std::size_t i) const override;
  void ReadAs(std::size_t i, TensorDesc desc) override;
  void WriteAs(std::size_t i, TensorDesc desc) override;
  std::int64_t OutputStride(std::size_t i) override;
  bool IsInPlace(std::size_t) const override { return false; }
  void DoNotRead(std::size_t) override {}
  void AllowInPlace(std::size_t, std::size_t) override {}
  void Alias(std::size_t out, std::size_t in) override;
  const void* Packed(std::size_t i, const kernels::PackedFormat& format, std::size_t bytes,
                     const std::function<void(void*)>& fill) override;
  int threads() const override { return 1; }
  const CostModel& cost() const override { return cost_; }

  // Which input each output aliases, kNoValue for none.
  const std::vector<ValueId>& aliases() const { return aliases_; }

 protected:
  const NodeStates& states() const { return *states_; }

 private:
  const NodeStates* states_;
  std::vector<ValueId> aliases_ = std::vector<ValueId>(states_->outputs.size(), kNoValue);
  std::vector<Tensor> packed_;
  mutable std::map<std::size_t, Tensor> made_again_;  // by input
  CostModel cost_;
};

}  // namespace kinglet
