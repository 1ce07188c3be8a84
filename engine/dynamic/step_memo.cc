#include "engine/dynamic/step_memo.h"

#include <cstring>

#include "engine/cost/traffic.h"
#include "engine/op/context.h"
#include "kernels/common/blocked.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

std::size_t IndexOf(int slot) { return static_cast<std::size_t>(slot); }

// What contexts see of a node's inputs.
struct NodeView {
  const ProgramNode& node;
  const Program& program;
  const std::vector<RunValue>& values;
  const std::vector<const Tensor*>& constants;

  int Slot(std::size_t i) const { return i < node.inputs.size() ? node.inputs[i] : -1; }
  const RunValue& At(const NodeContext& context, std::size_t i) const {
    if (Slot(i) < 0) context.Invalid("input " + std::to_string(i) + " is required and absent");
    return values[IndexOf(Slot(i))];
  }
  const Tensor* Constant(std::size_t i) const {
    return Slot(i) < 0 ? nullptr : constants[IndexOf(Slot(i))];
  }
  Tensor Wrapped(std::size_t i) const {
    const RunValue& value = values[IndexOf(Slot(i))];
    return Tensor::Wrap(value.type, value.shape, value.data, value.bytes(), nullptr);
  }
};

}  // namespace

// Values that a context is asked for, noted down in the memo.
class MemoDemands {
 public:
  explicit MemoDemands(StepMemo& memo) : memo_(memo) {}

  // Null where there is none.
  const Tensor* Ask(const NodeView& view, std::size_t i) {
    if (view.Slot(i) < 0 || view.Constant(i) != nullptr) return view.Constant(i);
    demanded_.resize(view.node.inputs.size());  // once, so that what was handed out stays
    if (!demanded_[i].defined()) {
      demanded_[i] = view.Wrapped(i);
      memo_.NoteDemand(i, demanded_[i]);
    }
    return &demanded_[i];
  }

 private:
  StepMemo& memo_;
  std::vector<Tensor> demanded_;  // by input
};

class MemoInferContext final : public InferContext {
 public:
  MemoInferContext(const NodeView& view, StepMemo& memo, const Limits& limits)
      : InferContext(*view.node.node), view_(view), memo_(memo), limits_(limits), demands_(memo) {}

  DataType InputType(std::size_t i) const override { return view_.At(*this, i).type; }
  const Shape& InputShape(std::size_t i) const override { return view_.At(*this, i).shape; }
  const Tensor* InputValue(std::size_t i) const override { return view_.Constant(i); }
  void SetOutput(std::size_t i, DataType type, Shape shape) override {
    if (!HasOutput(i)) return;
    StepMemo::Output& output = memo_.outputs_[i];
    output.bytes = CheckOutput(*this, i, type, shape, limits_);
    output.type = type;
    output.shape = std::move(shape);
  }
  void SetOutputValue(std::size_t i, Tensor value) override {
    SetOutput(i, value.type(), value.shape());
    if (HasOutput(i)) memo_.outputs_[i].known = std::move(value);
  }

 private:
  const Tensor* ValueNow(std::size_t i) const override { return demands_.Ask(view_, i); }

  const NodeView& view_;
  StepMemo& memo_;
  const Limits& limits_;
  mutable MemoDemands demands_;
};

class MemoPlanContext final : public PlanContext {
 public:
  MemoPlanContext(const NodeView& view, StepMemo& memo, const PlanOptions& options,
                  const CostModel& cost)
      : PlanContext(*view.node.node),
        view_(view),
        memo_(memo),
        options_(options),
        cost_(cost),
        demands_(memo) {}

  DataType InputType(std::size_t i) const override { return view_.At(*this, i).type; }
  const Shape& InputShape(std::size_t i) const override { return view_.At(*this, i).shape; }
  const Tensor* InputValue(std::size_t i) const override { return view_.Constant(i); }
  DataType OutputType(std::size_t i) const override { return memo_.outputs_[i].type; }
  const Shape& OutputShape(std::size_t i) const override { return memo_.outputs_[i].shape; }

  bool IsBlocked(std::size_t i) const override {
    return options_.blocked_layout && view_.Slot(i) >= 0 &&
           view_.values[IndexOf(view_.Slot(i))].layout == Layout::kBlocked;
  }
  void ReadAs(std::size_t i, TensorDesc desc) override {
    CheckType(desc, InputStorage(i));
    memo_.read_as_[i] = desc.layout;
  }
  void WriteAs(std::size_t i, TensorDesc desc) override {
    CheckType(desc, OutputStorage(i));
    memo_.outputs_[i].layout = desc.layout;
  }
  std::int64_t OutputStride(std::size_t i) override {
    const Shape& shape = OutputShape(i);
    return kernels::RoundUpToBlock(shape[1]) * shape[2] * shape[3];
  }
  bool IsInPlace(std::size_t) const override { return false; }
  void DoNotRead(std::size_t) override {}
  void AllowInPlace(std::size_t, std::size_t) override {}
  void Alias(std::size_t out, std::size_t in) override {
    memo_.outputs_[out].alias = static_cast<int>(in);
  }
  const void* Packed(std::size_t i, const kernels::PackedFormat& format, std::size_t bytes,
                     const std::function<void(void*)>& fill) override {
    if (view_.program.constants[IndexOf(view_.Slot(i))] != nullptr) {
      return view_.program.packed->Get(node().input(i), format, bytes, fill);
    }
    memo_.packed_.emplace_back(DataType::kUInt8, Shape{static_cast<std::int64_t>(bytes)});
    fill(memo_.packed_.back().raw());
    return memo_.packed_.back().raw();
  }
  int threads() const override { return options_.threads; }
  const CostModel& cost() const override { return cost_; }

