// Conv: float32 convolutions of one or two dimensions run the cheapest variant of kernels/conv that
// takes them, those of three kernels/conv/volume.h; everything else (float64, weights that are no
// constants) runs a plain loop.
#include "engine/ops/conv.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "engine/ops/batch.h"
#include "engine/ops/conv_choice.h"
#include "engine/ops/conv_step.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/volume_conv.h"
#include "kernels/common/blocked.h"

namespace kinglet {
namespace {

void InferConv(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, context.HasInput(2) ? 3 : 2);
  const Shape& input = context.InputShape(0);
  const Shape& weights = context.InputShape(1);
  const std::vector<std::int64_t> sizes = SpatialSizes(context);
  if (weights.size() != input.size()) {
    context.Invalid("weights of rank " + std::to_string(weights.size()) + ", expected " +
                    std::to_string(input.size()) + " as the input");
  }
  const std::int64_t groups = context.attributes().Int("group", 1);
  if (groups < 1 || weights[0] < 1 || weights[0] % groups != 0) {
    context.Invalid("group " + std::to_string(groups) + " does not divide the " +
                    std::to_string(weights[0]) + " output channels");
  }
  if (weights[1] < 1 || input[1] % groups != 0 || input[1] / groups != weights[1]) {
    context.Invalid("the input has " + std::to_string(input[1]) + " channels, expected " +
                    std::to_string(weights[1]) + " x group " + std::to_string(groups));
  }
  if (context.HasInput(2) && context.InputShape(2) != Shape{weights[0]}) {
    context.Invalid("the bias has shape " + ShapeToString(context.InputShape(2)) + ", expected " +
                    std::to_string(weights[0]));
  }
  const Window window = ConvWindow(context, sizes, std::span(weights).subspan(2));
  Shape output = {input[0], weights[0]};
  output.insert(output.end(), window.output.begin(), window.output.end());
  const bool residual = context.node().fusion.residual;
  if (residual) RequireType(context, 3, DataType::kFloat32);
  if (residual && context.InputShape(3) != output) {
    context.Unsupported("the fused sum would broadcast " + ShapeToString(context.InputShape(3)) +
                        " to " + ShapeToString(output) +
                        "; compile the model without optimisation");
  }
  context.SetOutput(0, context.InputType(0), std::move(output));
}

// A convolution of one to three dimensions, the missing ones of size 1.
struct GenericConv {
  std::array<std::int64_t, 3> in{1, 1, 1}, kernel{1, 1, 1}, out{1, 1, 1};
  std::array<std::int64_t, 3> stride{1, 1, 1}, dilation{1, 1, 1}, pad{0, 0, 0};
  std::int64_t n = 0, ic = 0, oc = 0, groups = 1;
  bool has_bias = false;
  bool has_residual = false;
};

template <typename T>
void RunGeneric(const GenericConv& c, const ActivationFn& activate, const StepArgs& a,
                std::int64_t begin, std::int64_t end) {
  const auto* x = static_cast<const T*>(a.inputs[0]);
  const auto* w = static_cast<const T*>(a.inputs[1]);
  const auto* bias = c.has_bias ? static_cast<const T*>(a.inputs[2]) : nullptr;
  const auto* residual = c.has_residual ? static_cast<const T*>(a.inputs[3]) : nullptr;
  auto* y = static_cast<T*>(a.outputs[0]);
  const std::int64_t in_plane = c.in[0] * c.in[1] * c.in[2];
  const std::int64_t out_plane = c.out[0] * c.out[1] * c.out[2];
  const std::int64_t taps = c.kernel[0] * c.kernel[1] * c.kernel[2];
  const std::int64_t group_ic = c.ic / c.groups;
  const std::int64_t group_oc = c.oc / c.groups;
  for (std::int64_t unit = begin; unit < end; ++unit) {  // (image, output channel)
    const std::int64_t n = unit / c.oc;
    const std::int64_t oc = unit % c.oc;
    const T* planes = x + (n * c.ic + oc / group_oc * group_ic) * in_plane;
    const T* filter = w + oc * group_ic * taps;
    for (std::int64_t o = 0; o < out_plane; ++o) {
      const std::array<std::int64_t, 3> at{o / (c.out[1] * c.out[2]), o / c.out[2] % c.out[1],
                                           o % c.out[2]};
      double sum = bias == nullptr ? 0.0 : static_cast<double>(bias[oc]);
      for (std::int64_t t = 0; t < taps; ++t) {
        const std::array<std::int64_t, 3> tap{t / (c.kernel[1] * c.kernel[2]),
                                              t / c.kernel[2] % c.kernel[1], t % c.kernel[2]};
        std::int64_t offset = 0;
        bool inside = true;
        for (std::size_t d = 0; d < 3; ++d) {
          const std::int64_t i = at[d] * c.stride[d] + tap[d] * c.dilation[d] - c.pad[d];
          inside = inside && i >= 0 && i < c.in[d];
          offset = offset * c.in[d] + i;
        }
        if (!inside) continue;
        for (std::int64_t ic = 0; ic < group_ic; ++ic) {
          sum += static_cast<double>(planes[ic * in_plane + offset]) *
                 static_cast<double>(filter[ic * taps + t]);
        }
      }
      if (residual != nullptr) sum += static_cast<double>(residual[unit * out_plane + o]);
      y[unit * out_plane + o] = static_cast<T>(sum);
    }
    if constexpr (std::is_same_v<T, float>) activate.Apply(y + unit * out_plane, out_plane);
  }
}

std::unique_ptr<Step> PlanGeneric(PlanContext& context, const Window& window) {
  if (window.rank() > 3) context.Unsupported("more than three spatial dimensions");
  GenericConv c;
  c.n = context.OutputShape(0)[0];
  c.ic = context.InputShape(0)[1];
  c.oc = context.OutputShape(0)[1];
  c.groups = context.attributes().Int("group", 1);
  c.has_bias = context.HasInput(2);
  c.has_residual = context.node().fusion.residual;
  const ActivationFn activate(context.node().fusion);
  const std::size_t first = 3 - window.rank();
  for (std::size_t d = 0; d < window.rank(); ++d) {
    c.in[first + d] = context.InputShape(0)[d + 2];
    c.kernel[first + d] = window.kernel[d];
    c.out[first + d] = window.output[d];
    c.stride[first + d] = window.strides[d];
    c.dilation[first + d] = window.dilations[d];
    c.pad[first + d] = window.pads_begin[d];
  }
  return DispatchFloat(context.InputType(0), [&]<typename T>() {
    return MakeStep(std::string("conv/generic_") + DataTypeName(context.InputType(0)), c.n * c.oc,
                    [=](const StepArgs& a, std::int64_t b, std::int64_t e) {
                      RunGeneric<T>(c, activate, a, b, e);
                    });
  });
}

// Where no kernel has the types that values are stored as, they are converted around one.
ChosenConv ChooseVariant(const PlanContext& context, const kernels::ConvShape& shape) {
  const kernels::OperandTypes stored = {context.InputStorage(0), context.InputStorage(1),
                                        context.OutputStorage(0)};
  ChosenConv chosen = ChooseConvVariant(context, shape, stored);
  if (chosen.variant != nullptr || stored == kernels::OperandTypes{}) return chosen;
  return ChooseConvVariant(context, shape, {});
}

std::unique_ptr<Step> PlanVariant(PlanContext& context, const kernels::ConvShape& shape,
                                  const ChosenConv& chosen) {
  auto step = MakeConvStep(context, *chosen.variant, shape);
  chosen.Describe(*step);
  return step;
}

std::unique_ptr<Step> PlanConv(PlanContext& context) {
  const std::vector<std::int64_t> sizes = SpatialSizes(context);
  const Window window = ConvWindow(context, sizes, std::span(context.InputShape(1)).subspan(2));
  std::unique_ptr<Step> step;
  if (IsVolumeConv(context) && window.rank() <= 2) {
    const ChosenConv chosen = ChooseVariant(context, ConvShapeOf(context, window));
    if (chosen.variant != nullptr) {
      step = PlanVariant(context, ConvShapeOf(context, window), chosen);
    }
  } else if (IsVolumeConv(context) && window.rank() == kMaxVolumeRank) {
    step = PlanVolumeConv(context, "conv", VolumeShapeOf(context, window, false));
  }
  if (step == nullptr) step = PlanGeneric(context, window);
  const Shape& weights = context.InputShape(1);
  const std::int64_t filter = weights[0] > 0 ? ElementCount(weights) / weights[0] : 0;
  step->macs = ElementCount(context.OutputShape(0)) * filter;
  if (step->work.empty()) {
    step->work = kernels::LoopWork(2 * static_cast<double>(step->macs), context.threads());
  }
  return step;
}

}  // namespace

