// Operators that apply one function to every element.
#include "kernels/eltwise/unary.h"

#include <cstring>
#include <optional>

#include "engine/graph/contrib.h"
#include "engine/graph/fusion.h"
#include "engine/ops/batch.h"
#include "engine/ops/bfloat16.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/unary_functions.h"
#include "kernels/math/math.h"

namespace kinglet {
namespace {

using unary::Params;

struct Attribute2 {
  std::string_view op;
  const char* first;
  float first_default;
  const char* second;
  float second_default;
};

constexpr Attribute2 kAttributes[] = {
    {"Celu", "alpha", 1.0f, nullptr, 0.0f},
    {"Elu", "alpha", 1.0f, nullptr, 0.0f},
    {"Selu", "alpha", 1.67326319217681884765625f, "gamma", 1.05070102214813232421875f},
    {"Shrink", "bias", 0.0f, "lambd", 0.5f},
    {"ThresholdedRelu", "alpha", 1.0f, nullptr, 0.0f},
};

// The activation that the node computes; Swish in all the domains that have it.
std::optional<kernels::Activation> ActivationOf(const Node& node) {
  if (node.op == "Swish" || node.op == "QuickGelu") return kernels::Activation::kSwish;
  return kernels::FindActivation(node.domain, node.op);
}

Params<double> ReadParams(const NodeContext& context) {
  Params<double> params;
  const Node& node = context.node();
  if (const auto activation = ActivationOf(node)) {
    const kernels::ActivationFacts& facts = kernels::FactsOf(*activation);
    const float alpha = node.op == "QuickGelu" ? 1.702f : facts.alpha;
    return {context.attributes().Float("alpha", alpha),
            context.attributes().Float("beta", facts.beta)};
  }
  for (const Attribute2& row : kAttributes) {
    if (row.op != node.op) continue;
    params.alpha = context.attributes().Float(row.first, row.first_default);
    if (row.second != nullptr) {
      params.beta = context.attributes().Float(row.second, row.second_default);
    }
  }
  return params;
}

enum class Integers { kNone, kSigned, kAll };

template <typename F>
constexpr Integers kIntegers = Integers::kNone;
template <>
constexpr Integers kIntegers<unary::Abs> = Integers::kAll;
template <>
constexpr Integers kIntegers<unary::Sign> = Integers::kAll;
template <>
constexpr Integers kIntegers<unary::Neg> = Integers::kSigned;
template <>
constexpr Integers kIntegers<unary::Relu> = Integers::kSigned;

bool IsSigned(DataType type) {
  return type == DataType::kInt8 || type == DataType::kInt16 || type == DataType::kInt32 ||
         type == DataType::kInt64;
}
bool IsUnsigned(DataType type) {
  return type == DataType::kUInt8 || type == DataType::kUInt16 || type == DataType::kUInt32 ||
         type == DataType::kUInt64;
}

template <typename F>
void InferUnary(InferContext& context) {
  const DataType type = context.InputType(0);
  const bool integer = (kIntegers<F> != Integers::kNone && IsSigned(type)) ||
                       (kIntegers<F> == Integers::kAll && IsUnsigned(type));
  if (!integer) RequireFloat(context, 0);
  context.SetOutput(0, type, context.InputShape(0));
}

struct FastUnary {
  std::string_view op;
  kernels::UnaryOp kernel;
};

// The operators that have a vector kernel for float32, beside the activations.
constexpr FastUnary kFast[] = {
    {"Abs", kernels::UnaryOp::kAbs},
    {"Ceil", kernels::UnaryOp::kCeil},
    {"Elu", kernels::UnaryOp::kElu},
    {"Erf", kernels::UnaryOp::kErf},
    {"Exp", kernels::UnaryOp::kExp},
    {"Floor", kernels::UnaryOp::kFloor},
    {"Log", kernels::UnaryOp::kLog},
    {"Mish", kernels::UnaryOp::kMish},
    {"Neg", kernels::UnaryOp::kNeg},
    {"Reciprocal", kernels::UnaryOp::kReciprocal},
    {"Round", kernels::UnaryOp::kRound},
    {"Selu", kernels::UnaryOp::kSelu},
    {"Sign", kernels::UnaryOp::kSign},
    {"Softplus", kernels::UnaryOp::kSoftplus},
    {"Softsign", kernels::UnaryOp::kSoftsign},
    {"Sqrt", kernels::UnaryOp::kSqrt},
    {"ThresholdedRelu", kernels::UnaryOp::kThresholdedRelu},
};

struct MathFunction {
  std::string_view op;
  kernels::MathFn kernels::MathTable::*function;
};

// Those whose function no other operator has.
constexpr MathFunction kMath[] = {
    {"Acos", &kernels::MathTable::acos},   {"Acosh", &kernels::MathTable::acosh},
    {"Asin", &kernels::MathTable::asin},   {"Asinh", &kernels::MathTable::asinh},
    {"Celu", &kernels::MathTable::celu},   {"Atan", &kernels::MathTable::atan},
    {"Atanh", &kernels::MathTable::atanh}, {"Cos", &kernels::MathTable::cos},
    {"Cosh", &kernels::MathTable::cosh},   {"Sin", &kernels::MathTable::sin},
    {"Sinh", &kernels::MathTable::sinh},   {"Tan", &kernels::MathTable::tan},
};

// y[i] = f(x[i]) in scalar code, in the form of a kernel.
template <typename F>
void Reference(const float* x, float* y, std::size_t count, float alpha, float beta) noexcept {
  const Params<float> params{alpha, beta};
  for (std::size_t i = 0; i < count; ++i) y[i] = F::template Of<float>(x[i], params);
}

struct Cost {
  std::string_view op;
  double operations;  // of plain loops, for an element
};

// The functions that take longer than their traffic.
constexpr Cost kCosts[] = {
    {"Acos", 2},    {"Acosh", 3.5}, {"Asin", 1},       {"Asinh", 4.5},     {"Atan", 1.3},
    {"Atanh", 3.5}, {"Celu", 2.5},  {"Cos", 2.6},      {"Cosh", 2},        {"Elu", 2},
    {"Erf", 1},     {"Exp", 0.9},   {"FastGelu", 1.2}, {"QuickGelu", 1.1}, {"Gelu", 1.2},
    {"Log", 1.7},   {"Mish", 1.8},  {"Selu", 2},       {"Shrink", 2},      {"Sigmoid", 1},
    {"Sin", 2.6},   {"Sinh", 2},    {"Softplus", 5},   {"Swish", 1.1},     {"Tan", 3.2},
    {"Tanh", 1},
};

double OperationsOf(std::string_view op) {
  for (const Cost& cost : kCosts) {
    if (cost.op == op) return cost.operations;
  }
  return 0;
}

template <typename F>
kernels::UnaryFn FunctionOf(const NodeContext& context) {
  if constexpr (std::is_same_v<F, unary::Gelu>) return kernels::GetUnary(kernels::UnaryOp::kGelu);
  if constexpr (std::is_same_v<F, unary::GeluTanh>) {
    return kernels::GetUnary(kernels::UnaryOp::kGeluTanh);
  }
  const Node& node = context.node();
  if (const auto activation = ActivationOf(node)) {
    return kernels::GetUnary(kernels::UnaryOf(*activation));
  }
  for (const FastUnary& fast : kFast) {
    if (fast.op == node.op) return kernels::GetUnary(fast.kernel);
  }
  for (const MathFunction& math : kMath) {
    if (math.op == node.op) return kernels::GetMathTable().*math.function;
  }
  return Reference<F>;
}

std::unique_ptr<Step> PlanBlocked(PlanContext& context, const Params<float>& params,
                                  kernels::UnaryFn function) {
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  const BlockedPlanes planes(context.OutputShape(0));
  const PlaneUnits units = planes.Units();
  float at_zero = 0.0f;
  function(&at_zero, &at_zero, 1, params.alpha, params.beta);
  const bool keeps_zero = at_zero == 0.0f;
  return MakeStep(
      ElementwiseId(context, DataType::kFloat32), units.count(),
      [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
        const auto* x = static_cast<const float*>(a.inputs[0]);
        auto* y = static_cast<float*>(a.outputs[0]);
        units.For(begin, end, [&](std::int64_t plane, std::int64_t first, std::int64_t length) {
          const std::int64_t at = plane * planes.elements + first;
          function(x + at, y + at, static_cast<std::size_t>(length), params.alpha, params.beta);
          const std::int64_t valid = planes.ValidLanes(plane);
          if (!keeps_zero && valid < kernels::kBlock) ZeroPadLanes(y + at, length, valid);
        });
      });
}

std::unique_ptr<Step> PlanFloat32(PlanContext& context, const Params<float>& params,
                                  kernels::UnaryFn function) {
  const ElementUnits units(context.OutputShape(0));
  return MakeStep(ElementwiseId(context, DataType::kFloat32), units.count(),
                  [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                    const std::int64_t first = units.Start(begin);
                    function(static_cast<const float*>(a.inputs[0]) + first,
                             static_cast<float*>(a.outputs[0]) + first,
                             static_cast<std::size_t>(units.Start(end) - first), params.alpha,
                             params.beta);
                  });
}

template <typename F, typename T>
std::unique_ptr<Step> PlanReference(PlanContext& context, const Params<T>& params) {
  const ElementUnits units(context.OutputShape(0));
  return MakeStep(ElementwiseId(context, DataTypeOf<T>::value), units.count(),
                  [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                    const auto* x = static_cast<const T*>(a.inputs[0]);
                    auto* y = static_cast<T*>(a.outputs[0]);
                    const std::int64_t last = units.Start(end);
                    for (std::int64_t i = units.Start(begin); i < last; ++i) {
                      y[i] = F::template Of<T>(x[i], params);
                    }
                  });
}

template <typename F>
std::unique_ptr<Step> PlanUnary(PlanContext& context) {
  const Params<double> wide = ReadParams(context);
  const Params<float> narrow{static_cast<float>(wide.alpha), static_cast<float>(wide.beta)};
  const DataType type = context.InputType(0);
  context.AllowInPlace(0, 0);
  if (const auto activation = ActivationOf(context.node())) {
    if (auto step = PlanBFloat16Unary(context, {*activation, narrow.alpha, narrow.beta})) {
      return step;
    }
  }
  if (type == DataType::kFloat32) {
    const kernels::UnaryFn function = FunctionOf<F>(context);
    auto step = UsesBlocked(context, 0) ? PlanBlocked(context, narrow, function)
                                        : PlanFloat32(context, narrow, function);
    return WithLoops(std::move(step), context,
                     OperationsOf(context.node().op) * OutputElements(context));
  }
  if (type == DataType::kFloat64) return PlanReference<F, double>(context, wide);
  if constexpr (kIntegers<F> != Integers::kNone) {
    return DispatchInteger(type, [&]<typename T>() -> std::unique_ptr<Step> {
      if constexpr (std::is_signed_v<T> || kIntegers<F> == Integers::kAll) {
        return PlanReference<F, T>(context, Params<T>{});
      } else {
        ThrowElementType(type);
      }
    });
  }
  ThrowElementType(type);
}

std::unique_ptr<Step> PlanGelu(PlanContext& context) {
  return context.attributes().String("approximate", "none") == "tanh"
             ? PlanUnary<unary::GeluTanh>(context)
             : PlanUnary<unary::Gelu>(context);
}

void InferGelu(InferContext& context) {
  const std::string mode = context.attributes().String("approximate", "none");
  if (mode != "none" && mode != "tanh") {
    context.Invalid("approximate '" + mode + "', expected none or tanh");
  }
  InferUnary<unary::Gelu>(context);
}

template <typename F>
constexpr std::string_view Types() {
  if (kIntegers<F> == Integers::kAll) return "float32, float64, integers";
  if (kIntegers<F> == Integers::kSigned) return "float32, float64, signed integers";
  return "float32, float64";
}

}  // namespace

#define KINGLET_UNARY_OP(Name, since_opset, names)          \
  const OpDef& Op##Name() {                                 \
    static const OpDef op{.name = #Name,                    \
                          .since = since_opset,             \
                          .attributes = names,              \
                          .types = Types<unary::Name>(),    \
                          .infer = InferUnary<unary::Name>, \
                          .plan = PlanUnary<unary::Name>,   \
                          .batch_wise = EachImage};         \
    return op;                                              \
  }

