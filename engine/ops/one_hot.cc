// OneHot: a new axis along which one element is `on`, the others are `off`.
#include <algorithm>

#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

std::int64_t DepthOf(const NodeContext& context) {
  const Tensor& depth = context.DemandedValue(1, "the depth");
  if (depth.size() != 1) {
    context.Invalid("the depth (input 1) must be one element, found shape " +
                    ShapeToString(depth.shape()));
  }
  return DispatchNumeric(depth.type(), [&]<typename T>() {
    const T value = static_cast<const T*>(depth.raw())[0];
    // Written so that NaN is refused as well.
    if (!(value >= T{0}) || !(static_cast<double>(value) < 9e18)) {
      context.Invalid("the depth (input 1) is " + std::to_string(value) + ", expected at least 0");
    }
    return static_cast<std::int64_t>(value);
  });
}

std::size_t AxisOf(const NodeContext& context) {
  return context.Axis(context.attributes().Int("axis", -1), context.InputShape(0).size() + 1);
}

void InferOneHot(InferContext& context) {
  if (context.InputShape(2) != Shape{2}) {
    context.Invalid("values (input 2) must be {off, on}, found shape " +
                    ShapeToString(context.InputShape(2)));
  }
  DispatchNumeric(context.InputType(0), []<typename T>() {});
  Shape out = context.InputShape(0);
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(AxisOf(context)), DepthOf(context));
  context.SetOutput(0, context.InputType(2), std::move(out));
}

// An index of any numeric type; -1 where it is none of [-depth, depth).
using ReadIndex = std::int64_t (*)(const void* data, std::int64_t i, std::int64_t depth);

template <typename T>
std::int64_t ReadAs(const void* data, std::int64_t i, std::int64_t depth) {
  const T value = static_cast<const T*>(data)[i];
  const auto near = static_cast<double>(value), size = static_cast<double>(depth);
  if (!(near >= -size && near < size)) return -1;
  const auto index = static_cast<std::int64_t>(value);
  return index < 0 ? index + depth : index;
}

// Items are the indices before the new axis; inner is what follows it.
template <typename T>
std::unique_ptr<Step> MakeOneHot(const PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::size_t axis = AxisOf(context);
  const std::int64_t depth = context.OutputShape(0)[axis];
  const std::int64_t inner = DimsProduct(shape, axis, shape.size());
  const ReadIndex read =
      DispatchNumeric(context.InputType(0), []<typename I>() -> ReadIndex { return ReadAs<I>; });
  const std::int64_t count = depth * inner == 0 ? 0 : DimsProduct(shape, 0, axis);
  return MakeItemStep("reference/one_hot", count,
                      depth * inner * static_cast<std::int64_t>(sizeof(T)),
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const T* values = static_cast<const T*>(args.inputs[2]);
                        T* out = static_cast<T*>(args.outputs[0]) + begin * depth * inner;
                        for (std::int64_t k = begin; k < end; ++k, out += depth * inner) {
                          std::fill_n(out, depth * inner, values[0]);
                          for (std::int64_t i = 0; i < inner; ++i) {
                            const std::int64_t at = read(args.inputs[0], k * inner + i, depth);
                            if (at >= 0) out[at * inner + i] = values[1];
                          }
                        }
                      });
}

std::unique_ptr<Step> PlanOneHot(PlanContext& context) {
  return DispatchSize(context.InputType(2), [&]<typename T>() { return MakeOneHot<T>(context); });
}

}  // namespace

const OpDef& OpOneHot() {
  static const OpDef def{.name = "OneHot",
                         .since = 9,
                         .min_inputs = 3,
                         .max_inputs = 3,
                         .attributes = "axis",
                         .types = kAnyType,
                         .infer = InferOneHot,
                         .plan = PlanOneHot};
  return def;
}

}  // namespace kinglet
