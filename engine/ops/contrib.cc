// Operators of ONNX Runtime that are several of ONNX's. engine/passes/expand_contrib.cc writes them
// out before anything else is done to a graph, so that none of them is planned.
#include "engine/graph/contrib.h"

#include "engine/op/op.h"
#include "engine/ops/broadcast.h"
#include "engine/ops/spatial.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void InferAs(InferContext& context, std::string_view onnx_op) {
  FindOp("", onnx_op)->infer(context);
}

void InferFusedConv(InferContext& context) { InferAs(context, "Conv"); }
void InferFusedGemm(InferContext& context) { InferAs(context, "Gemm"); }

void InferSum(InferContext& context) {
  context.SetOutput(0, context.InputType(0), BroadcastShape(context, 0, context.input_count()));
}

void InferSplitGelu(InferContext& context) {
  Shape shape = BroadcastShape(context, 0, 2);
  if (shape.empty() || shape.back() % 2 != 0) {
    context.Invalid("the last dimension of " + ShapeToString(shape) + " has no two halves");
  }
  shape.back() /= 2;
  context.SetOutput(0, context.InputType(0), shape);
}

void InferNhwcMaxPool(InferContext& context) {
  const Shape& x = context.InputShape(0);
  if (x.size() != 4)
    context.Invalid("input 0 has shape " + ShapeToString(x) + ", expected N H W C");
  const std::int64_t sizes[] = {x[1], x[2]};
  const Window window = PoolWindow(context, sizes);
  context.SetOutput(0, context.InputType(0), {x[0], window.output[0], window.output[1], x[3]});
}

void InferSkip(InferContext& context) {
  Shape shape = BroadcastShape(context, 0, 2);
  const DataType type = context.InputType(0);
  context.SetOutput(0, type, shape);
  context.SetOutput(3, type, shape);
  if (!shape.empty()) shape.back() = 1;
  context.SetOutput(1, type, shape);
  context.SetOutput(2, type, shape);
}

std::unique_ptr<Step> PlanNothing(PlanContext& context) {
  context.Unsupported(
      "in a graph that says it is optimised; optimise the model that it was made from again");
}

OpDef Expanded(std::string_view name, int min_inputs, int max_inputs, void (*infer)(InferContext&),
               std::string_view attributes = "") {
  return {.name = name,
          .domain = kContribDomain,
          .since = kContribOpset,
          .until = kContribOpset,
          .min_inputs = min_inputs,
          .max_inputs = max_inputs,
          .attributes = attributes,
          .types = "float32, float64",
          .infer = infer,
          .plan = PlanNothing};
}

OpDef Skipping(std::string_view name, int max_inputs) {
  OpDef op = Expanded(name, 3, max_inputs, InferSkip, "epsilon");
  op.max_outputs = 4;
  return op;
}

}  // namespace

const OpDef& OpBiasAdd() {
  static const OpDef op = Expanded("BiasAdd", 3, 3, InferSum);
  return op;
}

const OpDef& OpBiasGelu() {
  static const OpDef op = Expanded("BiasGelu", 2, 2, InferSum);
  return op;
}

const OpDef& OpBiasSplitGelu() {
  static const OpDef op = Expanded("BiasSplitGelu", 2, 2, InferSplitGelu);
  return op;
}

const OpDef& OpFusedConv() {
  static const OpDef op = Expanded("FusedConv", 2, 4, InferFusedConv,
                                   "activation activation_params auto_pad dilations group "
                                   "kernel_shape pads strides");
  return op;
}

const OpDef& OpFusedGemm() {
  static const OpDef op = Expanded("FusedGemm", 2, 3, InferFusedGemm,
                                   "activation activation_alpha activation_beta activation_gamma "
                                   "alpha beta transA transB");
  return op;
}

const OpDef& OpNhwcMaxPool() {
  static const OpDef op = [] {
    OpDef pool = Expanded("NhwcMaxPool", 1, 1, InferNhwcMaxPool,
                          "auto_pad ceil_mode dilations kernel_shape pads strides");
    pool.types = "int8, uint8";
    return pool;
  }();
  return op;
}

const OpDef& OpSkipLayerNormalization() {
  static const OpDef op = Skipping("SkipLayerNormalization", 5);
  return op;
}

const OpDef& OpSkipSimplifiedLayerNormalization() {
  static const OpDef op = Skipping("SkipSimplifiedLayerNormalization", 4);
  return op;
}

}  // namespace kinglet
