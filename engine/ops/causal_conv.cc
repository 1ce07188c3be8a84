// CausalConvWithState: each channel of a sequence convolved with its own kernel, which reaches back
// in time only, and what the next call must remember of it.
#include <algorithm>
#include <cmath>
#include <string>

#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

constexpr std::size_t kWeights = 1, kBias = 2, kPast = 3;

// Sequences {images, channels, length}, remembered ones {images, channels, kernel - 1}.
struct CausalConv {
  std::int64_t images = 0, channels = 0, length = 0, kernel = 1;
  bool has_bias = false, has_past = false, swish = false;
  Shape state() const { return {images, channels, kernel - 1}; }
};

void CheckShape(const NodeContext& context, std::size_t i, const char* what,
                const Shape& expected) {
  if (!context.HasInput(i) || context.InputShape(i) == expected) return;
  context.Invalid(std::string(what) + " (input " + std::to_string(i) + ") has shape " +
                  ShapeToString(context.InputShape(i)) + ", expected " + ShapeToString(expected));
}

CausalConv ConvOf(const NodeContext& context) {
  const Shape& x = context.InputShape(0);
  const Shape& w = context.InputShape(kWeights);
  if (x.size() != 3 || w.size() != 3 || w[2] < 1) {
    context.Invalid(
        "expected sequences {batch, channels, length} and kernels {channels, 1, k}, "
        "found " +
        ShapeToString(x) + " and " + ShapeToString(w));
  }
  CausalConv c{.images = x[0], .channels = x[1], .length = x[2], .kernel = w[2]};
  CheckShape(context, kWeights, "the kernels", {c.channels, 1, c.kernel});
  CheckShape(context, kBias, "the bias", {c.channels});
  CheckShape(context, kPast, "the past state", c.state());
  c.has_bias = context.HasInput(kBias);
  c.has_past = context.HasInput(kPast);
  const std::string activation = context.attributes().String("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish") {
    context.Invalid("activation '" + activation + "', expected none, silu or swish");
  }
  c.swish = activation != "none";
  return c;
}

void InferCausalConv(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 4);
  const CausalConv c = ConvOf(context);
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
  if (context.HasOutput(1)) context.SetOutput(1, context.InputType(0), c.state());
}

// One channel. At time t < 0 the sequence is what was remembered, or 0.
template <typename T>
void RunChannel(const CausalConv& c, const StepArgs& args, std::int64_t k) {
  const T* x = static_cast<const T*>(args.inputs[0]) + k * c.length;
  const T* w = static_cast<const T*>(args.inputs[kWeights]) + k % c.channels * c.kernel;
  const T* past =
      c.has_past ? static_cast<const T*>(args.inputs[kPast]) + k * (c.kernel - 1) : nullptr;
  const auto at = [&](std::int64_t t) {
    if (t >= 0) return x[t];
    return past == nullptr ? T{0} : past[t + c.kernel - 1];
  };
  if (args.outputs[0] != nullptr) {
    T* y = static_cast<T*>(args.outputs[0]) + k * c.length;
    const T bias = c.has_bias ? static_cast<const T*>(args.inputs[kBias])[k % c.channels] : T{0};
    for (std::int64_t t = 0; t < c.length; ++t) {
      T sum = bias;
      for (std::int64_t i = 0; i < c.kernel; ++i) sum += w[i] * at(t + i + 1 - c.kernel);
      y[t] = c.swish ? sum / (1 + std::exp(-sum)) : sum;
    }
  }
  if (args.outputs[1] == nullptr) return;
  T* state = static_cast<T*>(args.outputs[1]) + k * (c.kernel - 1);
  for (std::int64_t i = 0; i < c.kernel - 1; ++i) state[i] = at(c.length + i + 1 - c.kernel);
}

// Items are the channels of all images.
std::unique_ptr<Step> PlanCausalConv(PlanContext& context) {
  const CausalConv c = ConvOf(context);
  const bool has_state = context.HasOutput(1);
  return DispatchFloat(context.InputType(0), [&]<typename T>() {
    return MakeItemStep(
        "reference/causal_conv", c.images * c.channels,
        c.length * c.kernel * static_cast<std::int64_t>(sizeof(T)),
        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
          void* outputs[2] = {args.outputs[0], has_state ? args.outputs[1] : nullptr};
          StepArgs both = args;
          both.outputs = outputs;
          for (std::int64_t k = begin; k < end; ++k) RunChannel<T>(c, both, k);
        });
  });
}

}  // namespace

const OpDef& OpCausalConvWithState() {
  static const OpDef def{.name = "CausalConvWithState",
                         .since = 27,
                         .min_inputs = 2,
                         .max_inputs = 4,
                         .max_outputs = 2,
                         .attributes = "activation",
                         .types = "float32, float64",
                         .infer = InferCausalConv,
                         .plan = PlanCausalConv};
  return def;
}

}  // namespace kinglet
