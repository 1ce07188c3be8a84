// Min, Max, Sum and Mean of one or more operands that broadcast.
#include "engine/ops/batch.h"
#include "engine/ops/binary.h"

namespace kinglet {
namespace {

struct MinOp {  // NaN in either gives NaN
  static constexpr auto kKernel = kernels::BinaryOp::kMin;
  template <typename T>
  static T Of(T a, T b) {
    return b < a || b != b ? b : a;
  }
};
struct MaxOp {
  static constexpr auto kKernel = kernels::BinaryOp::kMax;
  template <typename T>
  static T Of(T a, T b) {
    return b > a || b != b ? b : a;
  }
};
struct SumOp {
  static constexpr auto kKernel = kernels::BinaryOp::kAdd;
  template <typename T>
  static T Of(T a, T b) {
    return static_cast<T>(a + b);
  }
};

void InferVariadic(InferContext& context) {
  const bool sums = context.node().op == "Sum" || context.node().op == "Mean";
  if (sums) {
    RequireFloat(context, 0);
  } else {
    DispatchNumeric(context.InputType(0), []<typename T>() {});
  }
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    if (!context.HasInput(i)) context.Invalid("input " + std::to_string(i) + " is absent");
  }
  RequireEqualTypes(context, context.input_count());
  context.SetOutput(0, context.InputType(0), BroadcastShape(context, 0, context.input_count()));
}

template <typename T>
void Divide(T* y, std::int64_t count, std::int64_t divisor) {
  if constexpr (std::is_floating_point_v<T>) {
    if (divisor == 1) return;
    for (std::int64_t i = 0; i < count; ++i) y[i] /= static_cast<T>(divisor);
  }
}

// y = x0, then y = Op(y, xi) for each further operand, a unit of the output at a time.
template <typename Op, typename T>
std::unique_ptr<Step> PlanPlain(PlanContext& context, std::int64_t divisor) {
  const Shape& shape = context.OutputShape(0);
  if (context.InputShape(0) == shape) context.AllowInPlace(0, 0);
  std::vector<Broadcast<1>> operands;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    operands.push_back(MakeBroadcast<1>(shape, {&context.InputShape(i)}));
  }
  const kernels::BinaryFns* fns = KernelOf<Op>();
  const ElementUnits units(shape);
  // The first two at once, where both are as large as the output.
  const bool pair =
      operands.size() > 1 && context.InputShape(0) == shape && context.InputShape(1) == shape;
  return MakeStep(ElementwiseId(context, DataTypeOf<T>::value), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    auto* y = static_cast<T*>(args.outputs[0]);
                    for (std::int64_t unit = begin; unit < end; ++unit) {
                      const std::int64_t first = units.Start(unit);
                      const std::int64_t last = units.Start(unit + 1);
                      if (pair) {
                        BinaryRun<Op, T, T>(fns, static_cast<const T*>(args.inputs[0]) + first, 1,
                                            static_cast<const T*>(args.inputs[1]) + first, 1,
                                            y + first, last - first);
                      }
                      for (std::size_t k = pair ? 2 : 0; k < operands.size(); ++k) {
                        const auto* x = static_cast<const T*>(args.inputs[k]);
                        const std::int64_t stride = operands[k].InnerStride(0);
                        operands[k].ForRuns(
                            first, last, [&](const auto& offsets, std::int64_t at, std::int64_t n) {
                              const T* from = x + offsets[0];
                              if (k > 0) {
                                BinaryRun<Op, T, T>(fns, y + at, 1, from, stride, y + at, n);
                              } else {
                                for (std::int64_t i = 0; i < n; ++i) y[at + i] = from[i * stride];
                              }
                            });
                      }
                      Divide(y + first, last - first, divisor);
                    }
                  });
}

bool AllBlocked(const PlanContext& context) {
  bool any = false;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    if (context.InputShape(i) != context.OutputShape(0)) return false;
    any |= UsesBlocked(context, i);
  }
  return any;
}

// Equal shapes: blocked tensors are flat arrays, and pad lanes stay zero.
template <typename Op>
std::unique_ptr<Step> PlanBlocked(PlanContext& context, std::int64_t divisor) {
  const std::size_t count = context.input_count();
  for (std::size_t i = 0; i < count; ++i) context.ReadAs(i, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  context.AllowInPlace(0, 0);
  const BlockedPlanes planes(context.OutputShape(0));
  const kernels::BinaryFns* fns = KernelOf<Op>();
  const ElementUnits units(planes.count * planes.elements, context.OutputShape(0)[0]);
  return MakeStep(ElementwiseId(context, DataType::kFloat32), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    auto* y = static_cast<float*>(args.outputs[0]);
                    const auto* x = static_cast<const float*>(args.inputs[0]);
                    for (std::int64_t unit = begin; unit < end; ++unit) {
                      const std::int64_t first = units.Start(unit);
                      const std::int64_t n = units.Start(unit + 1) - first;
                      if (x != y) std::copy_n(x + first, n, y + first);
                      for (std::size_t k = 1; k < count; ++k) {
                        const auto* from = static_cast<const float*>(args.inputs[k]) + first;
                        BinaryRun<Op, float, float>(fns, y + first, 1, from, 1, y + first, n);
                      }
                      Divide(y + first, n, divisor);
                    }
                  });
}

template <typename Op>
std::unique_ptr<Step> PlanVariadic(PlanContext& context) {
  const bool mean = context.node().op == "Mean";
  const std::int64_t divisor = mean ? static_cast<std::int64_t>(context.input_count()) : 1;
  if (context.input_count() == 2 && divisor == 1) return PlanArithmetic<Op>(context);
  if (AllBlocked(context)) return PlanBlocked<Op>(context, divisor);
  return DispatchNumeric(context.InputType(0),
                         [&]<typename T>() { return PlanPlain<Op, T>(context, divisor); });
}

}  // namespace

#define KINGLET_VARIADIC_OP(Name, Function, type_names)   \
  const OpDef& Op##Name() {                               \
    static const OpDef op{.name = #Name,                  \
                          .max_inputs = kAnyCount,        \
                          .types = type_names,            \
                          .infer = InferVariadic,         \
                          .plan = PlanVariadic<Function>, \
                          .batch_wise = BroadcastImages}; \
    return op;                                            \
  }
KINGLET_VARIADIC_OP(Max, MaxOp, "float32, float64, integers")
KINGLET_VARIADIC_OP(Mean, SumOp, "float32, float64")
KINGLET_VARIADIC_OP(Min, MinOp, "float32, float64, integers")
KINGLET_VARIADIC_OP(Sum, SumOp, "float32, float64")
#undef KINGLET_VARIADIC_OP

}  // namespace kinglet
