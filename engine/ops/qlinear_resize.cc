// QLinearResize (domain kinglet): linear Resize of the values that 8-bit codes stand for, as the
// codes of its results.
//
//   z = saturate(round(sum over k of w[k] (x[k] - x_zero) (x_scale / z_scale) / 2^14) + z_zero)
//
// x[k] are the two or four codes around an output, and w[k] their weights in parts of 2^14, the
// same ones on every CPU. Inputs are those of Resize, then X_scale, X_zero_point, Z_scale and
// Z_zero_point, all known; attributes are those of Resize, and `opset`, the version of it. Batch
// and channels keep their sizes.
#include <cmath>
#include <cstring>

#include "engine/graph/fusion.h"
#include "engine/ops/batch.h"
#include "engine/ops/code_planes.h"
#include "engine/ops/quantized.h"
#include "engine/ops/resize.h"
#include "engine/ops/views.h"
#include "kernels/quantize/code_ops.h"

namespace kinglet {
namespace {

constexpr std::size_t kXScale = 4, kXZero = 5, kZScale = 6, kZZero = 7;
constexpr std::int32_t kParts = 1 << 14;

void InferResizeOfCodes(InferContext& context) {
  RequireEightBits(context, 0);
  RequireOneScale(context, kXScale);
  RequireOneZeroPoint(context, kXZero, 0);
  RequireOneScale(context, kZScale);
  RequireOneZeroPoint(context, kZZero, 0);
  for (const std::size_t i : {kXScale, kXZero, kZScale, kZZero}) {
    if (context.HasInput(i)) context.DemandedValue(i, "a scale or zero point");
  }
  const ResizeSpec spec = ResizeSpecOf(context);
  const bool images = spec.axes.size() == 4 && spec.axes[0].identity && spec.axes[1].identity;
  const bool linear = spec.mode == ResizeMode::kLinear && !spec.antialias && !spec.exclude_outside;
  if (!images || !linear || spec.extrapolates()) {
    context.Invalid("expected linear resizing of the last two of four dimensions");
  }
  Shape out;
  for (const ResizeAxis& axis : spec.axes) out.push_back(axis.out);
  context.SetOutput(0, context.InputType(0), std::move(out));
}

// What an output of an axis lies between; `to_high` parts of kParts are the higher one's.
struct Between {
  std::int64_t low = 0, high = 0;
  std::int32_t to_high = 0;
};

std::vector<Between> BetweenOf(const ResizeSpec& spec, const ResizeAxis& axis) {
  std::vector<Between> result;
  if (axis.out == 0) return result;
  const ResizeTaps taps = TapsOf(spec, axis);
  for (std::size_t at = 0; at < taps.index.size(); at += 2) {
    const double part = std::clamp(taps.weight[at + 1], 0.0, 1.0) * kParts;
    result.push_back(
        {taps.index[at], taps.index[at + 1], static_cast<std::int32_t>(std::lround(part))});
  }
  return result;
}

// How every output is made of codes.
struct Blending {
  std::vector<Between> rows, columns;
  std::int64_t in_h, in_w;
  kernels::CodeBlend scales;

