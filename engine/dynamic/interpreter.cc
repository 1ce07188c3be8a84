#include "engine/dynamic/interpreter.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "engine/op/reorder.h"
#include "engine/op/run_context.h"
#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

using Clock = std::chrono::steady_clock;

std::size_t Index(int slot) { return static_cast<std::size_t>(slot); }

void BindConstant(const Tensor& constant, RunValue& value) {
  value.type = constant.type();
  value.layout = Layout::kPlain;
  value.shape = constant.shape();
  value.data = constant.raw();
  value.memory.Reset();
}

// `error` with the node's name.
[[noreturn]] void ThrowAt(const Node& node, const Error& error) {
  std::string what = error.what();
  if (what.rfind("node '", 0) != 0) what = NodeLabel(node) + ": " + what;
  throw Error(error.code(), what);
}

// A tensor of one pixel has no order of pixels and channels when its blocks are full.
bool SameInBothLayouts(const RunValue& value) {
  const Shape& shape = value.shape;
  return shape[2] == 1 && shape[3] == 1 &&
         shape[1] % kernels::PixelBlock(ElementTypeOf(value.type)) == 0;
}

}  // namespace

Frame::Frame(const Program& of)
    : program(of),
      values(of.values.size()),
      constants(of.constants),
      memos(of.nodes.size()),
      bodies(of.nodes.size()) {
  for (std::size_t slot = 0; slot < values.size(); ++slot) {
    if (constants[slot] != nullptr) BindConstant(*constants[slot], values[slot]);
  }
  for (std::size_t n = 0; n < of.nodes.size(); ++n) {
    for (const ProgramBody& body : of.nodes[n].bodies) {
      bodies[n].push_back(std::make_unique<Frame>(*body.program));
    }
  }
}

void Frame::SetInput(std::size_t k, DataType type, const Shape& shape, const void* data,
                     const Tensor* known) {
  const std::size_t slot = Index(program.inputs[k]);
  RunValue& value = values[slot];
  value.type = type;
  value.layout = Layout::kPlain;
  value.shape = shape;
  value.data = data;
  value.memory.Reset();
  constants[slot] = known;
}

void Frame::ForgetKnown() noexcept {
  for (std::size_t n = 0; n < memos.size(); ++n) {
    for (const int slot : program.nodes[n].inputs) {
      if (slot >= 0 && constants[Index(slot)] != program.constants[Index(slot)]) {
        memos[n].Forget();
      }
    }
  }
}

Interpreter::Interpreter(const PlanOptions& options, double network_weight_bytes, Team& team,
                         ScratchPool& pool)
    : options_(options), cost_(options.cost), team_(team), pool_(pool) {
  cost_.machine.network_weight_bytes = network_weight_bytes;
}

void Interpreter::Run(Frame& frame, double* seconds) {
  std::size_t n = 0;
  Clock::time_point before = seconds == nullptr ? Clock::time_point() : Clock::now();
  try {
    for (; n < frame.program.nodes.size(); ++n) {
      RunNode(frame, n);
      if (seconds == nullptr) continue;
      const Clock::time_point now = Clock::now();
      seconds[n] += std::chrono::duration<double>(now - before).count();
      before = now;
    }
  } catch (const Error& error) {
    ThrowAt(*frame.program.nodes[n].node, error);
  }
}

void Interpreter::Clear(Frame& frame) noexcept {
  for (std::size_t slot = 0; slot < frame.values.size(); ++slot) {
    if (frame.constants[slot] == nullptr) frame.values[slot].Clear();
  }
  for (const auto& of_node : frame.bodies) {
    for (const auto& body : of_node) Clear(*body);
  }
}

