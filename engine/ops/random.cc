// RandomNormal, RandomUniform, the same like a tensor, Bernoulli and Multinomial. The numbers
// follow from the attribute `seed`, and where there is none, from the node's name: every run draws
// the same.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "engine/ops/dispatch.h"
#include "engine/ops/element_types.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/random_numbers.h"
#include "engine/ops/views.h"
#include "kernels/common/half.h"

namespace kinglet {
namespace {

// Seeds are floats that are cut; what is no number or out of range is taken modulo 2^32.
std::uint32_t SeedOf(const NodeContext& context) {
  if (context.attributes().Has("seed")) {
    const auto seed = static_cast<double>(context.attributes().Float("seed", 0));
    if (!std::isfinite(seed)) context.Invalid("seed is not finite");
    const double rest = std::fmod(std::trunc(seed), 0x1p32);
    return static_cast<std::uint32_t>(static_cast<std::int64_t>(rest));
  }
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : context.node().name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  }
  return hash;
}

void CheckDtype(const Node& node, std::vector<std::string>& unsupported) {
  CheckElementTypeAttribute(node, "dtype", unsupported);
}

bool IsNormal(const NodeContext& context) {
  return std::string_view(context.node().op).substr(0, 12) == "RandomNormal";
}

void SetRandomOutput(InferContext& context, DataType type, const Shape& shape) {
  if (type != DataType::kFloat32 && type != DataType::kFloat64 && type != DataType::kFloat16 &&
      type != DataType::kBFloat16) {
    context.Invalid(std::string("random numbers of type ") + DataTypeName(type) +
                    ", expected a floating-point type");
  }
  SeedOf(context);
  context.SetOutput(0, type, shape);
}

void InferRandom(InferContext& context) {
  if (!context.attributes().Has("shape")) context.Invalid("attribute 'shape' is absent");
  SetRandomOutput(context, ElementTypeAttribute(context, "dtype", DataType::kFloat32),
                  context.attributes().Ints("shape"));
}

void InferRandomLike(InferContext& context) {
  const DataType like = context.InputType(0);
  SetRandomOutput(context, ElementTypeAttribute(context, "dtype", like), context.InputShape(0));
}

void Put(float value, float& to) { to = value; }
void Put(double value, double& to) { to = value; }
void Put(float value, kernels::Float16& to) { to = kernels::ToFloat16(value); }
void Put(float value, kernels::BFloat16& to) { to = kernels::ToBFloat16(value); }

// Each number follows from the one before, so that one unit draws them all.
template <typename T, typename E>
std::unique_ptr<Step> MakeRandom(const PlanContext& context) {
  const bool normal = IsNormal(context);
  const auto first = static_cast<T>(context.attributes().Float(normal ? "mean" : "low", 0.0f));
  const T second = normal ? static_cast<T>(context.attributes().Float("scale", 1.0f))
                          : static_cast<T>(context.attributes().Float("high", 1.0f)) - first;
  const std::int64_t count = ElementCount(context.OutputShape(0));
  const std::uint32_t seed = SeedOf(context);
  return MakeStep("reference/random", count == 0 ? 0 : 1,
                  [=](const StepArgs& args, std::int64_t, std::int64_t) {
                    RandomNumbers numbers(seed);
                    E* y = static_cast<E*>(args.outputs[0]);
                    for (std::int64_t i = 0; i < count; ++i) {
                      const T value = normal ? numbers.Normal<T>() : numbers.Uniform<T>();
                      Put(value * second + first, y[i]);
                    }
                  });
}

std::unique_ptr<Step> PlanRandom(PlanContext& context) {
  for (std::size_t i = 0; i < context.input_count(); ++i) context.DoNotRead(i);
  switch (context.OutputType(0)) {
    case DataType::kFloat64:
      return MakeRandom<double, double>(context);
    case DataType::kFloat16:
      return MakeRandom<float, kernels::Float16>(context);
    case DataType::kBFloat16:
      return MakeRandom<float, kernels::BFloat16>(context);
    default:
      return MakeRandom<float, float>(context);
  }
}

void InferBernoulli(InferContext& context) {
  RequireFloat(context, 0);
  const DataType type = ElementTypeAttribute(context, "dtype", context.InputType(0));
  DispatchType(type, []<typename T>() {});
  SeedOf(context);
  context.SetOutput(0, type, context.InputShape(0));
}

// One where a uniform number is below the probability.
std::unique_ptr<Step> PlanBernoulli(PlanContext& context) {
  const std::int64_t count = ElementCount(context.OutputShape(0));
  const std::uint32_t seed = SeedOf(context);
  return DispatchFloat(context.InputType(0), [&]<typename P>() {
    return DispatchType(context.OutputType(0), [&]<typename T>() {
      return MakeStep("reference/bernoulli", count == 0 ? 0 : 1,
                      [=](const StepArgs& args, std::int64_t, std::int64_t) {
                        RandomNumbers numbers(seed);
                        const P* p = static_cast<const P*>(args.inputs[0]);
                        T* y = static_cast<T*>(args.outputs[0]);
                        for (std::int64_t i = 0; i < count; ++i) {
                          y[i] = static_cast<T>(numbers.Uniform<P>() < p[i]);
                        }
                      });
    });
  });
}

void InferMultinomial(InferContext& context) {
  RequireFloat(context, 0);
  const Shape& shape = context.InputShape(0);
  const std::int64_t samples = context.attributes().Int("sample_size", 1);
  if (shape.size() != 2 || samples < 1) {
    context.Invalid("expected input 0 {batch, classes} and sample_size 1 or more, found " +
                    ShapeToString(shape) + " and " + std::to_string(samples));
  }
  if (shape[1] == 0 && shape[0] > 0) context.Invalid("there are no classes to draw from");
  const DataType type = ElementTypeAttribute(context, "dtype", DataType::kInt32);
  if (type != DataType::kInt32 && type != DataType::kInt64) {
    context.Invalid(std::string("dtype is ") + DataTypeName(type) + ", expected int32 or int64");
  }
  SeedOf(context);
  context.SetOutput(0, type, {shape[0], samples});
}

// Sums of the classes' probabilities, up to a factor, which are given as logarithms.
template <typename P>
void CumulatedProbabilities(const P* x, std::int64_t classes, double* sums) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t c = 0; c < classes; ++c) {
    if (std::isfinite(x[c])) largest = std::max(largest, static_cast<double>(x[c]));
  }
  double total = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    if (std::isfinite(x[c])) total += std::exp(static_cast<double>(x[c]) - largest);
    sums[c] = total;
  }
}

