// Where: elements of one of two tensors, as a third one says.
#include "engine/ops/batch.h"
#include "engine/ops/broadcast.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void InferWhere(InferContext& context) {
  if (context.InputType(0) != DataType::kBool) {
    context.Invalid(std::string("the condition (input 0) must be bool, found ") +
                    DataTypeName(context.InputType(0)));
  }
  CheckSameType(context, 1, 2);
  context.SetOutput(0, context.InputType(1), BroadcastShape(context, 0, 3));
}

std::unique_ptr<Step> PlanWhere(PlanContext& context) {
  const auto broadcast =
      MakeBroadcast<3>(context.OutputShape(0),
                       {&context.InputShape(0), &context.InputShape(1), &context.InputShape(2)});
  return DispatchSize(context.InputType(1), [&]<typename T>() {
    return MakeItemStep(
        "reference/where", broadcast.count, 3 * sizeof(T) + 1,
        [broadcast](const StepArgs& args, std::int64_t begin, std::int64_t end) {
          const std::int64_t c = broadcast.InnerStride(0);
          const std::int64_t a = broadcast.InnerStride(1);
          const std::int64_t b = broadcast.InnerStride(2);
          broadcast.ForRuns(
              begin, end, [&](const auto& offsets, std::int64_t at, std::int64_t length) {
                const auto* condition = static_cast<const bool*>(args.inputs[0]) + offsets[0];
                const T* yes = static_cast<const T*>(args.inputs[1]) + offsets[1];
                const T* no = static_cast<const T*>(args.inputs[2]) + offsets[2];
                T* out = static_cast<T*>(args.outputs[0]) + at;
                for (std::int64_t k = 0; k < length; ++k) {
                  out[k] = condition[k * c] ? yes[k * a] : no[k * b];
                }
              });
        });
  });
}

}  // namespace

const OpDef& OpWhere() {
  static const OpDef def{.name = "Where",
                         .since = 9,
                         .min_inputs = 3,
                         .max_inputs = 3,
                         .types = kAnyType,
                         .infer = InferWhere,
                         .plan = PlanWhere,
                         .batch_wise = BroadcastImages};
  return def;
}

}  // namespace kinglet
