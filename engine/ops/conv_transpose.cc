// ConvTranspose: the adjoint of a convolution. Input element i of a dimension adds its products
// with tap k to output element i * stride + k * dilation - pad. With float32 and constant weights
// kernels/conv/volume.h computes it, else (float64, weights that are inputs) plain loops do.
#include <algorithm>
#include <array>
#include <type_traits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/spatial.h"
#include "engine/ops/volume_conv.h"

namespace kinglet {
namespace {

constexpr std::size_t kMaxSpatial = kMaxVolumeRank;
using Sizes = std::array<std::int64_t, kMaxSpatial>;

std::vector<std::int64_t> KernelOf(const NodeContext& context) {
  const Shape& weights = context.InputShape(1);
  return {weights.begin() + 2, weights.end()};
}

void InferConvTranspose(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 3);
  const std::vector<std::int64_t> sizes = SpatialSizes(context);
  const Shape& input = context.InputShape(0);
  const Shape& weights = context.InputShape(1);
  if (weights.size() != input.size()) {
    context.Invalid("the weights have shape " + ShapeToString(weights) + ", expected rank " +
                    std::to_string(input.size()) + " as the input has");
  }
  if (sizes.size() > kMaxSpatial) {
    context.Unsupported(std::to_string(sizes.size()) + " spatial dimensions, supported are 1 to 3");
  }
  const std::int64_t group = context.attributes().Int("group", 1);
  if (group < 1 || weights[0] != input[1] || input[1] % group != 0) {
    context.Invalid("weights of " + std::to_string(weights[0]) + " input channels and group " +
                    std::to_string(group) + " for an input of " + std::to_string(input[1]) +
                    " channels");
  }
  std::int64_t channels = 0;
  if (__builtin_mul_overflow(weights[1], group, &channels)) {
    context.Invalid("group " + std::to_string(group) + " is too large");
  }
  if (context.HasInput(2) && context.InputShape(2) != Shape{channels}) {
    context.Invalid("the bias has shape " + ShapeToString(context.InputShape(2)) + ", expected " +
                    std::to_string(channels));
  }
  const Window window = ConvTransposeWindow(context, sizes, KernelOf(context));
  Shape shape{input[0], channels};
  shape.insert(shape.end(), window.output.begin(), window.output.end());
  if (context.node().fusion.residual) {
    RequireType(context, 3, DataType::kFloat32);
    if (context.InputShape(3) != shape) {
      context.Unsupported("the fused sum would broadcast " + ShapeToString(context.InputShape(3)) +
                          " to " + ShapeToString(shape) +
                          "; compile the model without optimisation");
    }
  }
  context.SetOutput(0, context.InputType(0), std::move(shape));
}

struct Transposed {
  std::int64_t in_channels;   // of a group
  std::int64_t out_channels;  // of a group
  std::int64_t groups;
  Sizes in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1};
  Sizes stride{1, 1, 1}, dilation{1, 1, 1}, pad{0, 0, 0};

  static std::int64_t Count(const Sizes& sizes) { return sizes[0] * sizes[1] * sizes[2]; }
};

// The inputs [first, last) whose tap k falls into the output, in dimension d.
struct Span {
  std::int64_t first, last, shift;
};

Span TapSpan(const Transposed& p, std::size_t d, std::int64_t k) {
  const std::int64_t shift = k * p.dilation[d] - p.pad[d];
  const std::int64_t stride = p.stride[d];
  const std::int64_t first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  const std::int64_t room = p.out[d] - 1 - shift;
  const std::int64_t last = room < 0 ? 0 : std::min(p.in[d], room / stride + 1);
  return {first, last, shift};
}

template <typename T>
void AddTap(const Transposed& p, const T* x, T weight, const Sizes& tap, T* y) {
  const Span z = TapSpan(p, 0, tap[0]);
  const Span v = TapSpan(p, 1, tap[1]);
  const Span h = TapSpan(p, 2, tap[2]);
  for (std::int64_t iz = z.first; iz < z.last; ++iz) {
    for (std::int64_t iy = v.first; iy < v.last; ++iy) {
      const T* from = x + (iz * p.in[1] + iy) * p.in[2];
      T* to = y + ((iz * p.stride[0] + z.shift) * p.out[1] + iy * p.stride[1] + v.shift) * p.out[2];
      if (p.stride[2] == 1) {
        for (std::int64_t i = h.first; i < h.last; ++i) to[i + h.shift] += weight * from[i];
      } else {
        for (std::int64_t i = h.first; i < h.last; ++i) {
          to[i * p.stride[2] + h.shift] += weight * from[i];
        }
      }
    }
  }
}

