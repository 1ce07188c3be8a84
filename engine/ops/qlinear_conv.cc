// QLinearConv:
//
//   y = saturate(round((acc + bias) * (x_scale * w_scale / y_scale)) + y_zero_point)
//
// with acc as in engine/ops/integer_conv.h. Where x and y are uint8 images and all else is known,
// it runs the cheapest variant of kernels/conv for codes; every variant, and the plain loop that
// runs elsewhere, gives the same codes.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/batch.h"
#include "engine/ops/conv.h"
#include "engine/ops/conv_choice.h"
#include "engine/ops/conv_step.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/integer_conv.h"
#include "engine/ops/qlinear_sum.h"
#include "engine/ops/quantized.h"
#include "kernels/quantize/code_ops.h"

namespace kinglet {
namespace {

constexpr IntegerConvInputs kInputs{0, 2, 3, 5};
constexpr std::size_t kXScale = 1, kWScale = 4, kYScale = 6, kYZero = 7, kBias = 8;

void InferQLinearConv(InferContext& context) {
  const std::int64_t channels =
      context.InputShape(kInputs.w).empty() ? 0 : context.InputShape(kInputs.w)[0];
  RequireOneScale(context, kXScale);
  RequireScales(context, kWScale, channels);
  RequireOneScale(context, kYScale);
  RequireEightBits(context, kYZero);
  RequireOneZeroPoint(context, kYZero, kYZero);
  if (context.HasInput(kBias)) {
    RequireType(context, kBias, DataType::kInt32);
    if (context.InputShape(kBias) != Shape{channels}) {
      context.Invalid("the bias has shape " + ShapeToString(context.InputShape(kBias)) +
                      ", expected " + std::to_string(channels));
    }
  }
  InferIntegerConv(context, kInputs, context.InputType(kYZero));
}

// The codes that a fused clamp of values leaves.
template <typename Y>
std::pair<Y, Y> ClampOf(const kernels::Epilogue& clamp, float y_scale, std::int32_t y_zero) {
  Y low = std::numeric_limits<Y>::lowest();
  Y high = std::numeric_limits<Y>::max();
  if (clamp.activation != Activation::kNone) {
    low = SaturateTo<Y>(kernels::ClampLow(clamp) / y_scale, y_zero);
    high = std::max(low, SaturateTo<Y>(kernels::ClampHigh(clamp) / y_scale, y_zero));
  }
  return {low, high};
}

template <typename Y>
std::unique_ptr<Step> PlanPlain(const PlanContext& context) {
  const std::int64_t scale_step = StepBetween(context, kWScale);
  const std::size_t bias_input = IfPresent(context, kBias);
  const kernels::Epilogue clamp = FusedEpilogue(context.node().fusion);
  const auto make_write = [=](const StepArgs& args) {
    const float x_scale = ScaleOf(args, kXScale);
    const float y_scale = ScaleOf(args, kYScale);
    const std::int32_t y_zero = ZeroPointOf<Y>(args, kYZero);
    const std::pair<Y, Y> codes = ClampOf<Y>(clamp, y_scale, y_zero);
    const auto* w_scales = static_cast<const float*>(args.inputs[kWScale]);
    const auto* bias = DataOf<std::int32_t>(args, bias_input);
    auto* y = static_cast<Y*>(args.outputs[0]);
    return
        [=](std::int64_t channel, std::int64_t to, std::int64_t count, const std::int32_t* sums) {
          const float scale = x_scale * w_scales[channel * scale_step] / y_scale;
          const auto shift = static_cast<std::uint32_t>(bias == nullptr ? 0 : bias[channel]);
          for (std::int64_t i = 0; i < count; ++i) {
            const auto sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sums[i]) + shift);
            const Y code = SaturateTo<Y>(static_cast<float>(sum) * scale, y_zero);
            y[to + i] = std::clamp(code, codes.first, codes.second);
          }
        };
  };
  return MakeIntegerConvStep(context, "conv/qlinear", kInputs, make_write);
}

// All but the input and the output, known before running.
struct Parameters {
  std::vector<float> scales;  // what sums are multiplied by, of each channel rounded up to a block
  std::int32_t x_zero = 0;
  std::vector<std::int32_t> w_zeros;       // one, or one of each channel
  kernels::Requantisation requantisation;  // without scales

  bool finite() const {
    return std::all_of(scales.begin(), scales.end(), [](float s) { return std::isfinite(s); });
  }
};

template <typename T>
std::vector<std::int32_t> Widened(const Tensor& values) {
  return {values.data<T>(), values.data<T>() + values.size()};
}

std::vector<std::int32_t> ZeroPointsOf(const PlanContext& context, std::size_t i) {
  if (!context.HasInput(i)) return {0};
  return DispatchEightBits(context.InputType(i),
                           [&]<typename T>() { return Widened<T>(*context.InputValue(i)); });
}

