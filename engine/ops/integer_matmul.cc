// Matrix products of 8-bit tensors (engine/ops/integer_product.h): MatMulInteger, QLinearMatMul,
// and ONNX Runtime's MatMulIntegerToFloat and QGemm.
#include <algorithm>
#include <string>
#include <type_traits>

#include "engine/ops/batch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/integer_product.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

constexpr ProductInputs kMatMulInteger{0, 2, 1, 3};
constexpr ProductInputs kQLinearMatMul{0, 2, 3, 5};
constexpr ProductInputs kToFloat{0, 4, 1, 5};
constexpr ProductInputs kQGemm{0, 2, 3, 5};

// Stacks of matrices; the rows of one matrix are not cut.
bool StacksBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  return context.InputShape(0).size() >= 3 && EachImage(context, inputs);
}

// One scale, or one for each row or column.
struct Scales {
  const float* data = nullptr;
  std::int64_t step = 0;

  float At(std::int64_t i) const { return data[i * step]; }
};
Scales ScalesOf(const StepArgs& args, std::size_t i, std::int64_t step) {
  return {static_cast<const float*>(args.inputs[i]), step};
}

void InferMatMulInteger(InferContext& context) {
  context.SetOutput(0, DataType::kInt32, MatMulOf(context, kMatMulInteger, false).output);
}

std::unique_ptr<Step> PlanMatMulInteger(PlanContext& context) {
  const IntegerProduct product = MatMulOf(context, kMatMulInteger, true);
  const std::int64_t n = product.n;
  return MakeProductStep(
      context, "matmul/integer", product, kMatMulInteger, [n](const StepArgs& args) {
        auto* y = static_cast<std::int32_t*>(args.outputs[0]);
        return [=](std::int64_t row, std::int64_t first, std::int64_t count,
                   const std::int32_t* sums) { std::copy_n(sums, count, y + row * n + first); };
      });
}

void InferQLinearMatMul(InferContext& context) {
  const IntegerProduct product = MatMulOf(context, kQLinearMatMul, false);
  RequireScales(context, 1, product.m);
  RequireScales(context, 4, product.n);
  RequireScales(context, 6, product.m);
  RequireEightBits(context, 7);
  RequireZeroPoints(context, 7, 7, product.m);
  context.SetOutput(0, context.InputType(7), product.output);
}

template <typename Y>
std::unique_ptr<Step> PlanQLinearMatMulTo(PlanContext& context) {
  const IntegerProduct product = MatMulOf(context, kQLinearMatMul, true);
  const std::int64_t m = std::max<std::int64_t>(product.m, 1);
  const std::int64_t n = product.n;
  const std::int64_t a_step = StepBetween(context, 1);
  const std::int64_t b_step = StepBetween(context, 4);
  const std::int64_t y_step = StepBetween(context, 6);
  const std::int64_t zero_step = StepBetween(context, 7);
  return MakeProductStep(context, "matmul/qlinear", product, kQLinearMatMul,
                         [=](const StepArgs& args) {
                           const Scales a_scales = ScalesOf(args, 1, a_step);
                           const Scales b_scales = ScalesOf(args, 4, b_step);
                           const Scales y_scales = ScalesOf(args, 6, y_step);
                           const auto zeros = ZeroPointsOf<Y>(args, 7, zero_step);
                           auto* y = static_cast<Y*>(args.outputs[0]);
                           return [=](std::int64_t row, std::int64_t first, std::int64_t count,
                                      const std::int32_t* sums) {
                             const std::int64_t i = row % m;
                             const float a_scale = a_scales.At(i);
                             const float y_scale = y_scales.At(i);
                             for (std::int64_t j = 0; j < count; ++j) {
                               const float scale = a_scale * b_scales.At(first + j) / y_scale;
                               y[row * n + first + j] =
                                   SaturateTo<Y>(static_cast<float>(sums[j]) * scale, zeros.At(i));
                             }
                           };
                         });
}

std::unique_ptr<Step> PlanQLinearMatMul(PlanContext& context) {
  return DispatchEightBits(context.OutputType(0),
                           [&]<typename Y>() { return PlanQLinearMatMulTo<Y>(context); });
}

// A, B, a_scale, b_scale, a_zero_point, b_zero_point, bias.
constexpr std::size_t kAScale = 2, kBScale = 3, kFloatBias = 6;

void InferToFloat(InferContext& context) {
  const IntegerProduct product = MatMulOf(context, kToFloat, false);
  RequireOneScale(context, kAScale);
  RequireScales(context, kBScale, product.n);
  if (context.HasInput(kFloatBias)) {
    RequireType(context, kFloatBias, DataType::kFloat32);
    if (context.InputShape(kFloatBias) != Shape{product.n}) {
      context.Invalid("the bias has shape " + ShapeToString(context.InputShape(kFloatBias)) +
                      ", expected " + std::to_string(product.n));
    }
  }
  context.SetOutput(0, DataType::kFloat32, product.output);
}

std::unique_ptr<Step> PlanToFloat(PlanContext& context) {
  const IntegerProduct product = MatMulOf(context, kToFloat, true);
  const std::int64_t n = product.n;
  const std::int64_t b_step = StepBetween(context, kBScale);
  const std::size_t bias_input = IfPresent(context, kFloatBias);
  return MakeProductStep(
      context, "matmul/integer_to_float", product, kToFloat, [=](const StepArgs& args) {
        const float a_scale = ScaleOf(args, kAScale);
        const Scales b_scales = ScalesOf(args, kBScale, b_step);
        const auto* bias = DataOf<float>(args, bias_input);
        auto* y = static_cast<float*>(args.outputs[0]);
        return [=](std::int64_t row, std::int64_t first, std::int64_t count,
                   const std::int32_t* sums) {
          for (std::int64_t j = first; j < first + count; ++j) {
            const float value = static_cast<float>(sums[j - first]) * (a_scale * b_scales.At(j));
            y[row * n + j] = bias == nullptr ? value : value + bias[j];
          }
        };
      });
}