void Interpreter::RunNode(Frame& frame, std::size_t n) {
  const ProgramNode& node = frame.program.nodes[n];
  if (node.op->run != nullptr) {
    RunOperator(frame, n);
  } else if (node.inputs.size() == 1 && frame.values[Index(node.inputs[0])].is_sequence()) {
    PassSequenceOn(frame, node);
  } else {
    StepMemo& memo = frame.memos[n];
    if (!memo.Fits(node, frame.values)) {
      CheckTensors(frame, node);
      memo.Make(node, frame.program, frame.values, frame.constants, options_, cost_);
    }
    RunStep(frame, node, memo);
  }
  for (const int slot : node.last) {
    if (frame.constants[Index(slot)] == nullptr) frame.values[Index(slot)].Clear();
  }
}

void Interpreter::CheckTensors(const Frame& frame, const ProgramNode& node) const {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] < 0 || frame.values[Index(node.inputs[i])].is_tensor()) continue;
    throw Error(ErrorCode::kUnsupported,
                NodeLabel(*node.node) + ": input " + std::to_string(i) + " is no tensor");
  }
}

void Interpreter::PassSequenceOn(Frame& frame, const ProgramNode& node) {
  if (node.node->op != "Identity") CheckTensors(frame, node);
  frame.values[Index(node.outputs[0])] = frame.values[Index(node.inputs[0])];
}

void Interpreter::RunStep(Frame& frame, const ProgramNode& node, StepMemo& memo) {
  converted_.clear();
  inputs_.clear();
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    inputs_.push_back(node.inputs[i] < 0 ? nullptr : Read(frame, node, i, memo.read_as(i)));
  }
  outputs_.clear();
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    outputs_.push_back(nullptr);
    if (node.outputs[i] < 0) continue;
    const StepMemo::Output& made = memo.outputs()[i];
    RunValue& value = frame.values[Index(node.outputs[i])];
    value.type = made.type;
    value.layout = made.layout;
    value.shape = made.shape;
    if (made.alias >= 0) {
      const RunValue& source = frame.values[Index(node.inputs[Index(made.alias)])];
      value.memory = source.memory;
      value.data = source.data;
      continue;
    }
    value.memory = pool_.Take(made.bytes);
    value.data = outputs_.back() = value.memory.data();
    if (made.known.defined() && made.bytes > 0) {
      std::memcpy(value.memory.data(), made.known.raw(), made.bytes);
    }
  }
  if (memo.step() != nullptr && memo.step()->units > 0) Execute(*memo.step(), memo.for_team());
}

const void* Interpreter::Read(Frame& frame, const ProgramNode& node, std::size_t i, Layout layout) {
  const int slot = node.inputs[i];
  RunValue& value = frame.values[Index(slot)];
  if (value.layout == layout) return value.data;
  // What others still read stays as it is.
  const auto earlier = node.inputs.begin() + static_cast<std::ptrdiff_t>(i);
  const bool again = std::find(node.inputs.begin(), earlier, slot) != earlier;
  if (frame.constants[Index(slot)] == nullptr && !again) {
    Convert(value, layout);
    return value.data;
  }
  RunValue copy = value;
  Convert(copy, layout);
  converted_.push_back(copy.memory);
  return copy.data;
}

void Interpreter::MakePlain(RunValue& value) {
  if (value.layout != Layout::kPlain) Convert(value, Layout::kPlain);
}

void Interpreter::Convert(RunValue& value, Layout layout) {
  if (SameInBothLayouts(value)) {
    value.layout = layout;
    return;
  }
  const ElementType type = ElementTypeOf(value.type);
  const TensorDesc to{type, layout};
  const std::size_t bytes = StoredBytes(to, value.shape);
  ScratchRef memory = pool_.Take(bytes);
  struct Call {
    const kernels::Reorder reorder;
    kernels::ReorderFn function;
    const void* from;
    void* to;
  } call{DenseReorder(value.shape, type), kernels::FindReordering({type, value.layout}, to).run,
         value.data, memory.data()};
  const auto run = [](void* self, int, std::int64_t begin, std::int64_t end) noexcept {
    const Call& c = *static_cast<const Call*>(self);
    c.function(c.reorder, c.from, c.to, begin, end);
  };
  const std::int64_t units = kernels::UnitCount(call.reorder);
  if (bytes > kTeamBytes) {
    team_.Run(units, false, &call, run);
  } else if (units > 0) {
    run(&call, 0, 0, units);
  }
  value.layout = layout;
  value.data = memory.data();
  value.memory = std::move(memory);
}

