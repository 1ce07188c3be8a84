// Comparisons and logic: operators whose output is bool, and BitwiseNot.
#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/ops/batch.h"
#include "engine/ops/binary.h"
#include "kernels/common/independent.h"

namespace kinglet {
namespace {

#define KINGLET_COMPARE(Name, expression) \
  struct Name {                           \
    template <typename T>                 \
    static bool Of(T a, T b) {            \
      return expression;                  \
    }                                     \
  };
KINGLET_COMPARE(GreaterOp, a > b)
KINGLET_COMPARE(GreaterOrEqualOp, a >= b)
KINGLET_COMPARE(LessOp, a < b)
KINGLET_COMPARE(LessOrEqualOp, a <= b)
KINGLET_COMPARE(AndOp, a&& b)
KINGLET_COMPARE(OrOp, a || b)
KINGLET_COMPARE(XorOp, a != b)
#undef KINGLET_COMPARE

struct EqualOp {
  static constexpr auto kIntegers = kernels::IntegerOp::kEqual;
  template <typename T>
  static bool Of(T a, T b) {
    return a == b;
  }
};

void InferEqual(InferContext& context) {
  DispatchType(context.InputType(0), []<typename T>() {});
  InferBinary(context, DataType::kBool);
}

void InferCompare(InferContext& context) {
  DispatchNumeric(context.InputType(0), []<typename T>() {});
  InferBinary(context, DataType::kBool);
}

void InferLogic(InferContext& context) {
  RequireType(context, 0, DataType::kBool);
  InferBinary(context, DataType::kBool);
}

template <typename Op>
std::unique_ptr<Step> PlanCompare(PlanContext& context) {
  const BinaryLoops loops =
      DispatchType(context.InputType(0), []<typename T>() { return LoopsOf<Op, T, bool>(); });
  return PlanBinaryPlain(context, loops);
}

template <typename Op>
std::unique_ptr<Step> PlanLogic(PlanContext& context) {
  AllowInPlaceOfEqual(context, 2);
  return PlanBinaryPlain(context, LoopsOf<Op, bool>());
}

void InferNot(InferContext& context) {
  RequireType(context, 0, DataType::kBool);
  context.SetOutput(0, DataType::kBool, context.InputShape(0));
}

void InferBitwiseNot(InferContext& context) {
  DispatchInteger(context.InputType(0), []<typename T>() {});
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

// y[i] = f(x[i]), i < n.
using MapFn = void (*)(const void* x, void* y, std::int64_t n);

std::unique_ptr<Step> PlanMap(PlanContext& context, MapFn map) {
  context.AllowInPlace(0, 0);
  const ElementUnits units(context.OutputShape(0));
  const auto bytes = static_cast<std::int64_t>(DataTypeSize(context.InputType(0)));
  return MakeStep(ElementwiseId(context, context.InputType(0)), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const std::int64_t first = units.Start(begin);
                    map(static_cast<const std::byte*>(args.inputs[0]) + first * bytes,
                        static_cast<std::byte*>(args.outputs[0]) + first * bytes,
                        units.Start(end) - first);
                  });
}

void NotRun(const void* x, void* y, std::int64_t n) {
  const auto* from = static_cast<const std::uint8_t*>(x);  // 0 or 1
  auto* to = static_cast<std::uint8_t*>(y);
  KINGLET_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i] ^ std::uint8_t{1};
}

template <typename T>
void BitwiseNotRun(const void* x, void* y, std::int64_t n) {
  const auto* from = static_cast<const T*>(x);
  auto* to = static_cast<T*>(y);
  KINGLET_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(~from[i]);
}

std::unique_ptr<Step> PlanNot(PlanContext& context) { return PlanMap(context, NotRun); }

std::unique_ptr<Step> PlanBitwiseNot(PlanContext& context) {
  return PlanMap(context, DispatchInteger(context.InputType(0),
                                          []<typename T>() -> MapFn { return BitwiseNotRun<T>; }));
}

void InferFloatTest(InferContext& context) {
  RequireFloat(context, 0);
  context.SetOutput(0, DataType::kBool, context.InputShape(0));
}

template <typename F>
std::unique_ptr<Step> PlanFloatTest(PlanContext& context, F test) {
  const ElementUnits units(context.OutputShape(0));
  return DispatchFloat(context.InputType(0), [&]<typename T>() {
    return MakeStep(ElementwiseId(context, DataTypeOf<T>::value), units.count(),
                    [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                      const auto* x = static_cast<const T*>(args.inputs[0]);
                      auto* y = static_cast<std::uint8_t*>(args.outputs[0]);
                      const std::int64_t last = units.Start(end);
                      KINGLET_INDEPENDENT
                      for (std::int64_t i = units.Start(begin); i < last; ++i) {
                        y[i] = test(x[i]) ? 1 : 0;
                      }
                    });
  });
}

std::unique_ptr<Step> PlanIsNaN(PlanContext& context) {
  return PlanFloatTest(context, [](auto x) { return x != x; });
}

template <typename T>
constexpr T InfinityLike(T) {
  return std::numeric_limits<T>::infinity();
}

std::unique_ptr<Step> PlanIsInf(PlanContext& context) {
  const bool positive = context.attributes().Int("detect_positive", 1) != 0;
  const bool negative = context.attributes().Int("detect_negative", 1) != 0;
  if (positive && negative) {
    return PlanFloatTest(context, [](auto x) { return std::abs(x) == InfinityLike(x); });
  }
  if (positive) return PlanFloatTest(context, [](auto x) { return x == InfinityLike(x); });
  if (negative) return PlanFloatTest(context, [](auto x) { return x == -InfinityLike(x); });
  return PlanFloatTest(context, [](auto) { return false; });
}

}  // namespace

