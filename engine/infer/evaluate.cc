#include "engine/infer/evaluate.h"

#include <cstring>

#include "engine/dynamic/interpreter.h"
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

// Runs an operator whose results' sizes follow from values, as the only node of a program.
std::vector<Tensor> EvaluateRun(const Node& node, std::span<const Tensor* const> inputs,
                                const Limits& limits) {
  GraphIr graph;
  Node copy = node;
  for (std::size_t i = 0; i < copy.inputs.size(); ++i) {
    const bool present = i < inputs.size() && inputs[i] != nullptr && inputs[i]->defined();
    copy.inputs[i] = present ? graph.AddConstant("", *inputs[i]) : kNoValue;
  }
  for (ValueId& id : copy.outputs) {
    if (id == kNoValue) continue;
    id = graph.AddValue({});
    graph.outputs.push_back(id);
  }
  graph.AddNode(std::move(copy));
  PlanOptions options;
  options.limits = limits;
  PackedStore packed;
  const std::unique_ptr<Program> program = MakeProgram(graph, {0}, graph.outputs, packed);
  ScratchPool pool(limits.max_scratch_bytes);
  TeamOfOne team;
  Frame frame(*program);
  Interpreter(options, 0, team, pool).Run(frame);
  std::vector<Tensor> outputs(node.outputs.size());
  for (std::size_t i = 0, made = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const RunValue& value = frame.values[static_cast<std::size_t>(program->outputs[made++])];
    if (!value.is_tensor()) continue;
    outputs[i] = Tensor(value.type, value.shape);
    if (value.bytes() > 0) std::memcpy(outputs[i].raw(), value.data, value.bytes());
  }
  return outputs;
}

}  // namespace

std::vector<Tensor> EvaluateNode(const Node& node, std::span<const Tensor* const> inputs,
                                 const Limits& limits) {
  const OpDef* op = FindOp(node.domain, node.op);
  if (op != nullptr && op->run != nullptr) return EvaluateRun(node, inputs, limits);
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
