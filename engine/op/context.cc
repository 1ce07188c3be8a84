#include "engine/op/context.h"

#include <algorithm>

#include "engine/graph/derived.h"
#include "engine/graph/fusion.h"
#include "kernels/common/blocked.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

const TensorState& StateOf(const NodeContext& context, const NodeStates& states, std::size_t i) {
  if (i >= states.inputs.size() || states.inputs[i] == nullptr) {
    context.Invalid("input " + std::to_string(i) + " is required and absent");
  }
  return *states.inputs[i];
}

class StateInferContext final : public InferContext {
 public:
  StateInferContext(const Node& node, const NodeStates& states, const Limits& limits)
      : InferContext(node), states_(&states), limits_(&limits) {}

  DataType InputType(std::size_t i) const override { return StateOf(*this, *states_, i).type; }
  const Shape& InputShape(std::size_t i) const override {
    return StateOf(*this, *states_, i).shape;
  }
  const Tensor* InputValue(std::size_t i) const override {
    if (i >= states_->inputs.size() || states_->inputs[i] == nullptr) return nullptr;
    const TensorState& state = *states_->inputs[i];
    if (state.derived == nullptr) return state.known.defined() ? &state.known : nullptr;
    Tensor& value = made_again_[i];
    if (!value.defined()) value = state.Value();
    return &value;
  }

  void SetOutput(std::size_t i, DataType type, Shape shape) override {
    if (!HasOutput(i)) return;
    CheckOutput(*this, i, type, shape, *limits_);
    states_->outputs[i]->type = type;
    states_->outputs[i]->shape = std::move(shape);
  }
  void SetOutputValue(std::size_t i, Tensor value) override {
    SetOutput(i, value.type(), value.shape());
    if (HasOutput(i)) states_->outputs[i]->known = std::move(value);
  }

 private:
  const NodeStates* states_;
  const Limits* limits_;
  mutable std::map<std::size_t, Tensor> made_again_;  // by input
};

// What SetOutput makes sure of for the rest: inputs and constants come from outside.
void CheckInputShape(const NodeContext& context, std::size_t i, const Shape& shape) {
  const std::string what = "input " + std::to_string(i) + " has ";
  if (shape.size() > kMaxRank) {
    context.Unsupported(what + "rank " + std::to_string(shape.size()) + ", at most " +
                        std::to_string(kMaxRank) + " is supported");
  }
  std::int64_t product = 8;  // bytes of the largest element
  for (const std::int64_t dim : shape) {
    if (__builtin_mul_overflow(product, std::max<std::int64_t>(dim, 1), &product)) {
      throw Error(ErrorCode::kResource, NodeLabel(context.node()) + ": " + what + "shape " +
                                            ShapeToString(shape) + ", whose sizes are too large");
    }
  }
}

// What is fused works on float32; behind sums that become codes a clamp is one of the codes.
void CheckFusedType(const NodeContext& context, const NodeStates& states) {
  const TensorState* made = states.outputs[0];
  if (made == nullptr || made->type == DataType::kFloat32) return;
  const Fusion& fusion = context.node().fusion;
  const bool clamps = !fusion.residual && fusion.activation <= Activation::kClip;
  if (context.node().op == "QLinearConv" && clamps) return;
  context.Unsupported(FusionText(context.node().fusion) + " is fused behind results of type " +
                      DataTypeName(made->type) + ", expected float32");
}

}  // namespace

NodeStates StatesOf(const Node& node, GraphStates& states) {
  const auto state = [&](ValueId id) {
    return id == kNoValue ? nullptr : &states[static_cast<std::size_t>(id)];
  };
  NodeStates result;
  for (const ValueId id : node.inputs) result.inputs.push_back(state(id));
  for (const ValueId id : node.outputs) result.outputs.push_back(state(id));
  return result;
}

Tensor TensorState::Value() const { return derived == nullptr ? known : derived->Get(); }

