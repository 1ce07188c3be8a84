// PRelu: x where that is not negative, slope * x elsewhere (He et al. 2015, arXiv:1502.01852).
#include "engine/ops/batch.h"
#include "engine/ops/binary.h"

namespace kinglet {
namespace {

struct PReluOp {
  static constexpr auto kKernel = kernels::BinaryOp::kPRelu;
  template <typename T>
  static T Of(T x, T slope) {
    if constexpr (std::is_floating_point_v<T>) return x < T{} ? x * slope : x;
    if constexpr (std::is_unsigned_v<T>) return x;
    // Wraps around.
    const auto product = static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(slope);
    return x < T{} ? static_cast<T>(product) : x;
  }
};

void InferPRelu(InferContext& context) {
  DispatchNumeric(context.InputType(0), []<typename T>() {});
  RequireEqualTypes(context, 2);
  const Shape& shape = context.InputShape(0);
  if (BroadcastShape(context, 0, 2) != shape) {
    context.Invalid("the slope has shape " + ShapeToString(context.InputShape(1)) +
                    ", expected one that broadcasts to " + ShapeToString(shape));
  }
  context.SetOutput(0, context.InputType(0), shape);
}

}  // namespace

const OpDef& OpPRelu() {
  static const OpDef op{.name = "PRelu",
                        .min_inputs = 2,
                        .max_inputs = 2,
                        .types = "float32, float64, integers",
                        .infer = InferPRelu,
                        .plan = PlanArithmetic<PReluOp>,
                        .batch_wise = BroadcastImages};
  return op;
}

}  // namespace kinglet
