// ImageConv (domain kinglet): a convolution whose input is a picture, scaled and shifted per
// channel as it is read: pixels in uint8 or float32, NCHW or (attribute channels_last) NHWC.
// Inputs: pixels, weights, bias, scale, shift; all but the first are constants. Padding is zero
// behind scale and shift.
#include "kernels/conv/image_conv.h"

#include <algorithm>

#include "engine/graph/fusion.h"
#include "engine/ops/batch.h"
#include "engine/ops/choice.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"

namespace kinglet {
namespace {

constexpr std::size_t kWeights = 1, kBias = 2, kScale = 3, kShift = 4;

bool ChannelsLast(const NodeContext& context) {
  return context.attributes().Int("channels_last", 0) != 0;
}

// {N, C, H, W} of the pixels.
Shape PlanarShape(const NodeContext& context) {
  const Shape& shape = context.InputShape(0);
  if (shape.size() != 4) context.Invalid("pixels of shape " + ShapeToString(shape));
  return ChannelsLast(context) ? Shape{shape[0], shape[3], shape[1], shape[2]} : shape;
}

Window WindowOf(const NodeContext& context) {
  const Shape planar = PlanarShape(context);
  return ConvWindow(context, std::span(planar).subspan(2),
                    std::span(context.InputShape(kWeights)).subspan(2));
}

void InferImageConv(InferContext& context) {
  const DataType type = context.InputType(0);
  if (type != DataType::kUInt8 && type != DataType::kFloat32) {
    context.Invalid(std::string("pixels of type ") + DataTypeName(type) +
                    ", expected uint8 or float32");
  }
  const Shape pixels = PlanarShape(context);
  const Shape& weights = context.InputShape(kWeights);
  if (weights.size() != 4 || weights[0] < 1 || weights[1] != pixels[1]) {
    context.Invalid("the pixels have " + std::to_string(pixels[1]) +
                    " channels, the weights have shape " + ShapeToString(weights));
  }
  for (std::size_t i = kWeights; i <= kShift; ++i) {
    if (context.InputType(i) != DataType::kFloat32) {
      context.Invalid("input " + std::to_string(i) + " is no float32");
    }
    const Shape expected{i == kBias ? weights[0] : weights[1]};
    if (i != kWeights && context.InputShape(i) != expected) {
      context.Invalid("input " + std::to_string(i) + " has shape " +
                      ShapeToString(context.InputShape(i)) + ", expected " +
                      ShapeToString(expected));
    }
  }
  const Window window = WindowOf(context);
  context.SetOutput(0, DataType::kFloat32,
                    {pixels[0], weights[0], window.output[0], window.output[1]});
}

kernels::ConvShape ShapeOf(const PlanContext& context) {
  const Shape pixels = PlanarShape(context);
  return ConvShapeOf(pixels, context.OutputShape(0), WindowOf(context));
}

const float* PackChannels(PlanContext& context, std::size_t i) {
  context.DoNotRead(i);
  const Tensor* values = context.InputValue(i);
  const kernels::PackedFormat format{.family = "channel", .variant = "plain"};
  return static_cast<const float*>(context.Packed(i, format, values->bytes(), [&](void* to) {
    std::copy_n(values->data<float>(), values->size(), static_cast<float*>(to));
  }));
}

std::unique_ptr<Step> PlanImageConv(PlanContext& context) {
  for (std::size_t i = kWeights; i <= kShift; ++i) {
    if (!context.IsKnown(i)) {
      context.Unsupported("input " + std::to_string(i) + " is no constant");
    }
  }
  const kernels::ConvShape shape = ShapeOf(context);
  if (context.node().fusion.residual || !kernels::ImageConvSupports(shape)) {
    context.Unsupported("a picture of " + std::to_string(shape.ic) + " channels, or a fused sum");
  }
  const kernels::ConvVariant& base = kernels::ImageConvBase();
  kernels::ImageInput image;
  image.bytes = context.InputType(0) == DataType::kUInt8;
  image.channels_last = ChannelsLast(context);
  image.scale = PackChannels(context, kScale);
  image.shift = PackChannels(context, kShift);
  kernels::ConvArgs args;
  args.packed = PackWeights(context, kWeights, base, shape);
  args.bias = PackBias(context, kBias, shape.oc);
  args.epilogue = FusedEpilogue(context.node().fusion);
  context.WriteAs(0, Layout::kBlocked);
  args.output_stride = context.OutputStride(0);
  const bool empty = ElementCount(context.OutputShape(0)) == 0;
  const kernels::ImageConvKernels target = kernels::ResolveImageConv();
  auto step =
      MakeStep(image.bytes ? "conv/image_u8" : "conv/image_f32", empty ? 0 : base.units(shape),
               [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                 kernels::ImageInput now = image;
                 now.pixels = a.inputs[0];
                 kernels::ConvArgs where = args;
                 where.output = a.outputs[0];
                 kernels::ImageConvRun(shape, now, target, where, begin, end, a.scratch);
               });
  step->scratch_bytes = empty ? 0 : kernels::ImageConvScratchBytes(shape);
  step->macs = ElementCount(context.OutputShape(0)) * shape.ic * shape.kh * shape.kw;
  if (!empty) step->work = base.work(shape, context.threads());
  AddFusedActivation(context, step->work);
  return step;
}

}  // namespace

const OpDef& OpImageConv() {
  static const OpDef op = {
      .name = "ImageConv",
      .domain = kKingletDomain,
      .since = kKingletOpset,
      .until = kKingletOpset,
      .min_inputs = 5,
      .max_inputs = 5,
      .attributes = "auto_pad channels_last dilations kernel_shape pads strides",
      .types = "uint8, float32",
      .infer = InferImageConv,
      .plan = PlanImageConv,
      .batch_wise = EachImage,
  };
  return op;
}

}  // namespace kinglet