KINGLET_UNARY_OP(Abs, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Acos, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Acosh, 9, "")
KINGLET_UNARY_OP(Asin, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Asinh, 9, "")
KINGLET_UNARY_OP(Atan, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Atanh, 9, "")
KINGLET_UNARY_OP(Ceil, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Celu, 12, "alpha")
KINGLET_UNARY_OP(Cos, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Cosh, 9, "")
KINGLET_UNARY_OP(Elu, kFirstSettledOpset, "alpha")
KINGLET_UNARY_OP(Erf, 9, "")
KINGLET_UNARY_OP(Exp, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Floor, kFirstSettledOpset, "")
KINGLET_UNARY_OP(HardSigmoid, kFirstSettledOpset, "alpha beta")
KINGLET_UNARY_OP(HardSwish, 14, "")
KINGLET_UNARY_OP(LeakyRelu, kFirstSettledOpset, "alpha")
KINGLET_UNARY_OP(Log, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Mish, 18, "")
KINGLET_UNARY_OP(Neg, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Reciprocal, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Relu, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Round, 11, "")
KINGLET_UNARY_OP(Selu, kFirstSettledOpset, "alpha gamma")
KINGLET_UNARY_OP(Shrink, 9, "bias lambd")
KINGLET_UNARY_OP(Sigmoid, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Sign, 9, "")
KINGLET_UNARY_OP(Sin, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Sinh, 9, "")
KINGLET_UNARY_OP(Softplus, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Softsign, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Sqrt, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Tan, kFirstSettledOpset, "")
KINGLET_UNARY_OP(Tanh, kFirstSettledOpset, "")
KINGLET_UNARY_OP(ThresholdedRelu, kFirstSettledOpset, "alpha")  // experimental before 10