void Interpreter::Execute(const Step& step, bool for_team) {
  const std::size_t stride = kernels::RoundUpToLine(step.scratch_bytes);
  const auto workers = static_cast<std::size_t>(for_team ? team_.threads() : 1);
  ScratchRef scratch;
  if (stride > 0) scratch = pool_.Take(stride * workers);
  const StepArgs args{inputs_.data(), outputs_.data(), scratch.data(), &status_};
  RunUnits(step, args, stride, for_team);
  if (status_.ok()) return;
  const std::string message = status_.message();
  status_.Reset();
  throw Error(ErrorCode::kInvalidInput, message);
}

void Interpreter::RunUnits(const Step& step, const StepArgs& args, std::size_t scratch_stride,
                           bool for_team) {
  if (!for_team) {
    step.Run(args, 0, step.units);
    return;
  }
  struct Call {
    const Step& step;
    const StepArgs& args;
    std::size_t stride;
  } call{step, args, scratch_stride};
  team_.Run(step.units, step.single_units, &call,
            [](void* self, int worker, std::int64_t begin, std::int64_t end) noexcept {
              const Call& c = *static_cast<const Call*>(self);
              StepArgs own = c.args;
              if (c.stride > 0) own.scratch += static_cast<std::size_t>(worker) * c.stride;
              c.step.Run(own, begin, end);
            });
}

// Runs an operator whose results' sizes follow from values.
class NodeRunContext final : public RunContext {
 public:
  NodeRunContext(Interpreter& interpreter, Frame& frame, std::size_t n)
      : RunContext(*frame.program.nodes[n].node),
        interpreter_(interpreter),
        frame_(frame),
        n_(n),
        slots_(frame.program.nodes[n]) {}

  DataType InputType(std::size_t i) const override { return At(i).type; }
  const Shape& InputShape(std::size_t i) const override { return At(i).shape; }
  const Tensor* InputValue(std::size_t i) const override {
    if (!HasInput(i) || !At(i).is_tensor()) return nullptr;
    const RunValue& value = At(i);
    if (wrapped_.empty()) wrapped_.resize(input_count());
    if (!wrapped_[i].defined()) {
      wrapped_[i] = Tensor::Wrap(value.type, value.shape, value.data, value.bytes(), nullptr);
    }
    return &wrapped_[i];
  }
  const void* InputData(std::size_t i) const override { return HasInput(i) ? At(i).data : nullptr; }

  void* MakeOutput(std::size_t i, DataType type, const Shape& shape) override {
    if (!HasOutput(i)) return nullptr;
    RunValue& value = frame_.values[Index(slots_.outputs[i])];
    const std::size_t bytes = CheckOutput(*this, i, type, shape, interpreter_.options_.limits);
    value.Clear();
    value.memory = interpreter_.pool_.Take(bytes);
    value.type = type;
    value.layout = Layout::kPlain;
    value.shape = shape;
    value.data = value.memory.data();
    return value.memory.data();
  }
  void* Scratch(std::size_t bytes) override {
    scratch_.push_back(interpreter_.pool_.Take(bytes));
    return scratch_.back().data();
  }
  int threads() const override { return interpreter_.team_.threads(); }