// One output channel of one image. x: the image's group, w: {in_channels, out_channels, kernel} at
// the output channel.
template <typename T>
void TransposedMap(const Transposed& p, const T* x, const T* w, T bias, T* y) {
  std::fill_n(y, Transposed::Count(p.out), bias);
  const std::int64_t taps = Transposed::Count(p.kernel);
  for (std::int64_t c = 0; c < p.in_channels; ++c) {
    const T* weights = w + c * p.out_channels * taps;
    Sizes tap{};
    for (tap[0] = 0; tap[0] < p.kernel[0]; ++tap[0]) {
      for (tap[1] = 0; tap[1] < p.kernel[1]; ++tap[1]) {
        for (tap[2] = 0; tap[2] < p.kernel[2]; ++tap[2]) {
          AddTap(p, x + c * Transposed::Count(p.in), *weights++, tap, y);
        }
      }
    }
  }
}

Transposed Describe(const PlanContext& context) {
  const Shape& input = context.InputShape(0);
  const std::vector<std::int64_t> sizes = SpatialSizes(context);
  const Window w = ConvTransposeWindow(context, sizes, KernelOf(context));
  Transposed p;
  p.groups = context.attributes().Int("group", 1);
  p.in_channels = input[1] / p.groups;
  p.out_channels = context.InputShape(1)[1];
  for (std::size_t i = 0; i < w.rank(); ++i) {
    const std::size_t to = kMaxSpatial - w.rank() + i;
    p.in[to] = sizes[i];
    p.out[to] = w.output[i];
    p.kernel[to] = w.kernel[i];
    p.stride[to] = w.strides[i];
    p.dilation[to] = w.dilations[i];
    p.pad[to] = w.pads_begin[i];
  }
  return p;
}

std::int64_t MultiplyAddsOf(const PlanContext& context, const Transposed& p) {
  return context.InputShape(0)[0] * p.groups * p.out_channels * p.in_channels *
         Transposed::Count(p.kernel) * Transposed::Count(p.in);
}

template <typename T>
std::unique_ptr<Step> PlanMaps(PlanContext& context, const Transposed& p) {
  const std::int64_t maps = p.groups * p.out_channels;
  const std::int64_t images = context.InputShape(0)[0];
  const std::int64_t in_map = Transposed::Count(p.in);
  const std::int64_t out_map = Transposed::Count(p.out);
  const std::int64_t taps = Transposed::Count(p.kernel);
  const bool has_bias = context.HasInput(2);
  const bool has_residual = context.node().fusion.residual;
  const ActivationFn activate(context.node().fusion);
  auto step =
      MakeStep("conv_transpose/direct", images * maps,
               [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                 for (std::int64_t unit = begin; unit < end; ++unit) {
                   const std::int64_t channel = unit % maps;
                   const std::int64_t group = channel / p.out_channels;
                   const std::int64_t first = (unit / maps * p.groups + group) * p.in_channels;
                   const auto* weights =
                       static_cast<const T*>(args.inputs[1]) +
                       (group * p.in_channels * p.out_channels + channel % p.out_channels) * taps;
                   const T bias = has_bias ? static_cast<const T*>(args.inputs[2])[channel] : T{0};
                   T* map = static_cast<T*>(args.outputs[0]) + unit * out_map;
                   TransposedMap(p, static_cast<const T*>(args.inputs[0]) + first * in_map, weights,
                                 bias, map);
                   if (has_residual) {
                     const T* residual = static_cast<const T*>(args.inputs[3]) + unit * out_map;
                     for (std::int64_t i = 0; i < out_map; ++i) map[i] += residual[i];
                   }
                   if constexpr (std::is_same_v<T, float>) activate.Apply(map, out_map);
                 }
               });
  step->work =
      kernels::LoopWork(2 * static_cast<double>(MultiplyAddsOf(context, p)), context.threads());
  return step;
}

std::unique_ptr<Step> PlanConvTranspose(PlanContext& context) {
  const Transposed p = Describe(context);
  std::unique_ptr<Step> step;
  if (IsVolumeConv(context)) {
    const Window window = ConvTransposeWindow(context, SpatialSizes(context), KernelOf(context));
    step = PlanVolumeConv(context, "conv_transpose", VolumeShapeOf(context, window, true));
  } else {
    step =
        DispatchFloat(context.InputType(0), [&]<typename T>() { return PlanMaps<T>(context, p); });
  }
  step->macs = MultiplyAddsOf(context, p);
  return step;
}

}  // namespace

const OpDef& OpConvTranspose() {
  static const OpDef op{
      .name = "ConvTranspose",
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes =
          "auto_pad dilations group kernel_shape output_padding output_shape pads strides",
      .types = "float32, float64",
      .infer = InferConvTranspose,
      .plan = PlanConvTranspose,
      .batch_wise = EachImage};
  return op;
}

}  // namespace kinglet
