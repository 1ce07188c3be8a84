// MaxUnpool: the values that a MaxPool kept, where they came from, and zeros elsewhere.
//
// Indices count the elements of the whole output, which is what the MaxPool counted in its input.
#include <cstring>

#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/indices.h"
#include "engine/ops/spatial.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

std::vector<std::int64_t> Attribute(const NodeContext& context, const char* name, std::size_t count,
                                    std::int64_t fallback) {
  std::vector<std::int64_t> values = context.attributes().Ints(name);
  if (values.empty()) values.assign(count, fallback);
  if (values.size() != count) {
    context.Invalid(std::string(name) + " has " + std::to_string(values.size()) +
                    " values, expected " + std::to_string(count));
  }
  return values;
}

// What was pooled: (size - 1) * stride + kernel - pads.
Shape PooledShape(const NodeContext& context) {
  Shape shape = context.InputShape(0);
  const std::size_t rank = SpatialSizes(context).size();
  const auto kernel = Attribute(context, "kernel_shape", rank, 0);
  const auto strides = Attribute(context, "strides", rank, 1);
  const auto pads = Attribute(context, "pads", 2 * rank, 0);
  for (std::size_t k = 0; k < rank; ++k) {
    if (kernel[k] < 1 || strides[k] < 1 || pads[k] < 0 || pads[rank + k] < 0) {
      context.Invalid("kernel_shape and strides must be above 0, and pads not below");
    }
    const std::int64_t steps = MultiplySizes(context, shape[2 + k] - 1, strides[k]);
    const std::int64_t padded = AddSizes(context, steps, kernel[k]);
    shape[2 + k] = AddSizes(context, padded, -pads[k]);
    shape[2 + k] = AddSizes(context, shape[2 + k], -pads[rank + k]);
  }
  return shape;
}

// An output_shape settles what strides leave open.
Shape OutputShapeOf(const NodeContext& context) {
  Shape shape = PooledShape(context);
  if (!context.HasInput(2)) return shape;
  const std::vector<std::int64_t> wanted = context.InputInts(2, "the output's shape");
  if (wanted.size() != shape.size() || wanted[0] != shape[0] || wanted[1] != shape[1]) {
    context.Invalid("the output's shape (input 2) is " + ShapeToString(wanted) +
                    ", expected batch and channels of " + ShapeToString(context.InputShape(0)) +
                    " and its rank");
  }
  return wanted;
}

void InferMaxUnpool(InferContext& context) {
  RequireFloat(context, 0);
  RequireType(context, 1, DataType::kInt64);
  if (context.InputShape(1) != context.InputShape(0)) {
    context.Invalid("the indices (input 1) have shape " + ShapeToString(context.InputShape(1)) +
                    ", expected " + ShapeToString(context.InputShape(0)));
  }
  context.SetOutput(0, context.InputType(0), OutputShapeOf(context));
}

// One unit, as an index may name any element, and a later one wins.
std::unique_ptr<Step> PlanMaxUnpool(PlanContext& context) {
  if (context.HasInput(2)) context.DoNotRead(2);
  const std::int64_t count = ElementCount(context.InputShape(0));
  const std::int64_t size = ElementCount(context.OutputShape(0));
  return DispatchFloat(context.InputType(0), [&]<typename T>() {
    return MakeStep("reference/max_unpool", size == 0 && count == 0 ? 0 : 1,
                    [=](const StepArgs& args, std::int64_t, std::int64_t) {
                      const T* x = static_cast<const T*>(args.inputs[0]);
                      const auto* indices = static_cast<const std::int64_t*>(args.inputs[1]);
                      T* y = static_cast<T*>(args.outputs[0]);
                      std::fill_n(y, size, T{0});
                      for (std::int64_t i = 0; i < count; ++i) {
                        if (indices[i] < 0 || indices[i] >= size) {
                          ReportIndex(indices[i], size, *args.status);
                          return;
                        }
                        y[indices[i]] = x[i];
                      }
                    });
  });
}

}  // namespace

const OpDef& OpMaxUnpool() {
  static const OpDef def{.name = "MaxUnpool",
                         .since = 9,
                         .min_inputs = 2,
                         .max_inputs = 3,
                         .attributes = "kernel_shape pads strides",
                         .types = "float32, float64",
                         .infer = InferMaxUnpool,
                         .plan = PlanMaxUnpool};
  return def;
}

}  // namespace kinglet
