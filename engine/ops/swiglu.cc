// SwiGLU (Shazeer 2020, arXiv:2002.05202): a / (1 + exp(-alpha a)) * b.
#include <algorithm>
#include <cmath>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "kernels/math/math.h"

namespace kinglet {
namespace {

void InferSwiGlu(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 2);
  if (context.InputShape(0) != context.InputShape(1)) {
    context.Invalid("inputs of shapes " + ShapeToString(context.InputShape(0)) + " and " +
                    ShapeToString(context.InputShape(1)) + ", expected equal ones");
  }
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

void Swish(const float* x, float* y, std::int64_t count, float alpha) {
  kernels::GetMathTable().swish(x, y, static_cast<std::size_t>(count), alpha, 0);
}
void Swish(const double* x, double* y, std::int64_t count, float alpha) {
  for (std::int64_t i = 0; i < count; ++i) {
    y[i] = x[i] / (1 + std::exp(-static_cast<double>(alpha) * x[i]));
  }
}

template <typename T>
std::unique_ptr<Step> MakeSwiGlu(PlanContext& context) {
  constexpr std::int64_t kPiece = 256;
  const ElementUnits units(context.OutputShape(0));
  const float alpha = context.attributes().Float("alpha", 1);
  context.AllowInPlace(0, 0);
  context.AllowInPlace(0, 1);
  return MakeStep(ElementwiseId(context, context.InputType(0)), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const auto* a = static_cast<const T*>(args.inputs[0]);
                    const auto* b = static_cast<const T*>(args.inputs[1]);
                    auto* y = static_cast<T*>(args.outputs[0]);
                    const std::int64_t last = units.Start(end);
                    T gate[kPiece];
                    for (std::int64_t at = units.Start(begin); at < last; at += kPiece) {
                      const std::int64_t count = std::min(kPiece, last - at);
                      Swish(a + at, gate, count, alpha);
                      for (std::int64_t i = 0; i < count; ++i) y[at + i] = gate[i] * b[at + i];
                    }
                  });
}

std::unique_ptr<Step> PlanSwiGlu(PlanContext& context) {
  return DispatchFloat(context.InputType(0), [&]<typename T>() { return MakeSwiGlu<T>(context); });
}

}  // namespace

const OpDef& OpSwiGLU() {
  static const OpDef op{.name = "SwiGLU",
                        .since = 28,
                        .min_inputs = 2,
                        .max_inputs = 2,
                        .attributes = "alpha",
                        .types = "float32, float64",
                        .infer = InferSwiGlu,
                        .plan = PlanSwiGlu,
                        .batch_wise = AllImages};
  return op;
}

}  // namespace kinglet