 private:
  const Tensor* ValueNow(std::size_t i) const override { return demands_.Ask(view_, i); }

  // Values of this part of a graph are stored as what they are.
  void CheckType(TensorDesc desc, ElementType storage) const {
    if (desc.type != storage) Unsupported("no step reads or writes " + ToString(desc) + " here");
  }

  const NodeView& view_;
  StepMemo& memo_;
  const PlanOptions& options_;
  const CostModel& cost_;
  mutable MemoDemands demands_;
};

void StepMemo::NoteDemand(std::size_t input, const Tensor& value) {
  for (const Demand& demand : demands_) {
    if (demand.input == input) return;
  }
  demands_.push_back({input, demand_bytes_.size(), value.bytes()});
  const auto* bytes = static_cast<const std::byte*>(value.raw());
  demand_bytes_.insert(demand_bytes_.end(), bytes, bytes + value.bytes());
}

bool StepMemo::Fits(const ProgramNode& node, const std::vector<RunValue>& values) const noexcept {
  if (!valid_) return false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (node.inputs[i] < 0) continue;
    const RunValue& value = values[IndexOf(node.inputs[i])];
    const Input& input = inputs_[i];
    if (value.type != input.type || value.layout != input.layout || value.shape != input.shape) {
      return false;
    }
  }
  for (const Demand& demand : demands_) {
    const RunValue& value = values[IndexOf(node.inputs[demand.input])];
    if (demand.bytes > 0 &&
        std::memcmp(value.data, demand_bytes_.data() + demand.offset, demand.bytes) != 0) {
      return false;
    }
  }
  return true;
}

void StepMemo::Make(const ProgramNode& node, const Program& program,
                    const std::vector<RunValue>& values,
                    const std::vector<const Tensor*>& constants, const PlanOptions& options,
                    const CostModel& cost) {
  valid_ = false;
  step_.reset();
  packed_.clear();
  demands_.clear();
  demand_bytes_.clear();
  inputs_.resize(node.inputs.size());
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (node.inputs[i] < 0) continue;
    const RunValue& value = values[IndexOf(node.inputs[i])];
    inputs_[i].type = value.type;
    inputs_[i].layout = value.layout;
    inputs_[i].shape = value.shape;
  }
  outputs_.resize(node.outputs.size());
  for (Output& output : outputs_) {
    output.type = DataType::kUndefined;
    output.layout = Layout::kPlain;
    output.alias = -1;
    output.known = {};
  }
  read_as_.assign(node.inputs.size(), Layout::kPlain);

  const NodeView view{node, program, values, constants};
  MemoInferContext infer(view, *this, options.limits);
  node.op->infer(infer);
  bool known = true;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (node.outputs[i] < 0) continue;
    if (outputs_[i].type == DataType::kUndefined) {
      infer.Unsupported("output " + std::to_string(i) + " is not supported");
    }
    known = known && outputs_[i].known.defined();
  }
  if (!known) {
    MemoPlanContext plan(view, *this, options, cost);
    step_ = node.op->plan(plan);
    Weigh(options, cost);
  }
  valid_ = true;
}

void StepMemo::Weigh(const PlanOptions& options, const CostModel& cost) {
  constexpr double kWorthWaking = 40e-6;  // seconds on one thread
  for (Output& output : outputs_) {
    if (output.type == DataType::kUndefined || output.layout == Layout::kPlain) continue;
    output.bytes = StoredBytes({ElementTypeOf(output.type), output.layout}, output.shape);
  }
  for_team_ = false;
  if (step_ == nullptr || options.threads < 2 || step_->units < 2) return;
  double read = 0;
  double written = 0;
  for (const Input& input : inputs_) {
    if (input.type == DataType::kUndefined) continue;
    read +=
        static_cast<double>(StoredBytes({ElementTypeOf(input.type), input.layout}, input.shape));
  }
  for (const Output& output : outputs_) written += static_cast<double>(output.bytes);
  AddTraffic(step_->work, read, written, options.threads);
  const double seconds = StepSeconds(step_->work, step_->measured_seconds, cost);
  for_team_ = seconds * options.threads > kWorthWaking;
}

}  // namespace kinglet
