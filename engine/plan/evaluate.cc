#include "engine/plan/evaluate.h"

#include "engine/ops/run_context.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

void RunStep(const Node& node, const Step& step, const std::vector<const void*>& inputs,
             std::vector<Tensor>& outputs) {
  std::vector<void*> pointers;
  for (Tensor& output : outputs) pointers.push_back(output.raw());
  Tensor scratch(DataType::kUInt8, {static_cast<std::int64_t>(step.scratch_bytes) + 64});
  RunStatus status;
  const StepArgs args{inputs.data(), pointers.data(), static_cast<std::byte*>(scratch.raw()),
                      &status};
  if (step.units > 0) step.Run(args, 0, step.units);
  if (!status.ok()) {
    throw Error(ErrorCode::kInvalidInput, NodeLabel(node) + ": " + status.message());
  }
}

// Runs an operator on tensors of their own, on this thread.
class TensorRunContext final : public RunContext {
 public:
  TensorRunContext(const Node& node, std::span<const Tensor* const> inputs, const Limits& limits)
      : RunContext(node), inputs_(inputs), limits_(&limits), outputs_(node.outputs.size()) {}

  DataType InputType(std::size_t i) const override { return At(i).type(); }
  const Shape& InputShape(std::size_t i) const override { return At(i).shape(); }
  const Tensor* InputValue(std::size_t i) const override {
    const bool present = i < inputs_.size() && inputs_[i] != nullptr && inputs_[i]->defined();
    return present ? inputs_[i] : nullptr;
  }
  const void* InputData(std::size_t i) const override {
    const Tensor* value = InputValue(i);
    return value == nullptr ? nullptr : value->raw();
  }
  void* MakeOutput(std::size_t i, DataType type, const Shape& shape) override {
    if (!HasOutput(i)) return nullptr;
    CheckOutput(*this, i, type, shape, *limits_);
    outputs_[i] = Tensor(type, shape);
    return outputs_[i].raw();
  }
  void* Scratch(std::size_t bytes) override {
    scratch_.emplace_back(DataType::kUInt8, Shape{static_cast<std::int64_t>(bytes)});
    return scratch_.back().raw();
  }
  int threads() const override { return 1; }

  std::vector<Tensor> Take() { return std::move(outputs_); }

 private:
  const Tensor& At(std::size_t i) const {
    const Tensor* value = InputValue(i);
    if (value == nullptr) Invalid("input " + std::to_string(i) + " is required and absent");
    return *value;
  }
  void RunUnits(std::int64_t units, void* self, UnitsFunction function) override {
    if (units > 0) function(self, 0, 0, units);
  }

  std::span<const Tensor* const> inputs_;
  const Limits* limits_;
  std::vector<Tensor> outputs_;
  std::vector<Tensor> scratch_;
};

std::vector<Tensor> EvaluateRun(const Node& node, const OpDef& op,
                                std::span<const Tensor* const> inputs, const Limits& limits) {
  TensorRunContext context(node, inputs, limits);
  op.run(context);
  std::vector<Tensor> outputs = context.Take();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue || outputs[i].defined()) continue;
    context.Unsupported("output " + std::to_string(i) + " is not supported");
  }
  return outputs;
}

}  // namespace

std::vector<Tensor> EvaluateNode(const Node& node, std::span<const Tensor* const> inputs,
                                 const Limits& limits) {
  const OpDef* op = FindOp(node.domain, node.op);
  if (op != nullptr && op->run != nullptr) return EvaluateRun(node, *op, inputs, limits);
  std::vector<TensorState> input_states(inputs.size());
  std::vector<TensorState> output_states(node.outputs.size());
  NodeStates states;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != nullptr && inputs[i]->defined()) {
      input_states[i] = {inputs[i]->type(), inputs[i]->shape(), *inputs[i]};
      states.inputs.push_back(&input_states[i]);
    } else {
      states.inputs.push_back(nullptr);
    }
  }
  for (std::size_t i = 0; i < output_states.size(); ++i) {
    states.outputs.push_back(node.outputs[i] == kNoValue ? nullptr : &output_states[i]);
  }
  InferNode(node, states, limits);

  std::vector<Tensor> outputs(node.outputs.size());
  bool known = true;  // before running, as of Shape
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    outputs[i] = output_states[i].known;
    known = known && (states.outputs[i] == nullptr || outputs[i].defined());
  }
  if (known) return outputs;

  PlainPlanContext context(node, states);
  const std::unique_ptr<Step> step = op->plan(context);
  std::vector<const void*> pointers;
  for (const TensorState* state : states.inputs) {
    pointers.push_back(state == nullptr ? nullptr : state->known.raw());
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (states.outputs[i] == nullptr) continue;
    if (const ValueId in = context.aliases()[i]; in != kNoValue) {
      outputs[i] = inputs[static_cast<std::size_t>(in)]->Reshaped(output_states[i].shape);
    } else {
      outputs[i] = Tensor(output_states[i].type, output_states[i].shape);
    }
  }
  if (step != nullptr) RunStep(node, *step, pointers, outputs);
  return outputs;
}

std::vector<Tensor> EvaluateOp(const std::string& op, const std::vector<Tensor>& inputs,
                               Attributes attributes, int opset, std::size_t output_count) {
  GraphIr graph;
  graph.source = "test";
  Node node;
  node.name = "test_" + op;
  node.op = op;
  node.opset = opset;
  node.attributes = std::move(attributes);
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) {
    pointers.push_back(&input);
    node.inputs.push_back(input.defined() ? graph.AddValue({}) : kNoValue);
  }
  for (std::size_t i = 0; i < output_count; ++i) node.outputs.push_back(graph.AddValue({}));
  graph.AddNode(node);
  CheckSupport(graph);
  return EvaluateNode(node, pointers);
}

}  // namespace kinglet
