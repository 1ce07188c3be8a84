// EyeLike: a matrix of the input's shape with ones on a diagonal.
#include <algorithm>

#include "engine/ops/dispatch.h"
#include "engine/ops/element_types.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void CheckEyeLike(const Node& node, std::vector<std::string>& unsupported) {
  CheckElementTypeAttribute(node, "dtype", unsupported);
}

void InferEyeLike(InferContext& context) {
  const Shape& shape = context.InputShape(0);
  if (shape.size() != 2) {
    context.Invalid("input 0 has shape " + ShapeToString(shape) + ", expected a matrix");
  }
  context.SetOutput(0, ElementTypeAttribute(context, "dtype", context.InputType(0)), shape);
}

// The bits of one.
template <typename Bits>
Bits One(DataType type) {
  switch (type) {
    case DataType::kFloat64:
      return static_cast<Bits>(0x3FF0000000000000u);
    case DataType::kFloat32:
      return static_cast<Bits>(0x3F800000u);
    case DataType::kFloat16:
      return static_cast<Bits>(0x3C00u);
    case DataType::kBFloat16:
      return static_cast<Bits>(0x3F80u);
    default:
      return Bits{1};
  }
}

// Items are rows.
std::unique_ptr<Step> PlanEyeLike(PlanContext& context) {
  context.DoNotRead(0);
  const Shape& shape = context.InputShape(0);
  const std::int64_t rows = shape[0], columns = shape[1];
  // Beyond these there is no element; clamped so that what is added to it does not overflow.
  const std::int64_t diagonal =
      std::clamp(context.attributes().Int("k", 0), -rows - 1, columns + 1);
  const DataType type = context.OutputType(0);
  return DispatchSize(type, [&]<typename T>() {
    return MakeItemStep(
        "reference/eye_like", columns == 0 ? 0 : rows,
        columns * static_cast<std::int64_t>(sizeof(T)),
        [=, one = One<T>(type)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
          T* y = static_cast<T*>(args.outputs[0]) + begin * columns;
          for (std::int64_t row = begin; row < end; ++row, y += columns) {
            std::fill_n(y, columns, T{0});
            const std::int64_t at = row + diagonal;
            if (at >= 0 && at < columns) y[at] = one;
          }
        });
  });
}

}  // namespace

const OpDef& OpEyeLike() {
  static const OpDef def{.name = "EyeLike",
                         .since = 9,
                         .attributes = "dtype k",
                         .types = kAnyType,
                         .check = CheckEyeLike,
                         .infer = InferEyeLike,
                         .plan = PlanEyeLike};
  return def;
}

}  // namespace kinglet