std::size_t CheckOutput(const NodeContext& context, std::size_t i, DataType type,
                        const Shape& shape, const Limits& limits) {
  const auto what = [&] { return "output " + std::to_string(i) + " would have "; };
  if (shape.size() > kMaxRank) {
    context.Unsupported(what() + "rank " + std::to_string(shape.size()) + ", at most " +
                        std::to_string(kMaxRank) + " is supported");
  }
  if (DataTypeSize(type) == 0) context.Invalid(what() + "type " + DataTypeName(type));
  auto bytes = static_cast<std::int64_t>(DataTypeSize(type));
  bool empty = false;
  bool overflow = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0) context.Invalid(what() + "a negative size in shape " + ShapeToString(shape));
    empty = empty || dim == 0;
    const std::int64_t factor = std::max<std::int64_t>(dim, 1);
    overflow = overflow || __builtin_mul_overflow(bytes, factor, &bytes);
  }
  // An empty tensor as well: operators multiply some of its sizes.
  if (overflow || (!empty && static_cast<std::size_t>(bytes) > limits.max_tensor_bytes)) {
    throw Error(ErrorCode::kResource,
                NodeLabel(context.node()) + ": " + what() + "shape " + ShapeToString(shape) +
                    ", more than the limit of " + std::to_string(limits.max_tensor_bytes) +
                    " bytes for one tensor (--max-tensor-bytes, CompileOptions::max_tensor_bytes)");
  }
  return empty ? 0 : static_cast<std::size_t>(bytes);
}

void InferNode(const Node& node, const NodeStates& states, const Limits& limits) {
  const OpDef* op = FindOp(node.domain, node.op);
  StateInferContext context(node, states, limits);
  if (op == nullptr) context.Unsupported("no such operator");
  for (std::size_t i = 0; i < states.inputs.size(); ++i) {
    if (states.inputs[i] == nullptr) continue;
    if (states.inputs[i]->type == DataType::kUndefined) {
      throw DependsOnData(NodeLabel(node) + ": the shape of input " + std::to_string(i) +
                          " depends on data");
    }
    CheckInputShape(context, i, states.inputs[i]->shape);
  }
  if (op->infer == nullptr) {
    throw DependsOnData(NodeLabel(node) + ": the shapes of its results depend on data");
  }
  op->infer(context);
  if (!node.fusion.empty()) CheckFusedType(context, states);
  for (std::size_t i = 0; i < states.outputs.size(); ++i) {
    if (states.outputs[i] != nullptr && states.outputs[i]->type == DataType::kUndefined) {
      context.Unsupported("output " + std::to_string(i) + " is not supported");
    }
  }
}

DataType PlainPlanContext::InputType(std::size_t i) const {
  return StateOf(*this, *states_, i).type;
}
const Shape& PlainPlanContext::InputShape(std::size_t i) const {
  return StateOf(*this, *states_, i).shape;
}
const Tensor* PlainPlanContext::InputValue(std::size_t i) const {
  if (!IsKnown(i)) return nullptr;
  const TensorState& state = *states_->inputs[i];
  if (state.derived == nullptr) return &state.known;
  Tensor& value = made_again_[i];
  if (!value.defined()) value = state.Value();
  return &value;
}
bool PlainPlanContext::IsKnown(std::size_t i) const {
  return i < states_->inputs.size() && states_->inputs[i] != nullptr &&
         states_->inputs[i]->known.defined();
}
DataType PlainPlanContext::OutputType(std::size_t i) const { return states_->outputs[i]->type; }
const Shape& PlainPlanContext::OutputShape(std::size_t i) const {
  return states_->outputs[i]->shape;
}
std::int64_t PlainPlanContext::OutputStride(std::size_t i) {
  const Shape& shape = OutputShape(i);
  const std::int64_t block = kernels::PixelBlock(OutputStorage(i));
  return kernels::RoundUpToBlock(shape[1], block) * shape[2] * shape[3];
}
ElementType PlainPlanContext::InputStorage(std::size_t i) const {
  return StateOf(*this, *states_, i).stored_as();
}
ElementType PlainPlanContext::OutputStorage(std::size_t i) const {
  return states_->outputs[i]->stored_as();
}
void PlainPlanContext::ReadAs(std::size_t i, TensorDesc desc) {
  if (desc == TensorDesc{InputStorage(i), Layout::kPlain}) return;
  Unsupported("a tensor that is " + ToString(desc) + " is not available here");
}
void PlainPlanContext::WriteAs(std::size_t i, TensorDesc desc) {
  if (desc == TensorDesc{OutputStorage(i), Layout::kPlain}) return;
  Unsupported("a tensor that is " + ToString(desc) + " is not available here");
}
void PlainPlanContext::Alias(std::size_t out, std::size_t in) {
  aliases_[out] = static_cast<ValueId>(in);
}
const void* PlainPlanContext::Packed(std::size_t, const kernels::PackedFormat&, std::size_t bytes,
                                     const std::function<void(void*)>& fill) {
  packed_.emplace_back(DataType::kUInt8, Shape{static_cast<std::int64_t>(bytes)});
  fill(packed_.back().raw());
  return packed_.back().raw();
}

}  // namespace kinglet
