// DynamicQuantizeLinear: uint8 with the scale and the zero point that fit the data.
//
//   y_scale = (max(0, max x) - min(0, min x)) / 255, 1 where that is 0
//   y_zero_point = saturate(round(-min(0, min x) / y_scale)), halves to even
//   y = saturate(round(x / y_scale) + y_zero_point)
#include <cstddef>
#include <cstdint>

#include "engine/ops/elementwise.h"
#include "engine/ops/quantized.h"
#include "kernels/quantize/quantize.h"

namespace kinglet {
namespace {

void InferDynamicQuantize(InferContext& context) {
  RequireType(context, 0, DataType::kFloat32);
  context.SetOutput(0, DataType::kUInt8, context.InputShape(0));
  context.SetOutput(1, DataType::kFloat32, {});
  context.SetOutput(2, DataType::kUInt8, {});
}

void DynamicQuantize(const float* x, std::int64_t count, std::uint8_t* y, float* y_scale,
                     std::uint8_t* y_zero) {
  const auto [low, high] = kernels::GetQuantizeTable().range(x, static_cast<std::size_t>(count));
  const float scale = low == high ? 1.0f : (high - low) / 255.0f;
  const auto zero = SaturateTo<std::uint8_t>(0.0f - low / scale);
  if (y_scale != nullptr) *y_scale = scale;
  if (y_zero != nullptr) *y_zero = zero;
  if (y == nullptr) return;
  const std::int32_t zero_point = zero;
  const kernels::Quantization all{1, 1, count, &scale, &zero_point};
  kernels::GetQuantizeTable().to_uint8(all, x, y, 0, UnitCount(all));
}

// One unit: nothing is known before all elements have been seen.
std::unique_ptr<Step> PlanDynamicQuantize(PlanContext& context) {
  const std::int64_t count = ElementCount(context.InputShape(0));
  const bool has_scale = context.HasOutput(1);
  const bool has_zero = context.HasOutput(2);
  return MakeStep("quantize/dynamic", 1, [=](const StepArgs& args, std::int64_t, std::int64_t) {
    DynamicQuantize(static_cast<const float*>(args.inputs[0]), count,
                    static_cast<std::uint8_t*>(args.outputs[0]),
                    has_scale ? static_cast<float*>(args.outputs[1]) : nullptr,
                    has_zero ? static_cast<std::uint8_t*>(args.outputs[2]) : nullptr);
  });
}

}  // namespace

const OpDef& OpDynamicQuantizeLinear() {
  static const OpDef def{.name = "DynamicQuantizeLinear",
                         .since = 11,
                         .max_outputs = 3,
                         .types = "float32 to uint8",
                         .infer = InferDynamicQuantize,
                         .plan = PlanDynamicQuantize};
  return def;
}

}  // namespace kinglet