// A, a_scale, a_zero_point, B, b_scale, b_zero_point, C, y_scale, y_zero_point.
constexpr std::size_t kC = 6, kYScale = 7, kYZero = 8;

void InferQGemm(InferContext& context) {
  const IntegerProduct product = GemmOf(context, kQGemm);
  RequireOneScale(context, 1);
  RequireScales(context, 4, product.n);
  if (context.HasInput(kC)) {
    RequireType(context, kC, DataType::kInt32);
    const Shape& c = context.InputShape(kC);
    const std::int64_t columns = c.empty() ? 1 : c.back();
    const std::int64_t rows = c.size() == 2 ? c[0] : 1;
    if (c.size() > 2 || (columns != 1 && columns != product.n) ||
        (rows != 1 && rows != product.m)) {
      context.Invalid("C of shape " + ShapeToString(c) + " does not broadcast to " +
                      ShapeToString(product.output));
    }
  }
  if (context.HasInput(kYScale) != context.HasInput(kYZero)) {
    context.Invalid("y_scale and y_zero_point (inputs 7 and 8) go together, one is absent");
  }
  if (!context.HasInput(kYScale)) {
    context.SetOutput(0, DataType::kFloat32, product.output);
    return;
  }
  RequireOneScale(context, kYScale);
  RequireEightBits(context, kYZero);
  RequireOneZeroPoint(context, kYZero, kYZero);
  context.SetOutput(0, context.InputType(kYZero), product.output);
}

template <typename Y>
std::unique_ptr<Step> PlanQGemmTo(PlanContext& context) {
  const IntegerProduct product = GemmOf(context, kQGemm);
  const std::int64_t n = product.n;
  const std::int64_t b_step = StepBetween(context, 4);
  const float alpha = context.attributes().Float("alpha", 1.0f);
  const std::size_t c_input = IfPresent(context, kC);
  std::int64_t c_row = 0;
  std::int64_t c_column = 0;
  if (context.HasInput(kC)) {
    const Shape& c = context.InputShape(kC);
    c_column = !c.empty() && c.back() > 1 ? 1 : 0;
    c_row = c.size() == 2 && c[0] > 1 ? c[1] : 0;
  }
  return MakeProductStep(context, "matmul/qgemm", product, kQGemm, [=](const StepArgs& args) {
    const float a_scale = alpha * ScaleOf(args, 1);
    const Scales b_scales = ScalesOf(args, 4, b_step);
    const auto* c = DataOf<std::int32_t>(args, c_input);
    auto* y = static_cast<Y*>(args.outputs[0]);
    return [=](std::int64_t row, std::int64_t first, std::int64_t count, const std::int32_t* sums) {
      for (std::int64_t j = first; j < first + count; ++j) {
        auto sum = static_cast<std::uint32_t>(sums[j - first]);
        if (c != nullptr) sum += static_cast<std::uint32_t>(c[row * c_row + j * c_column]);
        const auto whole = static_cast<float>(static_cast<std::int32_t>(sum));
        const float scale = a_scale * b_scales.At(j);
        if constexpr (std::is_same_v<Y, float>) {
          y[row * n + j] = whole * scale;
        } else {
          y[row * n + j] =
              SaturateTo<Y>(whole * (scale / ScaleOf(args, kYScale)), ZeroPointOf<Y>(args, kYZero));
        }
      }
    };
  });
}

std::unique_ptr<Step> PlanQGemm(PlanContext& context) {
  if (context.OutputType(0) == DataType::kFloat32) return PlanQGemmTo<float>(context);
  return DispatchEightBits(context.OutputType(0),
                           [&]<typename Y>() { return PlanQGemmTo<Y>(context); });
}

}  // namespace

const OpDef& OpMatMulInteger() {
  static const OpDef def{.name = "MatMulInteger",
                         .since = 10,
                         .min_inputs = 2,
                         .max_inputs = 4,
                         .types = "int8, uint8 to int32",
                         .infer = InferMatMulInteger,
                         .plan = PlanMatMulInteger,
                         .batch_wise = StacksBatchWise};
  return def;
}

const OpDef& OpQLinearMatMul() {
  static const OpDef def{.name = "QLinearMatMul",
                         .since = 10,
                         .min_inputs = 8,
                         .max_inputs = 8,
                         .types = kEightBits,
                         .infer = InferQLinearMatMul,
                         .plan = PlanQLinearMatMul,
                         .batch_wise = StacksBatchWise};
  return def;
}

const OpDef& OpMatMulIntegerToFloat() {
  static const OpDef def{.name = "MatMulIntegerToFloat",
                         .domain = kContribDomain,
                         .since = kContribOpset,
                         .until = kContribOpset,
                         .min_inputs = 4,
                         .max_inputs = 7,
                         .types = "int8, uint8 to float32",
                         .infer = InferToFloat,
                         .plan = PlanToFloat,
                         .batch_wise = StacksBatchWise};
  return def;
}

const OpDef& OpQGemm() {
  static const OpDef def{.name = "QGemm",
                         .domain = kContribDomain,
                         .since = kContribOpset,
                         .until = kContribOpset,
                         .min_inputs = 6,
                         .max_inputs = 9,
                         .attributes = "alpha transA transB",
                         .types = "int8, uint8 to int8, uint8, float32",
                         .infer = InferQGemm,
                         .plan = PlanQGemm};
  return def;
}

}  // namespace kinglet