kernels::ConvShape ConvShapeOf(const PlanContext& context, const Window& window) {
  kernels::ConvShape s = ConvShapeOf(context.InputShape(0), context.OutputShape(0), window);
  s.groups = context.attributes().Int("group", 1);
  return s;
}

kernels::ConvShape ConvShapeOf(const Shape& input, const Shape& output, const Window& window) {
  kernels::ConvShape s;
  s.n = input[0];
  s.ic = input[1];
  s.oc = output[1];
  const std::size_t y = 0;
  const std::size_t x = window.rank() - 1;
  if (window.rank() == 2) {
    s.ih = input[2];
    s.oh = output[2];
    s.kh = static_cast<int>(window.kernel[y]);
    s.sh = static_cast<int>(window.strides[y]);
    s.dh = static_cast<int>(window.dilations[y]);
    s.pad_top = static_cast<int>(window.pads_begin[y]);
  }
  s.iw = input[x + 2];
  s.ow = output[x + 2];
  s.kw = static_cast<int>(window.kernel[x]);
  s.sw = static_cast<int>(window.strides[x]);
  s.dw = static_cast<int>(window.dilations[x]);
  s.pad_left = static_cast<int>(window.pads_begin[x]);
  return s;
}

std::string CutText(std::int64_t images, std::int64_t units) {
  const auto count = [](std::int64_t n, const std::string& what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  if (images == 1 || units % images != 0) return count(units, "part");
  return count(images, "image") + " x " + count(units / images, "part");
}

const float* PackBias(PlanContext& context, std::size_t i, std::int64_t channels) {
  if (!context.HasInput(i)) return nullptr;
  const auto padded = static_cast<std::size_t>(kernels::RoundUpToBlock(channels)) * sizeof(float);
  const Tensor* bias = context.InputValue(i);
  context.DoNotRead(i);
  return static_cast<const float*>(
      context.Packed(i, kernels::ChannelLanesFormat(), padded, [&](void* to) {
        std::memset(to, 0, padded);
        std::memcpy(to, bias->raw(), bias->bytes());
      }));
}

const OpDef& OpConv() {
  static const OpDef op = {
      .name = "Conv",
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = "auto_pad dilations group kernel_shape pads strides",
      .types = "float32, float64",
      .infer = InferConv,
      .plan = PlanConv,
      .batch_wise = EachImage,
  };
  return op;
}

}  // namespace kinglet
