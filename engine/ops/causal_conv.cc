// CausalConvWithState: each channel convolved with a filter of its own along time, seeing the past
// alone, of which the last elements come with the call before (Gu and Dao 2023, arXiv:2312.00752).
#include <cmath>
#include <string>

#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

enum : std::size_t { kX, kWeights, kBias, kPast };

// Rows of `length` elements, one for each image and channel.
struct CausalConv {
  std::int64_t images = 0, channels = 0, length = 0;
  std::int64_t taps = 1;
  bool swish = false;

  std::int64_t past() const { return taps - 1; }
};

void CheckShape(const NodeContext& context, std::size_t i, const Shape& expected) {
  if (!context.HasInput(i)) return;
  RequireType(context, i, context.InputType(kX));
  if (context.InputShape(i) == expected) return;
  context.Invalid("input " + std::to_string(i) + " has shape " +
                  ShapeToString(context.InputShape(i)) + ", expected " + ShapeToString(expected));
}

CausalConv ReadCausalConv(const NodeContext& context) {
  RequireFloat(context, kX);
  const Shape& x = context.InputShape(kX);
  const Shape& weights = context.InputShape(kWeights);
  if (x.size() != 3 || weights.size() != 3 || weights[2] < 1) {
    context.Invalid("inputs of shapes " + ShapeToString(x) + " and " + ShapeToString(weights) +
                    ", expected batch, channels, length, and channels, 1, at least one tap");
  }
  CausalConv c{.images = x[0], .channels = x[1], .length = x[2], .taps = weights[2]};
  CheckShape(context, kWeights, {c.channels, 1, c.taps});
  CheckShape(context, kBias, {c.channels});
  CheckShape(context, kPast, {c.images, c.channels, c.past()});
  const std::string activation = context.attributes().String("activation", "none");
  c.swish = activation == "silu" || activation == "swish";
  if (!c.swish && activation != "none") {
    context.Invalid("activation '" + activation + "', expected none, silu or swish");
  }
  return c;
}

void InferCausalConv(InferContext& context) {
  const CausalConv c = ReadCausalConv(context);
  context.SetOutput(0, context.InputType(kX), context.InputShape(kX));
  context.SetOutput(1, context.InputType(kX), {c.images, c.channels, c.past()});
}

// What stands at `time`, of which the past is negative.
template <typename T>
T At(const CausalConv& c, const T* past, const T* x, std::int64_t time) {
  if (time >= 0) return x[time];
  return past == nullptr ? T{} : past[time + c.past()];
}

template <typename T>
void Convolve(const CausalConv& c, const T* past, const T* x, const T* taps, T bias, T* y) {
  const std::int64_t mixed = std::min(c.past(), c.length);
  for (std::int64_t time = 0; time < mixed; ++time) {
    T sum = bias;
    for (std::int64_t k = 0; k < c.taps; ++k) {
      sum += taps[k] * At(c, past, x, time + k - c.past());
    }
    y[time] = sum;
  }
  for (std::int64_t time = mixed; time < c.length; ++time) {
    T sum = bias;
    for (std::int64_t k = 0; k < c.taps; ++k) sum += taps[k] * x[time + k - c.past()];
    y[time] = sum;
  }
  if (!c.swish) return;
  for (std::int64_t time = 0; time < c.length; ++time) y[time] /= T{1} + std::exp(-y[time]);
}

template <typename T>
std::unique_ptr<Step> MakeCausalConv(const PlanContext& context, const CausalConv& c) {
  const bool has_bias = context.HasInput(kBias);
  const bool has_past = context.HasInput(kPast);
  const bool has_y = context.HasOutput(0);
  const bool has_present = context.HasOutput(1);
  const bool any = (has_y && c.length > 0) || (has_present && c.past() > 0);
  auto step = MakeItemStep(
      "reference/causal_conv", any ? c.images * c.channels : 0,
      (c.length + c.taps) * 2 * static_cast<std::int64_t>(sizeof(T)),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t channel = row % c.channels;
          const T* x = static_cast<const T*>(args.inputs[kX]) + row * c.length;
          const T* taps = static_cast<const T*>(args.inputs[kWeights]) + channel * c.taps;
          const T bias = has_bias ? static_cast<const T*>(args.inputs[kBias])[channel] : T{};
          const T* past =
              has_past ? static_cast<const T*>(args.inputs[kPast]) + row * c.past() : nullptr;
          if (has_y) {
            Convolve(c, past, x, taps, bias, static_cast<T*>(args.outputs[0]) + row * c.length);
          }
          if (!has_present) continue;
          T* present = static_cast<T*>(args.outputs[1]) + row * c.past();
          for (std::int64_t i = 0; i < c.past(); ++i) {
            present[i] = At(c, past, x, c.length - c.past() + i);
          }
        }
      });
  step->macs = c.images * c.channels * c.length * c.taps;
  step->work = kernels::LoopWork(2 * static_cast<double>(step->macs), context.threads());
  return step;
}

std::unique_ptr<Step> PlanCausalConv(PlanContext& context) {
  const CausalConv c = ReadCausalConv(context);
  return DispatchFloat(context.InputType(kX),
                       [&]<typename T>() { return MakeCausalConv<T>(context, c); });
}

bool CausalConvBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!context.HasInput(i)) continue;
    const bool of_images = i == kX || i == kPast;
    if (inputs[i] != (of_images ? BatchUse::kImages : BatchUse::kFree)) return false;
  }
  return true;
}

}  // namespace

const OpDef& OpCausalConvWithState() {
  static const OpDef op{.name = "CausalConvWithState",
                        .since = 27,
                        .min_inputs = 2,
                        .max_inputs = 4,
                        .max_outputs = 2,
                        .attributes = "activation",
                        .types = "float32, float64",
                        .infer = InferCausalConv,
                        .plan = PlanCausalConv,
                        .batch_wise = CausalConvBatchWise};
  return op;
}

}  // namespace kinglet
