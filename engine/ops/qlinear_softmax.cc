// ONNX Runtime's QLinearSoftmax, in its order of float32 operations:
//
//   y = saturate(round(e(x) * floor(1 / y_scale) / sum e) + y_zero_point)
//
// with e from a table of exponentials below the row's maximum, which are all scaled alike so that
// those of a row just fit.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/batch.h"
#include "engine/ops/quantized.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// X, X_scale, X_zero_point, Y_scale, Y_zero_point.
constexpr std::size_t kX = 0, kXScale = 1, kXZero = 2, kYScale = 3, kYZero = 4;
constexpr std::int64_t kTable = 256;

// Rows of `length` elements, `inner` apart; `outer` * `inner` rows.
struct Rows {
  std::int64_t outer = 1, length = 1, inner = 1;
};

// The attribute `opset` is that of the Softmax that this is the quantised form of.
bool Flattens(const NodeContext& context) { return context.attributes().Int("opset", 13) < 13; }

std::size_t AxisOf(const NodeContext& context) {
  const std::int64_t fallback = Flattens(context) ? 1 : -1;
  return context.Axis(context.attributes().Int("axis", fallback), context.InputShape(kX).size());
}

Rows RowsOf(const NodeContext& context) {
  const Shape& x = context.InputShape(kX);
  const std::size_t axis = AxisOf(context);
  if (Flattens(context)) return {DimsProduct(x, 0, axis), DimsProduct(x, axis, x.size()), 1};
  return {DimsProduct(x, 0, axis), x[axis], DimsProduct(x, axis + 1, x.size())};
}

void InferSoftmax(InferContext& context) {
  RequireEightBits(context, kX);
  RequireOneScale(context, kXScale);
  RequireOneZeroPoint(context, kXZero, kX);
  RequireOneScale(context, kYScale);
  RequireOneZeroPoint(context, kYZero, kX);
  RowsOf(context);
  context.SetOutput(0, context.InputType(kX), context.InputShape(kX));
}

// table[255 - d] belongs to what lies d below the maximum.
void FillTable(float x_scale, std::int64_t length, float* table) {
  constexpr double kReserve = 5;  // of the exponent's range
  const double room = std::log(static_cast<double>(std::numeric_limits<float>::max()) /
                               static_cast<double>(length));
  const double scale = x_scale;
  const double shift = std::max(0.0, room - kReserve) / scale;
  for (std::int64_t i = 0; i < kTable; ++i) {
    const double value = std::exp((static_cast<double>(i) - 255.0 + shift) * scale);
    table[i] =
        static_cast<float>(std::min(value, static_cast<double>(std::numeric_limits<float>::max())));
  }
}

template <typename T>
void SoftmaxRow(const T* x, T* y, std::int64_t length, std::int64_t step, const float* table,
                float per_one, std::int32_t zero) {
  std::int32_t high = std::numeric_limits<T>::lowest();
  for (std::int64_t i = 0; i < length; ++i) high = std::max<std::int32_t>(high, x[i * step]);
  const auto e = [&](std::int64_t i) { return table[255 - (high - x[i * step])]; };
  float sum = 0;
  for (std::int64_t i = 0; i < length; ++i) sum += e(i);
  for (std::int64_t i = 0; i < length; ++i) {
    y[i * step] = SaturateTo<T>(e(i) * per_one / sum, zero);
  }
}

std::unique_ptr<Step> PlanSoftmax(PlanContext& context) {
  const Rows rows = RowsOf(context);
  const std::size_t y_zero = IfPresent(context, kYZero);
  const std::int64_t count = rows.length == 0 ? 0 : rows.outer * rows.inner;
  auto step = DispatchEightBits(context.InputType(kX), [&]<typename T>() {
    return MakeItemStep("softmax/qlinear", count, rows.length * 8,
                        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                          float* table = reinterpret_cast<float*>(args.scratch);
                          if (!args.again) FillTable(ScaleOf(args, kXScale), rows.length, table);
                          const float per_one = std::floor(1.0f / ScaleOf(args, kYScale));
                          const std::int32_t zero = ZeroPointOf<T>(args, y_zero);
                          for (std::int64_t row = begin; row < end; ++row) {
                            const std::int64_t at =
                                row / rows.inner * rows.length * rows.inner + row % rows.inner;
                            SoftmaxRow(static_cast<const T*>(args.inputs[kX]) + at,
                                       static_cast<T*>(args.outputs[0]) + at, rows.length,
                                       rows.inner, table, per_one, zero);
                          }
                        });
  });
  step->scratch_bytes = kTable * sizeof(float);
  return step;
}

bool SoftmaxBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  return EachImage(context, inputs) && AxisOf(context) != 0;
}

}  // namespace

const OpDef& OpQLinearSoftmax() {
  static const OpDef def{.name = "QLinearSoftmax",
                         .domain = kContribDomain,
                         .since = kContribOpset,
                         .until = kContribOpset,
                         .min_inputs = 2,
                         .max_inputs = 5,
                         .attributes = "axis opset",
                         .types = kEightBits,
                         .infer = InferSoftmax,
                         .plan = PlanSoftmax,
                         .batch_wise = SoftmaxBatchWise};
  return def;
}

}  // namespace kinglet
