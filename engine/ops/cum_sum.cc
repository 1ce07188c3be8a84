// CumSum and CumProd: sums and products of all elements up to each one along an axis.
#include <algorithm>
#include <functional>
#include <type_traits>

#include "engine/ops/dispatch.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/common/independent.h"

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

struct Cumulation {
  std::int64_t outer = 1, size = 1, inner = 1;
  bool exclusive = false, reverse = false;

  std::int64_t First() const { return reverse ? (size - 1) * inner : 0; }
  std::int64_t Step() const { return reverse ? -inner : inner; }
};

constexpr std::int64_t kPiece = 256;  // elements after the axis that go together
constexpr std::int64_t kLinesAtOnce =
    8;  // lines along the last axis, so that none waits for its sum

// kCount lines along the last axis. `neutral`: what stands before the first element.
template <typename Operation, bool kExclusive, std::int64_t kCount, typename T>
void AccumulateLines(const Cumulation& c, const T* x, T* y, T neutral) {
  T so_far[kCount];
  std::fill_n(so_far, kCount, neutral);
  std::int64_t at = c.First();
  for (std::int64_t k = 0; k < c.size; ++k, at += c.Step()) {
    for (std::int64_t line = 0; line < kCount; ++line) {
      const T before = so_far[line];
      so_far[line] = Combine<Operation>(before, x[line * c.size + at]);
      y[line * c.size + at] = kExclusive ? before : so_far[line];
    }
  }
}

template <typename Operation, bool kExclusive, typename T>
void AccumulateAllLines(const Cumulation& c, const T* x, T* y, std::int64_t lines, T neutral) {
  for (; lines >= kLinesAtOnce;
       lines -= kLinesAtOnce, x += kLinesAtOnce * c.size, y += kLinesAtOnce * c.size) {
    AccumulateLines<Operation, kExclusive, kLinesAtOnce>(c, x, y, neutral);
  }
  for (; lines > 0; --lines, x += c.size, y += c.size) {
    AccumulateLines<Operation, kExclusive, 1>(c, x, y, neutral);
  }
}

// `count` <= kPiece elements after the axis, side by side.
template <typename Operation, bool kExclusive, typename T>
void AccumulatePiece(const Cumulation& c, const T* x, T* y, std::int64_t count, T neutral) {
  T so_far[kPiece];
  std::fill_n(so_far, count, neutral);
  std::int64_t at = c.First();
  for (std::int64_t k = 0; k < c.size; ++k, at += c.Step()) {
    KINGLET_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) {
      const T before = so_far[i];
      const T after = Combine<Operation>(before, x[at + i]);
      so_far[i] = after;
      y[at + i] = kExclusive ? before : after;
    }
  }
}

template <typename Operation, bool kExclusive, typename T>
std::unique_ptr<Step> MakeCumulative(std::string kernel, const Cumulation& c, T neutral) {
  const std::int64_t pieces = CeilDiv(c.inner, kPiece);
  return MakeItemStep(std::move(kernel), c.size == 0 ? 0 : c.outer * pieces,
                      std::min(c.inner, kPiece) * c.size * static_cast<std::int64_t>(sizeof(T)),
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const T* x = static_cast<const T*>(args.inputs[0]);
                        T* y = static_cast<T*>(args.outputs[0]);
                        if (c.inner == 1) {
                          AccumulateAllLines<Operation, kExclusive>(
                              c, x + begin * c.size, y + begin * c.size, end - begin, neutral);
                          return;
                        }
                        for (std::int64_t item = begin; item < end; ++item) {
                          const std::int64_t first = item % pieces * kPiece;
                          const std::int64_t at = item / pieces * c.size * c.inner + first;
                          AccumulatePiece<Operation, kExclusive>(
                              c, x + at, y + at, std::min(kPiece, c.inner - first), neutral);
                        }
                      });
}

template <typename Operation>
std::unique_ptr<Step> PlanCumulative(PlanContext& context, const std::string& kernel, int neutral) {
  context.AllowInPlace(0, 0);
  const Shape& shape = context.InputShape(0);
  const std::size_t axis = AxisOf(context);
  const Cumulation c{.outer = DimsProduct(shape, 0, axis),
                     .size = shape[axis],
                     .inner = DimsProduct(shape, axis + 1, shape.size()),
                     .exclusive = context.attributes().Int("exclusive", 0) != 0,
                     .reverse = context.attributes().Int("reverse", 0) != 0};
  auto step = DispatchNumeric(context.InputType(0), [&]<typename T>() {
    return c.exclusive ? MakeCumulative<Operation, true>(kernel, c, static_cast<T>(neutral))
                       : MakeCumulative<Operation, false>(kernel, c, static_cast<T>(neutral));
  });
  return WithLoops(std::move(step), context, 2 * OutputElements(context));
}

std::unique_ptr<Step> PlanCumSum(PlanContext& context) {
  return PlanCumulative<std::plus<>>(context, "reference/cum_sum", 0);
}

std::unique_ptr<Step> PlanCumProd(PlanContext& context) {
  return PlanCumulative<std::multiplies<>>(context, "reference/cum_prod", 1);
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