#undef KINGLET_UNARY_OP

const OpDef& OpGelu() {
  static const OpDef op{.name = "Gelu",
                        .since = 20,
                        .attributes = "approximate",
                        .types = "float32, float64",
                        .infer = InferGelu,
                        .plan = PlanGelu,
                        .batch_wise = EachImage};
  return op;
}

// What passes make of ONNX's HardSwish written out, also where it has none yet.
const OpDef& OpRecognisedHardSwish() {
  static const OpDef op{.name = "HardSwish",
                        .domain = kKingletDomain,
                        .since = kKingletOpset,
                        .until = kKingletOpset,
                        .types = Types<unary::HardSwish>(),
                        .infer = InferUnary<unary::HardSwish>,
                        .plan = PlanUnary<unary::HardSwish>,
                        .batch_wise = EachImage};
  return op;
}

const OpDef& OpOnnxSwish() {
  static const OpDef op{.name = "Swish",
                        .since = 24,
                        .attributes = "alpha",
                        .types = "float32, float64",
                        .infer = InferUnary<unary::Swish>,
                        .plan = PlanUnary<unary::Swish>,
                        .batch_wise = EachImage};
  return op;
}

// What passes make of x * Sigmoid(x).
const OpDef& OpSwish() {
  static const OpDef op{.name = "Swish",
                        .domain = kKingletDomain,
                        .since = kKingletOpset,
                        .until = kKingletOpset,
                        .types = "float32, float64",
                        .infer = InferUnary<unary::Swish>,
                        .plan = PlanUnary<unary::Swish>,
                        .batch_wise = EachImage};
  return op;
}

// ONNX Runtime's: Gelu, with tanh (a bias was taken off before), and x * Sigmoid(alpha * x).
#define KINGLET_CONTRIB_OP(Function, op_name, names, F, inputs) \
  const OpDef& Op##Function() {                                 \
    static const OpDef op{.name = op_name,                      \
                          .domain = kContribDomain,             \
                          .since = kContribOpset,               \
                          .until = kContribOpset,               \
                          .max_inputs = inputs,                 \
                          .attributes = names,                  \
                          .types = "float32, float64",          \
                          .infer = InferUnary<unary::F>,        \
                          .plan = PlanUnary<unary::F>,          \
                          .batch_wise = EachImage};             \
    return op;                                                  \
  }
KINGLET_CONTRIB_OP(ContribGelu, "Gelu", "", Gelu, 1)
KINGLET_CONTRIB_OP(ContribFastGelu, "FastGelu", "", GeluTanh, 2)
KINGLET_CONTRIB_OP(ContribQuickGelu, "QuickGelu", "alpha", Swish, 1)
#undef KINGLET_CONTRIB_OP

}  // namespace kinglet
