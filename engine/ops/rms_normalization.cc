// RMSNormalization (Zhang and Sennrich 2019, arXiv:1910.07467): y = scale x / sqrt(mean(x^2) +
// epsilon) over the dimensions from `axis` on; and SimplifiedLayerNormalization, what ONNX Runtime
// writes for it.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/ops/batch.h"
#include "engine/ops/broadcast.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

std::size_t AxisOf(const NodeContext& context) {
  return context.Axis(context.attributes().Int("axis", -1), context.InputShape(0).size());
}

void InferRms(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 2);
  Shape shape = context.InputShape(0);
  const std::size_t axis = AxisOf(context);
  if (BroadcastShape(context, 0, 2) != shape) {
    context.Invalid("the scale has shape " + ShapeToString(context.InputShape(1)) +
                    ", expected one that broadcasts to " + ShapeToString(shape));
  }
  context.SetOutput(0, context.InputType(0), shape);
  std::fill(shape.begin() + static_cast<std::ptrdiff_t>(axis), shape.end(), 1);
  context.SetOutput(1, context.InputType(0), shape);
}

// Several sums, which do not wait for each other.
template <typename T>
double SumOfSquares(const T* x, std::int64_t count) {
  constexpr std::int64_t kSums = 8;
  double sums[kSums] = {};
  std::int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (std::int64_t k = 0; k < kSums; ++k) {
      const auto value = static_cast<double>(x[i + k]);
      sums[k] += value * value;
    }
  }
  for (; i < count; ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double sum = 0;
  for (const double each : sums) sum += each;
  return sum;
}

// Items are groups of `length` elements.
template <typename T>
std::unique_ptr<Step> MakeRms(PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::size_t axis = AxisOf(context);
  const std::int64_t length = DimsProduct(shape, axis, shape.size());
  const auto epsilon = static_cast<double>(context.attributes().Float("epsilon", 1e-5f));
  const Broadcast<1> scale = MakeBroadcast<1>(shape, {&context.InputShape(1)});
  const bool has_inverse = context.HasOutput(1);
  context.AllowInPlace(0, 0);
  return MakeItemStep(
      "normalize/rms", length == 0 ? 0 : DimsProduct(shape, 0, axis),
      length * static_cast<std::int64_t>(sizeof(T)),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const auto* x = static_cast<const T*>(args.inputs[0]);
        const auto* factors = static_cast<const T*>(args.inputs[1]);
        auto* y = static_cast<T*>(args.outputs[0]);
        for (std::int64_t group = begin; group < end; ++group) {
          const double mean =
              SumOfSquares(x + group * length, length) / static_cast<double>(length);
          const auto inverse = static_cast<T>(1 / std::sqrt(mean + epsilon));
          if (has_inverse) static_cast<T*>(args.outputs[1])[group] = inverse;
          if (y == nullptr) continue;
          scale.ForRuns(group * length, (group + 1) * length,
                        [&](const auto& offsets, std::int64_t at, std::int64_t count) {
                          const T* factor = factors + offsets[0];
                          const std::int64_t step = scale.InnerStride(0);
                          for (std::int64_t i = 0; i < count; ++i) {
                            y[at + i] = x[at + i] * inverse * factor[i * step];
                          }
                        });
        }
      });
}

std::unique_ptr<Step> PlanRms(PlanContext& context) {
  return DispatchFloat(context.InputType(0), [&]<typename T>() { return MakeRms<T>(context); });
}

}  // namespace

const OpDef& OpRMSNormalization() {
  static const OpDef op{.name = "RMSNormalization",
                        .since = 23,
                        .min_inputs = 2,
                        .max_inputs = 2,
                        .attributes = "axis epsilon stash_type",
                        .types = "float32, float64",
                        .infer = InferRms,
                        .plan = PlanRms,
                        .batch_wise = OffBatchAxis<-1>};
  return op;
}

// In ONNX's own domain, although ONNX has it not.
const OpDef& OpSimplifiedLayerNormalization() {
  static const OpDef op{.name = "SimplifiedLayerNormalization",
                        .since = 1,
                        .min_inputs = 2,
                        .max_inputs = 2,
                        .max_outputs = 2,
                        .attributes = "axis epsilon stash_type",
                        .types = "float32, float64",
                        .infer = InferRms,
                        .plan = PlanRms,
                        .batch_wise = OffBatchAxis<-1>};
  return op;
}

}  // namespace kinglet