  // Of the output at (row, column).
  kernels::CodeBlend At(const Between& row, const Between& column) const {
    kernels::CodeBlend blend = scales;
    const auto share = [&](std::int32_t part) {
      return (part * column.to_high + kParts / 2) / kParts;
    };
    blend.weights[3] = share(row.to_high);
    blend.weights[2] = row.to_high - blend.weights[3];
    blend.weights[1] = share(kParts - row.to_high);
    blend.weights[0] = kParts - row.to_high - blend.weights[1];
    return blend;
  }
};

template <typename T>
Blending BlendingOf(PlanContext& context) {
  const ResizeSpec spec = ResizeSpecOf(context);
  Blending blending{BetweenOf(spec, spec.axes[2]),
                    BetweenOf(spec, spec.axes[3]),
                    spec.axes[2].in,
                    spec.axes[3].in,
                    {}};
  const auto scale = [&](std::size_t i) {
    return context.DemandedValue(i, "a scale").template data<float>()[0];
  };
  const auto zero = [&](std::size_t i) {
    if (!context.HasInput(i)) return std::int32_t{0};
    return std::int32_t{context.DemandedValue(i, "a zero point").template data<T>()[0]};
  };
  blending.scales.ratio = scale(kXScale) / scale(kZScale) / kParts;
  blending.scales.x_zero = zero(kXZero);
  blending.scales.z_zero = zero(kZZero);
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    if (context.HasInput(i)) context.DoNotRead(i);
  }
  return blending;
}

// Rows of outputs, `step` codes at a time: the pixels of a block, or single ones.
template <typename T>
std::unique_ptr<Step> MakeRows(std::string kernel, Blending blending, std::int64_t planes,
                               std::int64_t step, std::int64_t blocks, std::int64_t channels) {
  const auto out_h = static_cast<std::int64_t>(blending.rows.size());
  const auto out_w = static_cast<std::int64_t>(blending.columns.size());
  const auto run = kernels::GetCodeOps(std::is_signed_v<T>).blend;
  return MakeItemStep(
      std::move(kernel), planes * out_h, out_w * step * 4,
      [=, blending = std::move(blending)](const StepArgs& args, std::int64_t begin,
                                          std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t plane = item / out_h;
          const Between& row = blending.rows[static_cast<std::size_t>(item % out_h)];
          const T* in =
              static_cast<const T*>(args.inputs[0]) + plane * blending.in_h * blending.in_w * step;
          const T* low = in + row.low * blending.in_w * step;
          const T* high = in + row.high * blending.in_w * step;
          T* out = static_cast<T*>(args.outputs[0]) + item * out_w * step;
          const std::int64_t lanes = std::min(step, channels - plane % blocks * step);
          for (const Between& column : blending.columns) {
            const std::int64_t left = column.low * step;
            const std::int64_t right = column.high * step;
            run(blending.At(row, column), {low + left, low + right, high + left, high + right}, out,
                static_cast<std::size_t>(step));
            std::memset(out + lanes, 0, static_cast<std::size_t>(step - lanes));
            out += step;
          }
        }
      });
}

std::unique_ptr<Step> PlanResizeOfCodes(PlanContext& context) {
  const Shape& out = context.OutputShape(0);
  const bool blocked = MovesBlocks(context, 0) && !context.IsKnown(0) && ElementCount(out) > 0;
  auto step = DispatchEightBits(context.InputType(0), [&]<typename T>() {
    Blending blending = BlendingOf<T>(context);
    if (!blocked) {
      return MakeRows<T>("resize/linear_codes", std::move(blending), out[0] * out[1], 1, 1, 1);
    }
    context.ReadAs(0, Layout::kBlocked);
    context.WriteAs(0, Layout::kBlocked);
    const std::int64_t blocks = kernels::BlockCount(out[1], CodePlanes::kLanes);
    return MakeRows<T>("resize/linear_blocked_u8", std::move(blending), out[0] * blocks,
                       CodePlanes::kLanes, blocks, out[1]);
  });
  const auto elements = static_cast<double>(ElementCount(out));
  step->work = kernels::LoopWork((blocked ? 1.0 : 30.0) * elements, context.threads());
  return step;
}

}  // namespace

const OpDef& OpQLinearResize() {
  static const OpDef def{
      .name = "QLinearResize",
      .domain = kKingletDomain,
      .since = kKingletOpset,
      .until = kKingletOpset,
      .min_inputs = 8,
      .max_inputs = 8,
      .attributes =
          "opset mode coordinate_transformation_mode nearest_mode cubic_coeff_a "
          "exclude_outside extrapolation_value antialias axes keep_aspect_ratio_policy",
      .types = kEightBits,
      .infer = InferResizeOfCodes,
      .plan = PlanResizeOfCodes,
      .batch_wise = EachImageShaped};
  return def;
}

}  // namespace kinglet