template <typename P, typename T>
std::unique_ptr<Step> MakeMultinomial(const PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::int64_t batch = shape[0], classes = shape[1], samples = context.OutputShape(0)[1];
  const std::uint32_t seed = SeedOf(context);
  auto step = MakeStep("reference/multinomial", batch == 0 ? 0 : 1,
                       [=](const StepArgs& args, std::int64_t, std::int64_t) {
                         RandomNumbers numbers(seed);
                         auto* sums = reinterpret_cast<double*>(args.scratch);
                         T* y = static_cast<T*>(args.outputs[0]);
                         for (std::int64_t b = 0; b < batch; ++b) {
                           CumulatedProbabilities(
                               static_cast<const P*>(args.inputs[0]) + b * classes, classes, sums);
                           for (std::int64_t s = 0; s < samples; ++s) {
                             const double at = numbers.Uniform<double>() * sums[classes - 1];
                             const double* found = std::upper_bound(sums, sums + classes, at);
                             *y++ = static_cast<T>(std::min(found - sums, classes - 1));
                           }
                         }
                       });
  step->scratch_bytes = static_cast<std::size_t>(classes) * sizeof(double);
  return step;
}

std::unique_ptr<Step> PlanMultinomial(PlanContext& context) {
  return DispatchFloat(context.InputType(0), [&]<typename P>() {
    return context.OutputType(0) == DataType::kInt32 ? MakeMultinomial<P, std::int32_t>(context)
                                                     : MakeMultinomial<P, std::int64_t>(context);
  });
}

constexpr std::string_view kFloats = "float32, float64, float16, bfloat16";

}  // namespace

#define KINGLET_RANDOM(Name, inputs, names, infer_function) \
  const OpDef& Op##Name() {                                 \
    static const OpDef def{.name = #Name,                   \
                           .min_inputs = inputs,            \
                           .max_inputs = inputs,            \
                           .attributes = names,             \
                           .types = kFloats,                \
                           .check = CheckDtype,             \
                           .infer = infer_function,         \
                           .plan = PlanRandom};             \
    return def;                                             \
  }
KINGLET_RANDOM(RandomNormal, 0, "dtype mean scale seed shape", InferRandom)
KINGLET_RANDOM(RandomNormalLike, 1, "dtype mean scale seed", InferRandomLike)
KINGLET_RANDOM(RandomUniform, 0, "dtype high low seed shape", InferRandom)
KINGLET_RANDOM(RandomUniformLike, 1, "dtype high low seed", InferRandomLike)
#undef KINGLET_RANDOM

const OpDef& OpBernoulli() {
  static const OpDef def{.name = "Bernoulli",
                         .since = 15,
                         .attributes = "dtype seed",
                         .types = "float32, float64; draws of any number or bool",
                         .check = CheckDtype,
                         .infer = InferBernoulli,
                         .plan = PlanBernoulli};
  return def;
}

const OpDef& OpMultinomial() {
  static const OpDef def{.name = "Multinomial",
                         .attributes = "dtype sample_size seed",
                         .types = "float32, float64; draws of int32 or int64",
                         .check = CheckDtype,
                         .infer = InferMultinomial,
                         .plan = PlanMultinomial};
  return def;
}

}  // namespace kinglet