#define KINGLET_COMPARE_OP(Name, since_opset, count, names, type_names, infer_function, \
                           plan_function)                                               \
  const OpDef& Op##Name() {                                                             \
    static const OpDef op{.name = #Name,                                                \
                          .since = since_opset,                                         \
                          .min_inputs = count,                                          \
                          .max_inputs = count,                                          \
                          .attributes = names,                                          \
                          .types = type_names,                                          \
                          .infer = infer_function,                                      \
                          .plan = plan_function,                                        \
                          .batch_wise = BroadcastImages};                               \
    return op;                                                                          \
  }

#define KINGLET_NUMBERS "float32, float64, integers"
KINGLET_COMPARE_OP(Equal, kFirstSettledOpset, 2, "", KINGLET_NUMBERS ", bool", InferEqual,
                   PlanCompare<EqualOp>)
KINGLET_COMPARE_OP(Greater, kFirstSettledOpset, 2, "", KINGLET_NUMBERS, InferCompare,
                   PlanCompare<GreaterOp>)
KINGLET_COMPARE_OP(GreaterOrEqual, 12, 2, "", KINGLET_NUMBERS, InferCompare,
                   PlanCompare<GreaterOrEqualOp>)
KINGLET_COMPARE_OP(Less, kFirstSettledOpset, 2, "", KINGLET_NUMBERS, InferCompare,
                   PlanCompare<LessOp>)
KINGLET_COMPARE_OP(LessOrEqual, 12, 2, "", KINGLET_NUMBERS, InferCompare,
                   PlanCompare<LessOrEqualOp>)
KINGLET_COMPARE_OP(And, kFirstSettledOpset, 2, "", "bool", InferLogic, PlanLogic<AndOp>)
KINGLET_COMPARE_OP(Or, kFirstSettledOpset, 2, "", "bool", InferLogic, PlanLogic<OrOp>)
KINGLET_COMPARE_OP(Xor, kFirstSettledOpset, 2, "", "bool", InferLogic, PlanLogic<XorOp>)
KINGLET_COMPARE_OP(Not, kFirstSettledOpset, 1, "", "bool", InferNot, PlanNot)
KINGLET_COMPARE_OP(BitwiseNot, 18, 1, "", "integers", InferBitwiseNot, PlanBitwiseNot)
KINGLET_COMPARE_OP(IsNaN, 9, 1, "", "float32, float64", InferFloatTest, PlanIsNaN)
KINGLET_COMPARE_OP(IsInf, 10, 1, "detect_positive detect_negative", "float32, float64",
                   InferFloatTest, PlanIsInf)
#undef KINGLET_NUMBERS
#undef KINGLET_COMPARE_OP

}  // namespace kinglet