Parameters ParametersOf(const PlanContext& context) {
  const std::int64_t channels = context.InputShape(kInputs.w)[0];
  const float x_scale = context.InputValue(kXScale)->data<float>()[0];
  const float y_scale = context.InputValue(kYScale)->data<float>()[0];
  const float* w_scales = context.InputValue(kWScale)->data<float>();
  const std::int64_t step = StepBetween(context, kWScale);
  Parameters p;
  p.scales.resize(static_cast<std::size_t>(
      kernels::RoundUpToBlock(channels, kernels::PixelBlock(kernels::ElementType::kUInt8))));
  for (std::int64_t c = 0; c < channels; ++c) {
    p.scales[static_cast<std::size_t>(c)] = x_scale * w_scales[c * step] / y_scale;
  }
  p.x_zero = ZeroPointsOf(context, kInputs.x_zero)[0];
  p.w_zeros = ZeroPointsOf(context, kInputs.w_zero);
  const std::int32_t y_zero = ZeroPointsOf(context, kYZero)[0];
  const auto codes = ClampOf<std::uint8_t>(FusedEpilogue(context.node().fusion), y_scale, y_zero);
  p.requantisation.zero_point = y_zero;
  p.requantisation.low = codes.first;
  p.requantisation.high = codes.second;
  return p;
}

// Whether variants for codes may serve: images of uint8, and all else known.
bool MayBlock(const PlanContext& context) {
  if (context.InputType(kInputs.x) != DataType::kUInt8) return false;
  if (context.OutputType(0) != DataType::kUInt8) return false;
  if (context.OutputShape(0).size() != 4 || ElementCount(context.OutputShape(0)) == 0) return false;
  for (std::size_t i = 1; i <= kBias; ++i) {
    if (context.HasInput(i) && !context.IsKnown(i)) return false;
  }
  return true;
}

// Behind their zero points.
template <typename T>
std::vector<std::int16_t> WeightsOf(const Tensor& weights, const Parameters& p) {
  const T* codes = weights.data<T>();
  const auto filter = static_cast<std::size_t>(weights.size() / weights.shape()[0]);
  std::vector<std::int16_t> wide(static_cast<std::size_t>(weights.size()));
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const std::int32_t zero = p.w_zeros[p.w_zeros.size() == 1 ? 0 : i / filter];
    wide[i] = static_cast<std::int16_t>(codes[i] - zero);
  }
  return wide;
}

// The same codes behind other zero points are other weights.
std::string ZeroPointText(const Parameters& p) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const std::int32_t zero : p.w_zeros) {
    hash = (hash ^ static_cast<std::uint32_t>(zero)) * 1099511628211ULL;
  }
  const bool alike = std::all_of(p.w_zeros.begin(), p.w_zeros.end(),
                                 [&](std::int32_t zero) { return zero == p.w_zeros[0]; });
  return alike ? "-z" + std::to_string(p.w_zeros[0]) : "-zs" + std::to_string(hash);
}

const void* PackCodes(PlanContext& context, const kernels::ConvVariant& variant,
                      const kernels::ConvShape& shape, const Parameters& p) {
  kernels::PackedFormat format = variant.packed_format(shape);
  format.variant += ZeroPointText(p);
  return context.Packed(kInputs.w, format, variant.packed_bytes(shape), [&](void* to) {
    const Tensor& weights = *context.InputValue(kInputs.w);
    const std::vector<std::int16_t> wide =
        DispatchEightBits(weights.type(), [&]<typename T>() { return WeightsOf<T>(weights, p); });
    variant.pack(shape, wide.data(), to);
  });
}

const std::int32_t* PackIntegerBias(PlanContext& context, std::int64_t channels) {
  if (!context.HasInput(kBias)) return nullptr;
  constexpr std::int64_t kCodes = kernels::PixelBlock(kernels::ElementType::kUInt8);
  const auto padded =
      static_cast<std::size_t>(kernels::RoundUpToBlock(channels, kCodes)) * sizeof(std::int32_t);
  const kernels::PackedFormat format{.family = "channel",
                                     .variant = "lanes",
                                     .block = kCodes,
                                     .type = kernels::ElementType::kInt32};
  return static_cast<const std::int32_t*>(context.Packed(kBias, format, padded, [&](void* to) {
    const Tensor& bias = *context.InputValue(kBias);
    std::memset(to, 0, padded);
    std::memcpy(to, bias.raw(), bias.bytes());
  }));
}

// What follows a run of codes: the other branch, as a whole, is added.
struct Adding {
  const CodeResidual* residual;
  decltype(kernels::CodeOps::sum) sum;
  const std::uint8_t* branch;

