// Trilu: the upper or the lower triangle of each matrix, zeros elsewhere.
#include <algorithm>
#include <cstring>

#include "engine/ops/batch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void InferTrilu(InferContext& context) {
  const Shape& shape = context.InputShape(0);
  if (shape.size() < 2) {
    context.Invalid("input 0 must have at least 2 dimensions, found " + ShapeToString(shape));
  }
  if (context.HasInput(1)) {
    const DataType type = context.InputType(1);
    const std::int64_t count = ElementCount(context.InputShape(1));
    if (type != DataType::kInt64 || count != 1) {
      context.Invalid("the diagonal (input 1) must be one int64, found " + std::to_string(count) +
                      " of type " + DataTypeName(type));
    }
  }
  context.SetOutput(0, context.InputType(0), shape);
}

// Items are rows. Which diagonal, the step reads when it runs: no shape follows from it.
std::unique_ptr<Step> PlanTrilu(PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::int64_t rows = shape[shape.size() - 2];
  const std::int64_t columns = shape.back();
  const auto size = static_cast<std::int64_t>(DataTypeSize(context.InputType(0)));
  const bool upper = context.attributes().Int("upper", 1) != 0;
  const bool has_diagonal = context.HasInput(1);
  context.AllowInPlace(0, 0);
  return MakeItemStep(
      "reference/trilu", columns == 0 ? 0 : DimsProduct(shape, 0, shape.size() - 1), columns * size,
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        std::int64_t diagonal =
            has_diagonal ? *static_cast<const std::int64_t*>(args.inputs[1]) : 0;
        diagonal = std::clamp(diagonal, -rows, columns);  // beyond, all or nothing is left as well
        const auto* x = static_cast<const std::byte*>(args.inputs[0]) + begin * columns * size;
        auto* y = static_cast<std::byte*>(args.outputs[0]) + begin * columns * size;
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t row = item % rows;
          const std::int64_t cut =
              std::clamp<std::int64_t>(row + diagonal + (upper ? 0 : 1), 0, columns);
          const auto left = static_cast<std::size_t>(cut * size);
          const auto right = static_cast<std::size_t>((columns - cut) * size);
          if (upper) {
            std::memset(y, 0, left);
            if (x != y) std::memcpy(y + left, x + left, right);
          } else {
            if (x != y) std::memcpy(y, x, left);
            std::memset(y + left, 0, right);
          }
          x += columns * size;
          y += columns * size;
        }
      });
}

// Off the two last dimensions.
bool TriluBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  return EachImage(context, inputs) && context.InputShape(0).size() > 2;
}

}  // namespace

const OpDef& OpTrilu() {
  static const OpDef def{.name = "Trilu",
                         .since = 14,
                         .min_inputs = 1,
                         .max_inputs = 2,
                         .attributes = "upper",
                         .types = kAnyType,
                         .infer = InferTrilu,
                         .plan = PlanTrilu,
                         .batch_wise = TriluBatchWise};
  return def;
}

}  // namespace kinglet
