// RMSNormalization (Zhang and Sennrich 2019, arXiv:1910.07467): y = scale x / sqrt(mean(x^2) +
// epsilon) over the dimensions from `axis` on; and SimplifiedLayerNormalization, what ONNX Runtime
// writes for it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "engine/ops/batch.h"
#include "engine/ops/broadcast.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/normalize/normalize.h"

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

// The mean of squares, and the products with the scale, by the definition.
template <typename T>
struct RmsMath {
  double MeanSquare(const T* x, std::int64_t count) const {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i] * x[i]);
    return sum / static_cast<double>(count);
  }
  // y = x * inverse * scale, with one scale for each element or, `step` being 0, for all of them.
  void Scale(const T* x, T inverse, const T* scale, std::int64_t step, T* y,
             std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] * inverse * scale[i * step];
  }
};

template <>
struct RmsMath<float> {
  const kernels::NormalizeTable* table = &kernels::GetNormalizeTable();

  double MeanSquare(const float* x, std::int64_t count) const {
    const kernels::Moments moments = table->moments(x, count);
    return moments.squares / static_cast<double>(count) + moments.mean * moments.mean;
  }
  void Scale(const float* x, float inverse, const float* scale, std::int64_t step, float* y,
             std::int64_t count) const {
    if (step == 0) return table->run(x, 0, inverse * scale[0], 0, y, count);
    table->row(x, 0, inverse, scale, nullptr, y, count);
  }
};

// Items are groups of `length` elements.
template <typename T>
std::unique_ptr<Step> MakeRms(PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::size_t axis = AxisOf(context);
  const std::int64_t length = DimsProduct(shape, axis, shape.size());
  const auto epsilon = static_cast<double>(context.attributes().Float("epsilon", 1e-5f));
  const Broadcast<1> scale = MakeBroadcast<1>(shape, {&context.InputShape(1)});
  const bool has_inverse = context.HasOutput(1);
  const RmsMath<T> math;
  context.AllowInPlace(0, 0);
  return MakeItemStep("normalize/rms", length == 0 ? 0 : DimsProduct(shape, 0, axis),
                      length * static_cast<std::int64_t>(sizeof(T)),
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const auto* x = static_cast<const T*>(args.inputs[0]);
                        const auto* factors = static_cast<const T*>(args.inputs[1]);
                        auto* y = static_cast<T*>(args.outputs[0]);
                        for (std::int64_t group = begin; group < end; ++group) {
                          const double mean = math.MeanSquare(x + group * length, length);
                          const auto inverse = static_cast<T>(1 / std::sqrt(mean + epsilon));
                          if (has_inverse) static_cast<T*>(args.outputs[1])[group] = inverse;
                          if (y == nullptr) continue;
                          scale.ForRuns(
                              group * length, (group + 1) * length,
                              [&](const auto& offsets, std::int64_t at, std::int64_t count) {
                                math.Scale(x + at, inverse, factors + offsets[0],
                                           scale.InnerStride(0), y + at, count);
                              });
                        }
                      });
}

std::unique_ptr<Step> PlanRms(PlanContext& context) {
  auto step =
      DispatchFloat(context.InputType(0), [&]<typename T>() { return MakeRms<T>(context); });
  const double element = context.InputType(0) == DataType::kFloat32 ? 0.6 : 4;
  return WithLoops(std::move(step), context, element * ElementsOf(context.InputShape(0)));
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
