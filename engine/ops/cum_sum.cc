// CumSum and CumProd: sums and products of all elements up to each one along an axis.
#include <algorithm>
#include <functional>
#include <type_traits>

#include "engine/ops/dispatch.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

std::size_t AxisOf(const NodeContext& context) {
  const auto axis = context.InputInts(1, "the axis");
  if (axis.size() != 1) {
    context.Invalid("the axis (input 1) must be one element, found " + std::to_string(axis.size()));
  }
  return context.Axis(axis[0], context.InputShape(0).size());
}

void InferCumulative(InferContext& context) {
  AxisOf(context);
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

constexpr std::int64_t kPiece = 256;

// op(a, b); integers wrap around.
template <typename Operation, typename T>
T Combine(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(
        Operation()(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
  } else {
    return Operation()(a, b);
  }
}

// Items are pieces of the elements after the axis, side by side. `neutral`: what stands before the
// first element.
template <typename Operation, typename T>
std::unique_ptr<Step> MakeCumulative(const PlanContext& context, std::string kernel, T neutral) {
  const Shape& shape = context.InputShape(0);
  const std::size_t axis = AxisOf(context);
  const std::int64_t size = shape[axis];
  const std::int64_t inner = DimsProduct(shape, axis + 1, shape.size());
  const std::int64_t pieces = CeilDiv(inner, kPiece);
  const bool exclusive = context.attributes().Int("exclusive", 0) != 0;
  const bool reverse = context.attributes().Int("reverse", 0) != 0;
  return MakeItemStep(std::move(kernel), size == 0 ? 0 : DimsProduct(shape, 0, axis) * pieces,
                      std::min(inner, kPiece) * size * static_cast<std::int64_t>(sizeof(T)),
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        for (std::int64_t item = begin; item < end; ++item) {
                          const std::int64_t first = item % pieces * kPiece;
                          const std::int64_t count = std::min(kPiece, inner - first);
                          const std::int64_t last = reverse ? (size - 1) * inner : 0;
                          const std::int64_t at = item / pieces * size * inner + first + last;
                          const T* x = static_cast<const T*>(args.inputs[0]) + at;
                          T* y = static_cast<T*>(args.outputs[0]) + at;
                          T so_far[kPiece];
                          std::fill_n(so_far, count, neutral);
                          for (std::int64_t k = 0; k < size; ++k) {
                            for (std::int64_t i = 0; i < count; ++i) {
                              const T before = so_far[i];
                              so_far[i] = Combine<Operation>(before, x[i]);
                              y[i] = exclusive ? before : so_far[i];
                            }
                            if (k + 1 == size) break;
                            x += reverse ? -inner : inner;
                            y += reverse ? -inner : inner;
                          }
                        }
                      });
}

std::unique_ptr<Step> PlanCumSum(PlanContext& context) {
  context.AllowInPlace(0, 0);
  auto step = DispatchNumeric(context.InputType(0), [&]<typename T>() {
    return MakeCumulative<std::plus<>>(context, "reference/cum_sum", T{0});
  });
  return WithLoops(std::move(step), context, 3 * OutputElements(context));
}

std::unique_ptr<Step> PlanCumProd(PlanContext& context) {
  context.AllowInPlace(0, 0);
  auto step = DispatchNumeric(context.InputType(0), [&]<typename T>() {
    return MakeCumulative<std::multiplies<>>(context, "reference/cum_prod", T{1});
  });
  return WithLoops(std::move(step), context, 3 * OutputElements(context));
}

constexpr std::string_view kTypes =
    "float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64";

}  // namespace

const OpDef& OpCumSum() {
  static const OpDef def{.name = "CumSum",
                         .since = 11,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "exclusive reverse",
                         .types = kTypes,
                         .infer = InferCumulative,
                         .plan = PlanCumSum};
  return def;
}

const OpDef& OpCumProd() {
  static const OpDef def{.name = "CumProd",
                         .since = 26,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "exclusive reverse",
                         .types = kTypes,
                         .infer = InferCumulative,
                         .plan = PlanCumProd};
  return def;
}

}  // namespace kinglet
