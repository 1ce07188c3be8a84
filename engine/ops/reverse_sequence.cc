// ReverseSequence: the first elements of each sequence of a batch in reverse order.
#include <cinttypes>
#include <cstring>

#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

std::size_t TimeAxis(const NodeContext& context) {
  const std::int64_t time = context.attributes().Int("time_axis", 0);
  const std::int64_t batch = context.attributes().Int("batch_axis", 1);
  if (time < 0 || time > 1 || batch != 1 - time) {
    context.Invalid("time_axis and batch_axis are " + std::to_string(time) + " and " +
                    std::to_string(batch) + ", expected 0 and 1 or 1 and 0");
  }
  return static_cast<std::size_t>(time);
}

void InferReverseSequence(InferContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::size_t time = TimeAxis(context);
  if (shape.size() < 2) {
    context.Invalid("input 0 has shape " + ShapeToString(shape) + ", expected rank 2 or more");
  }
  RequireType(context, 1, DataType::kInt64);
  if (context.InputShape(1) != Shape{shape[1 - time]}) {
    context.Invalid("the lengths (input 1) have shape " + ShapeToString(context.InputShape(1)) +
                    ", expected " + std::to_string(shape[1 - time]));
  }
  context.SetOutput(0, context.InputType(0), shape);
}

// Items are the slices behind both axes.
std::unique_ptr<Step> PlanReverseSequence(PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const bool time_first = TimeAxis(context) == 0;
  const std::int64_t inner = shape[1], times = shape[time_first ? 0 : 1];
  const std::int64_t bytes = DimsProduct(shape, 2, shape.size()) *
                             static_cast<std::int64_t>(DataTypeSize(context.InputType(0)));
  return MakeItemStep(
      "reference/reverse_sequence", bytes == 0 ? 0 : shape[0] * inner, bytes,
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const auto* x = static_cast<const std::byte*>(args.inputs[0]);
        const auto* lengths = static_cast<const std::int64_t*>(args.inputs[1]);
        auto* y = static_cast<std::byte*>(args.outputs[0]);
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t i = item / inner, j = item % inner;
          const std::int64_t time = time_first ? i : j;
          const std::int64_t length = lengths[time_first ? j : i];
          if (length < 0 || length > times) {
            args.status->Fail("a sequence of length %" PRId64 ", the axis has %" PRId64, length,
                              times);
            return;
          }
          const std::int64_t from = time < length ? length - 1 - time : time;
          const std::int64_t at = time_first ? from * inner + j : i * inner + from;
          std::memcpy(y + item * bytes, x + at * bytes, static_cast<std::size_t>(bytes));
        }
      });
}

}  // namespace

const OpDef& OpReverseSequence() {
  static const OpDef def{.name = "ReverseSequence",
                         .since = 10,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "batch_axis time_axis",
                         .types = kAnyType,
                         .infer = InferReverseSequence,
                         .plan = PlanReverseSequence};
  return def;
}

}  // namespace kinglet
