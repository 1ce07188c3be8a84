// Where: elements of one of two tensors, as a third one says.
#include <algorithm>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/spread.h"
#include "engine/ops/views.h"
#include "kernels/eltwise/select.h"

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

template <typename T>
struct Operands {
  const bool* condition;
  const T* yes;
  const T* no;
  T* y;

  explicit Operands(const StepArgs& args)
      : condition(static_cast<const bool*>(args.inputs[0])),
        yes(static_cast<const T*>(args.inputs[1])),
        no(static_cast<const T*>(args.inputs[2])),
        y(static_cast<T*>(args.outputs[0])) {}
};

// A run of one condition is a copy.
template <typename T>
void CopyRun(const T* from, std::int64_t stride, T* to, std::int64_t count) {
  if (stride == 0) {
    std::fill_n(to, count, *from);
  } else {
    std::copy_n(from, count, to);
  }
}

template <typename T>
std::unique_ptr<Step> PlanRuns(const Broadcast<3>& broadcast, kernels::SelectFn select) {
  return MakeItemStep(
      "eltwise/where", broadcast.count, 3 * sizeof(T) + 1,
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const Operands<T> all(args);
        const std::int64_t strides[] = {broadcast.InnerStride(0), broadcast.InnerStride(1),
                                        broadcast.InnerStride(2)};
        broadcast.ForRuns(begin, end, [&](const auto& offsets, std::int64_t at, std::int64_t n) {
          const bool* condition = all.condition + offsets[0];
          const T* yes = all.yes + offsets[1];
          const T* no = all.no + offsets[2];
          if (strides[0] == 0) {
            CopyRun(*condition ? yes : no, strides[*condition ? 1 : 2], all.y + at, n);
          } else {
            select(condition, {yes, strides[1] == 0}, {no, strides[2] == 0}, all.y + at,
                   static_cast<std::size_t>(n));
          }
        });
      });
}

template <typename T>
std::unique_ptr<Step> PlanShortRuns(const PlanContext& context, std::int64_t count,
                                    kernels::SelectFn select) {
  const Shape& shape = context.OutputShape(0);
  const Spread<bool> condition(shape, context.InputShape(0));
  const Spread<T> yes(shape, context.InputShape(1)), no(shape, context.InputShape(2));
  auto step = MakeItemStep("eltwise/where", count, 3 * sizeof(T) + 1,
                           [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                             const Operands<T> all(args);
                             typename Spread<bool>::Room condition_room;
                             typename Spread<T>::Room yes_room, no_room;
                             for (std::int64_t at = begin; at < end; at += Spread<T>::kPiece) {
                               const std::int64_t n = std::min(Spread<T>::kPiece, end - at);
                               select(condition.Values(all.condition, at, n, condition_room),
                                      {yes.Values(all.yes, at, n, yes_room), false},
                                      {no.Values(all.no, at, n, no_room), false}, all.y + at,
                                      static_cast<std::size_t>(n));
                             }
                           });
  return WithLoops(
      std::move(step), context,
      (condition.operations() + yes.operations() + no.operations()) * static_cast<double>(count));
}

std::unique_ptr<Step> PlanWhere(PlanContext& context) {
  const auto broadcast =
      MakeBroadcast<3>(context.OutputShape(0),
                       {&context.InputShape(0), &context.InputShape(1), &context.InputShape(2)});
  return DispatchSize(context.InputType(1), [&]<typename T>() {
    const kernels::SelectFn select = kernels::GetSelect(sizeof(T));
    return HasShortRuns(broadcast) ? PlanShortRuns<T>(context, broadcast.count, select)
                                   : PlanRuns<T>(broadcast, select);
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