  static void Then(const void* context, std::uint8_t* codes, std::int64_t at,
                   std::int64_t count) noexcept {
    const auto& adding = *static_cast<const Adding*>(context);
    const std::uint8_t* other = adding.branch + at;
    const bool first = adding.residual->first;
    adding.sum(adding.residual->sum, first ? other : codes, first ? codes : other, 1, codes,
               static_cast<std::size_t>(count));
  }
};

// `residual`: what is added, or none.
std::unique_ptr<Step> PlanVariant(PlanContext& context, const kernels::ConvShape& shape,
                                  const ChosenConv& chosen, Parameters p,
                                  const std::optional<CodeResidual>& residual = {}) {
  const kernels::ConvVariant& variant = *chosen.variant;
  kernels::ConvArgs args;
  args.packed = PackCodes(context, variant, shape, p);
  args.integer_bias = PackIntegerBias(context, shape.oc);
  args.input_zero_point = p.x_zero;
  args.epilogue.type = variant.output.type;
  args.epilogue.requantisation = p.requantisation;
  for (std::size_t i = 1; i <= kBias; ++i) {
    if (context.HasInput(i)) context.DoNotRead(i);
  }
  context.ReadAs(kInputs.x, variant.input);
  context.WriteAs(0, variant.output);
  if (variant.output.blocked()) args.output_stride = context.OutputStride(0);
  if (residual) context.ReadAs(ConvSumNodes::kResidual, variant.output);
  const auto sum = kernels::GetCodeOps(false).sum;
  auto step =
      MakeStep(variant.id, variant.units(shape),
               [shape, args, residual, sum, run = variant.run, scales = std::move(p.scales)](
                   const StepArgs& a, std::int64_t begin, std::int64_t end) {
                 kernels::ConvArgs now = args;
                 Adding adding{};
                 if (residual) {
                   const void* branch = a.inputs[ConvSumNodes::kResidual];
                   adding = {&*residual, sum, static_cast<const std::uint8_t*>(branch)};
                   now.written = {&Adding::Then, &adding};
                 }
                 now.epilogue.requantisation.scales = scales.data();
                 now.input = a.inputs[kInputs.x];
                 now.output = a.outputs[0];
                 now.again = a.again;
                 run(shape, now, begin, end, a.scratch);
               });
  step->scratch_bytes = variant.scratch_bytes(shape);
  step->revision = variant.revision;
  step->cut = CutText(shape.n, step->units);
  chosen.Describe(*step);
  const Shape& w = context.InputShape(kInputs.w);
  step->macs = ElementCount(context.OutputShape(0)) * (ElementCount(w) / w[0]);
  return step;
}

constexpr kernels::OperandTypes kCodeTypes = {
    kernels::ElementType::kUInt8, kernels::ElementType::kInt16, kernels::ElementType::kUInt8};

std::unique_ptr<Step> PlanQLinearConv(PlanContext& context) {
  if (MayBlock(context)) {
    const kernels::ConvShape shape = ConvShapeOf(context, IntegerConvWindow(context, kInputs));
    Parameters parameters = ParametersOf(context);
    const ChosenConv chosen = ChooseConvVariant(context, shape, kCodeTypes);
    if (chosen.variant != nullptr && parameters.finite()) {
      return PlanVariant(context, shape, chosen, std::move(parameters));
    }
  }
  return DispatchEightBits(context.OutputType(0),
                           [&]<typename Y>() { return PlanPlain<Y>(context); });
}

}  // namespace

bool MayRunOnCodes(const PlanContext& context, kernels::ConvShape& shape) {
  if (!MayBlock(context) || !ParametersOf(context).finite()) return false;
  shape = ConvShapeOf(context, IntegerConvWindow(context, kInputs));
  return true;
}

std::unique_ptr<Step> PlanConvSum(PlanContext& context, const CodeResidual& residual) {
  const kernels::ConvShape shape = ConvShapeOf(context, IntegerConvWindow(context, kInputs));
  ChosenConv chosen = ChooseConvVariant(context, shape, kCodeTypes, true);
  // The other branch is read.
  const auto codes = static_cast<double>(shape.n * shape.oc * shape.oh * shape.ow);
  chosen.work.stage().read_bytes += codes;
  return PlanVariant(context, shape, chosen, ParametersOf(context), residual);
}

const OpDef& OpQLinearConv() {
  static const OpDef def{.name = "QLinearConv",
                         .since = 10,
                         .min_inputs = 8,
                         .max_inputs = 9,
                         .attributes = "auto_pad dilations group kernel_shape pads strides",
                         .types = kEightBits,
                         .infer = InferQLinearConv,
                         .plan = PlanQLinearConv,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
