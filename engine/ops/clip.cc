// Clip: bounds as attributes up to opset 10, as inputs from 11.
#include <limits>

#include "engine/ops/batch.h"
#include "engine/ops/bfloat16.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "kernels/eltwise/unary.h"

namespace kinglet {
namespace {

void InferClip(InferContext& context) {
  DispatchNumeric(context.InputType(0), []<typename T>() {});
  if (context.opset() < 11) {
    RequireFloat(context, 0);
    if (context.input_count() > 1) {
      context.Invalid("bounds as inputs at opset " + std::to_string(context.opset()) +
                      ", expected attributes before opset 11");
    }
  }
  for (std::size_t i = 1; i < 3; ++i) {
    if (!context.HasInput(i)) continue;
    RequireType(context, i, context.InputType(0));
    if (ElementCount(context.InputShape(i)) != 1) {
      context.Invalid("input " + std::to_string(i) + " has shape " +
                      ShapeToString(context.InputShape(i)) + ", expected a scalar");
    }
  }
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

template <typename T>
struct Bounds {
  T low = std::numeric_limits<T>::lowest();
  T high = std::numeric_limits<T>::max();

  // NaN stays NaN; where low > high the result is high.
  T Clamp(T x) const {
    x = x < low ? low : x;
    return x > high ? high : x;
  }
};

template <typename T>
Bounds<T> DefaultBounds(const PlanContext& context) {
  Bounds<T> bounds;
  if constexpr (std::is_floating_point_v<T>) {
    bounds = {-std::numeric_limits<T>::infinity(), std::numeric_limits<T>::infinity()};
    if (context.opset() < 11) {
      const Attributes& attributes = context.attributes();
      if (attributes.Has("min")) bounds.low = attributes.Float("min", 0);
      if (attributes.Has("max")) bounds.high = attributes.Float("max", 0);
    }
  }
  return bounds;
}

// Bounds that inputs give, read when the step runs.
template <typename T>
Bounds<T> ReadBounds(const StepArgs& args, Bounds<T> bounds, bool has_low, bool has_high) {
  if (has_low) bounds.low = *static_cast<const T*>(args.inputs[1]);
  if (has_high) bounds.high = *static_cast<const T*>(args.inputs[2]);
  return bounds;
}

template <typename T>
void Apply(const T* x, T* y, std::int64_t count, const Bounds<T>& bounds, kernels::UnaryFn kernel) {
  if constexpr (std::is_same_v<T, float>) {
    kernel(x, y, static_cast<std::size_t>(count), bounds.low, bounds.high);
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = bounds.Clamp(x[i]);
  }
}

std::unique_ptr<Step> PlanBlocked(PlanContext& context) {
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  const Bounds<float> fixed = DefaultBounds<float>(context);
  const bool has_low = context.HasInput(1);
  const bool has_high = context.HasInput(2);
  const BlockedPlanes planes(context.OutputShape(0));
  const PlaneUnits units = planes.Units();
  const kernels::UnaryFn kernel = kernels::GetUnary(kernels::UnaryOp::kClip);
  return MakeStep("eltwise/clip_f32", units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const auto bounds = ReadBounds(args, fixed, has_low, has_high);
                    const auto* x = static_cast<const float*>(args.inputs[0]);
                    auto* y = static_cast<float*>(args.outputs[0]);
                    units.For(begin, end,
                              [&](std::int64_t plane, std::int64_t first, std::int64_t length) {
                                const std::int64_t at = plane * planes.elements + first;
                                Apply(x + at, y + at, length, bounds, kernel);
                                const std::int64_t valid = planes.ValidLanes(plane);
                                if (valid < kernels::kBlock && bounds.Clamp(0.0f) != 0.0f) {
                                  ZeroPadLanes(y + at, length, valid);
                                }
                              });
                  });
}

template <typename T>
std::unique_ptr<Step> PlanPlain(PlanContext& context) {
  const Bounds<T> fixed = DefaultBounds<T>(context);
  const bool has_low = context.HasInput(1);
  const bool has_high = context.HasInput(2);
  const ElementUnits units(context.OutputShape(0));
  const kernels::UnaryFn kernel = kernels::GetUnary(kernels::UnaryOp::kClip);
  return MakeStep(ElementwiseId(context, DataTypeOf<T>::value), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const std::int64_t first = units.Start(begin);
                    Apply(static_cast<const T*>(args.inputs[0]) + first,
                          static_cast<T*>(args.outputs[0]) + first, units.Start(end) - first,
                          ReadBounds(args, fixed, has_low, has_high), kernel);
                  });
}

// Of images stored as bfloat16, where the bounds are known; null elsewhere.
std::unique_ptr<Step> PlanBFloat16(PlanContext& context) {
  if (context.InputType(0) != DataType::kFloat32) return nullptr;
  Bounds<float> bounds = DefaultBounds<float>(context);
  for (std::size_t i = 1; i < 3; ++i) {
    if (!context.HasInput(i)) continue;
    const Tensor* value = context.InputValue(i);
    if (value == nullptr) return nullptr;
    (i == 1 ? bounds.low : bounds.high) = *value->data<float>();
  }
  auto step = PlanBFloat16Unary(context, {kernels::Activation::kClip, bounds.low, bounds.high});
  for (std::size_t i = 1; step != nullptr && i < 3; ++i) {
    if (context.HasInput(i)) context.DoNotRead(i);
  }
  return step;
}

std::unique_ptr<Step> PlanClip(PlanContext& context) {
  context.AllowInPlace(0, 0);
  if (auto step = PlanBFloat16(context)) return step;
  if (UsesBlocked(context, 0)) return PlanBlocked(context);
  return DispatchNumeric(context.InputType(0), [&]<typename T>() { return PlanPlain<T>(context); });
}

}  // namespace

const OpDef& OpClip() {
  static const OpDef op{.name = "Clip",
                        .max_inputs = 3,
                        .attributes = "min max",
                        .types = "float32, float64, integers",
                        .infer = InferClip,
                        .plan = PlanClip,
                        .batch_wise = EachImage};
  return op;
}

}  // namespace kinglet
