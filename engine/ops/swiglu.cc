// SwiGLU: a gate through Swish times a value, element by element (Shazeer 2020, arXiv:2002.05202).
#include <cmath>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"

namespace kinglet {
namespace {

void InferSwiGlu(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 2);
  if (context.InputShape(0) != context.InputShape(1)) {
    context.Invalid("gate and value have shapes " + ShapeToString(context.InputShape(0)) + " and " +
                    ShapeToString(context.InputShape(1)) + ", expected equal ones");
  }
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

std::unique_ptr<Step> PlanSwiGlu(PlanContext& context) {
  context.AllowInPlace(0, 0);
  context.AllowInPlace(0, 1);
  const ElementUnits units(context.OutputShape(0));
  const float alpha = context.attributes().Float("alpha", 1.0f);
  return DispatchFloat(context.InputType(0), [&]<typename T>() {
    return MakeStep(ElementwiseId(context, DataTypeOf<T>::value), units.count(),
                    [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                      const T* gate = static_cast<const T*>(args.inputs[0]);
                      const T* value = static_cast<const T*>(args.inputs[1]);
                      T* y = static_cast<T*>(args.outputs[0]);
                      const std::int64_t last = units.Start(end);
                      for (std::int64_t i = units.Start(begin); i < last; ++i) {
                        const T swish = gate[i] / (1 + std::exp(-static_cast<T>(alpha) * gate[i]));
                        y[i] = swish * value[i];
                      }
                    });
  });
}

}  // namespace

const OpDef& OpSwiGLU() {
  static const OpDef def{.name = "SwiGLU",
                         .since = 28,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "alpha",
                         .types = "float32, float64",
                         .infer = InferSwiGlu,
                         .plan = PlanSwiGlu,
                         .batch_wise = AllImages};
  return def;
}

}  // namespace kinglet
