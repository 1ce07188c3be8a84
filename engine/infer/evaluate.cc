#include "engine/infer/evaluate.h"

#include <cstring>

#include "engine/dynamic/interpreter.h"
#include "engine/op/reorder.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

// Notes how the step reads and writes, which need not be plain.
class EvaluationContext final : public PlainPlanContext {
 public:
  EvaluationContext(const Node& node, const NodeStates& states) : PlainPlanContext(node, states) {
    for (const TensorState* state : states.inputs) read_as.push_back(Plain(state));
    for (const TensorState* state : states.outputs) write_as.push_back(Plain(state));
  }

  static TensorDesc Plain(const TensorState* state) {
    return state == nullptr ? TensorDesc{} : state->Stored(Layout::kPlain);
  }

  void ReadAs(std::size_t i, TensorDesc desc) override { read_as[i] = desc; }
  void WriteAs(std::size_t i, TensorDesc desc) override { write_as[i] = desc; }

  std::vector<TensorDesc> read_as, write_as;
};

void RunStep(const Node& node, const Step& step, const std::vector<const void*>& inputs,
             const std::vector<void*>& pointers) {
  Tensor scratch(DataType::kUInt8, {static_cast<std::int64_t>(step.scratch_bytes) + 64});
  RunStatus status;
  const StepArgs args{inputs.data(), pointers.data(), static_cast<std::byte*>(scratch.raw()),
                      &status};
  if (step.units > 0) step.Run(args, 0, step.units);
  if (!status.ok()) {
    throw Error(ErrorCode::kInvalidInput, NodeLabel(node) + ": " + status.message());
  }
}

Tensor Bytes(std::size_t count) {
  return Tensor(DataType::kUInt8, {static_cast<std::int64_t>(count)});
}

// Brings elements of `shape` from one form into another; types change between plain ones.
void Bring(const Node& node, const Shape& shape, TensorDesc from, TensorDesc to, const void* source,
           void* target) {
  if (from.type != to.type && (from.blocked() || to.blocked())) {
    const TensorDesc middle{from.blocked() ? from.type : to.type, Layout::kPlain};
    Tensor between = Bytes(StoredBytes(middle, shape));
    Bring(node, shape, from, middle, source, between.raw());
    Bring(node, shape, middle, to, between.raw(), target);
    return;
  }
  const std::unique_ptr<Step> step = from.type == to.type
                                         ? MakeReorder(shape, from, to, 1)
                                         : MakeConversion(ElementCount(shape), from.type, to.type);
  RunStep(node, *step, {source}, {target});
}

// Runs a step on the known inputs, which are brought into the form that it reads; what it writes is
// brought into the plain one.
std::vector<Tensor> RunPlanned(const Node& node, const Step* step, const NodeStates& states,
                               const EvaluationContext& context) {
  std::vector<Tensor> converted;
  std::vector<const void*> from;
  for (std::size_t i = 0; i < states.inputs.size(); ++i) {
    const TensorState* state = states.inputs[i];
    from.push_back(state == nullptr ? nullptr : state->known.raw());
    const TensorDesc plain = context.Plain(state), read = context.read_as[i];
    if (state == nullptr || read == plain) continue;
    converted.push_back(Bytes(StoredBytes(read, state->shape)));
    Bring(node, state->shape, plain, read, from[i], converted.back().raw());
    from[i] = converted.back().raw();
  }
  std::vector<Tensor> outputs(states.outputs.size());
  std::vector<Tensor> written(outputs.size());  // where the step does not write plain ones
  std::vector<void*> to(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorState* state = states.outputs[i];
    if (state == nullptr) continue;
    if (const ValueId in = context.aliases()[i]; in != kNoValue) {
      outputs[i] = states.inputs[static_cast<std::size_t>(in)]->known.Reshaped(state->shape);
      continue;
    }
    outputs[i] = Tensor(state->type, state->shape);
    to[i] = outputs[i].raw();
    if (context.write_as[i] == context.Plain(state)) continue;
    written[i] = Bytes(StoredBytes(context.write_as[i], state->shape));
    to[i] = written[i].raw();
  }
  if (step != nullptr) RunStep(node, *step, from, to);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!written[i].defined()) continue;
    Bring(node, outputs[i].shape(), context.write_as[i], context.Plain(states.outputs[i]),
          written[i].raw(), outputs[i].raw());
  }
  return outputs;
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

  EvaluationContext context(node, states);
  const std::unique_ptr<Step> step = op->plan(context);
  return RunPlanned(node, step.get(), states, context);
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