  const RunValue& InputHandle(std::size_t i) const override { return At(i); }
  RunValue TakeInput(std::size_t i) override {
    const RunValue& value = At(i);
    const int slot = slots_.inputs[i];
    const auto holds = [&](const std::vector<int>& list) {
      return std::count(list.begin(), list.end(), slot);
    };
    const bool last = holds(slots_.last) > 0 && holds(slots_.inputs) == 1 &&
                      frame_.constants[Index(slot)] == nullptr;
    if (!last) return value;
    RunValue taken = value;
    frame_.values[Index(slot)].Clear();
    return taken;
  }
  void SetOutput(std::size_t i, RunValue value) override {
    if (HasOutput(i)) frame_.values[Index(slots_.outputs[i])] = std::move(value);
  }
  RunValue MakeTensor(DataType type, const Shape& shape, void*& elements) override {
    RunValue value;
    value.memory =
        interpreter_.pool_.Take(CheckOutput(*this, 0, type, shape, interpreter_.options_.limits));
    value.type = type;
    value.shape = shape;
    value.data = elements = value.memory.data();
    return value;
  }
  void RunGraph(std::string_view attribute, std::span<RunValue> inputs,
                std::vector<RunValue>& outputs) override {
    interpreter_.CountIteration();
    interpreter_.RunBody(frame_, n_, attribute, inputs, outputs);
  }

 private:
  const RunValue& At(std::size_t i) const {
    if (!HasInput(i)) Invalid("input " + std::to_string(i) + " is required and absent");
    return frame_.values[Index(slots_.inputs[i])];
  }
  void RunUnits(std::int64_t units, void* self, UnitsFunction function) override {
    interpreter_.team_.Run(units, false, self, function);
  }

  Interpreter& interpreter_;
  Frame& frame_;
  const std::size_t n_;
  const ProgramNode& slots_;
  mutable std::vector<Tensor> wrapped_;  // inputs as tensors, where somebody asked
  std::vector<ScratchRef> scratch_;
};

void Interpreter::RunOperator(Frame& frame, std::size_t n) {
  const ProgramNode& node = frame.program.nodes[n];
  for (const int slot : node.inputs) {
    if (slot >= 0 && frame.values[Index(slot)].is_tensor()) MakePlain(frame.values[Index(slot)]);
  }
  for (const int slot : node.outputs) {
    if (slot >= 0) frame.values[Index(slot)].Clear();
  }
  NodeRunContext context(*this, frame, n);
  node.op->run(context);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] < 0) continue;
    const RunValue& value = frame.values[Index(node.outputs[i])];
    if (value.is_tensor() || value.is_sequence()) continue;
    context.Unsupported("output " + std::to_string(i) + " is not supported");
  }
}

void Interpreter::CountIteration() {
  if (++iterations_ <= options_.limits.max_iterations) return;
  throw Error(ErrorCode::kResource, "the loops of one run do more than the limit of " +
                                        std::to_string(options_.limits.max_iterations) +
                                        " iterations (CompileOptions::max_iterations)");
}

void Interpreter::RunBody(Frame& outer, std::size_t n, std::string_view attribute,
                          std::span<RunValue> inputs, std::vector<RunValue>& outputs) {
  const ProgramNode& node = outer.program.nodes[n];
  std::size_t b = 0;
  while (b < node.bodies.size() && node.bodies[b].attribute != attribute) ++b;
  if (b == node.bodies.size()) {
    throw Error(ErrorCode::kInvalidModel, "attribute '" + std::string(attribute) + "' is missing");
  }
  Frame& frame = *outer.bodies[n][b];
  const Program& body = frame.program;
  if (inputs.size() + body.captured.size() != body.inputs.size()) {
    throw Error(ErrorCode::kInvalidModel,
                "the subgraph '" + std::string(attribute) + "' has " +
                    std::to_string(body.inputs.size() - body.captured.size()) +
                    " inputs, expected " + std::to_string(inputs.size()));
  }
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    frame.values[Index(body.inputs[k])] = std::move(inputs[k]);
  }
  for (std::size_t k = 0; k < body.captured.size(); ++k) {
    RunValue& captured = outer.values[Index(body.captured[k])];
    if (captured.is_tensor()) MakePlain(captured);
    frame.values[Index(body.inputs[inputs.size() + k])] = captured;
  }
  Run(frame);
  outputs.resize(body.outputs.size());
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    RunValue& value = frame.values[Index(body.outputs[k])];
    if (value.is_tensor()) MakePlain(value);
    outputs[k] = value;
  }
  Clear(frame);
}

}  // namespace kinglet
