// Min, Max, Sum and Mean of one or more operands that broadcast.
#include <cstddef>
#include <cstring>

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

struct QuotientOp {  // what a mean does to the sum
  static constexpr auto kKernel = kernels::BinaryOp::kDiv;
  template <typename T>
  static T Of(T a, T b) {
    return a / b;
  }
};

// y[i] = x[i * stride], where the stride is 0 or 1.
template <typename T>
void CopyRun(const void* x, std::int64_t stride, void* y, std::int64_t n) {
  const auto* from = static_cast<const T*>(x);
  auto* to = static_cast<T*>(y);
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i * stride];
}

// An operator and what it does at first and at last, for operands of one type.
struct VariadicLoops {
  BinaryLoops binary;
  void (*copy)(const void* x, std::int64_t stride, void* y, std::int64_t n);
  BinaryLoops division = {};  // of a mean
  alignas(double) std::byte divisor[sizeof(double)] = {};

  void Divide(void* y, std::int64_t count) const {
    if (division.run != nullptr) RunBinary(division, y, 1, divisor, 0, y, count);
  }
};

template <typename Op>
VariadicLoops VariadicLoopsOf(DataType type, std::int64_t divisor) {
  return DispatchNumeric(type, [&]<typename T>() {
    VariadicLoops loops{.binary = LoopsOf<Op, T>(), .copy = CopyRun<T>};
    if constexpr (std::is_floating_point_v<T>) {
      if (divisor != 1) loops.division = LoopsOf<QuotientOp, T>();
      const T number = static_cast<T>(divisor);
      std::memcpy(loops.divisor, &number, sizeof(T));
    }
    return loops;
  });
}

// y = x0, then y = Op(y, xi) for each further operand, a unit of the output at a time.
std::unique_ptr<Step> PlanPlain(PlanContext& context, const VariadicLoops& loops) {
  const Shape& shape = context.OutputShape(0);
  if (context.InputShape(0) == shape) context.AllowInPlace(0, 0);
  std::vector<Broadcast<1>> operands;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    operands.push_back(MakeBroadcast<1>(shape, {&context.InputShape(i)}));
  }
  const ElementUnits units(shape);
  const std::int64_t bytes = loops.binary.operand_bytes;
  // The first two at once, where both are as large as the output.
  const bool pair =
      operands.size() > 1 && context.InputShape(0) == shape && context.InputShape(1) == shape;
  return MakeStep(ElementwiseId(context, context.InputType(0)), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const auto in = [&](std::size_t k, std::int64_t at) {
                      return static_cast<const std::byte*>(args.inputs[k]) + at * bytes;
                    };
                    const auto out = [&](std::int64_t at) {
                      return static_cast<std::byte*>(args.outputs[0]) + at * bytes;
                    };
                    for (std::int64_t unit = begin; unit < end; ++unit) {
                      const std::int64_t first = units.Start(unit);
                      const std::int64_t last = units.Start(unit + 1);
                      if (pair) {
                        RunBinary(loops.binary, in(0, first), 1, in(1, first), 1, out(first),
                                  last - first);
                      }
                      for (std::size_t k = pair ? 2 : 0; k < operands.size(); ++k) {
                        const std::int64_t stride = operands[k].InnerStride(0);
                        operands[k].ForRuns(
                            first, last, [&](const auto& offsets, std::int64_t at, std::int64_t n) {
                              const std::byte* from = in(k, offsets[0]);
                              if (k > 0) {
                                RunBinary(loops.binary, out(at), 1, from, stride, out(at), n);
                              } else {
                                loops.copy(from, stride, out(at), n);
                              }
                            });
                      }
                      loops.Divide(out(first), last - first);
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
std::unique_ptr<Step> PlanBlocked(PlanContext& context, const VariadicLoops& loops) {
  const std::size_t count = context.input_count();
  for (std::size_t i = 0; i < count; ++i) context.ReadAs(i, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  context.AllowInPlace(0, 0);
  const BlockedPlanes planes(context.OutputShape(0));
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
                        RunBinary(loops.binary, y + first, 1, from, 1, y + first, n);
                      }
                      loops.Divide(y + first, n);
                    }
                  });
}

template <typename Op>
std::unique_ptr<Step> PlanVariadic(PlanContext& context) {
  const bool mean = context.node().op == "Mean";
  const std::int64_t divisor = mean ? static_cast<std::int64_t>(context.input_count()) : 1;
  if (context.input_count() == 2 && divisor == 1) return PlanArithmetic<Op>(context);
  const VariadicLoops loops = VariadicLoopsOf<Op>(context.InputType(0), divisor);
  return AllBlocked(context) ? PlanBlocked(context, loops) : PlanPlain(context, loops);
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
