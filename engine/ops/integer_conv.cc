// ConvInteger, and what it shares with QLinearConv (engine/ops/integer_conv.h).
//
//   acc = sum (x - x_zero_point) * (w - w_zero_point)
//
// What lies in the padding is x_zero_point, and adds nothing.
#include "engine/ops/integer_conv.h"

#include "engine/ops/batch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

constexpr IntegerConvInputs kConvInteger{0, 2, 1, 3};

constexpr std::int64_t kColumnElements = 65536;  // of a block of columns, about
constexpr std::int64_t kDepthwisePixels = 4096;  // of a block where a group has one channel

void InferConvInteger(InferContext& context) {
  InferIntegerConv(context, kConvInteger, DataType::kInt32);
}

std::unique_ptr<Step> PlanConvInteger(PlanContext& context) {
  return MakeIntegerConvStep(context, "conv/integer", kConvInteger, [](const StepArgs& args) {
    auto* y = static_cast<std::int32_t*>(args.outputs[0]);
    return [=](std::int64_t, std::int64_t to, std::int64_t count, const std::int32_t* sums) {
      std::copy_n(sums, count, y + to);
    };
  });
}

}  // namespace

Window IntegerConvWindow(const NodeContext& context, const IntegerConvInputs& at) {
  return ConvWindow(context, SpatialSizes(context), std::span(context.InputShape(at.w)).subspan(2));
}

void InferIntegerConv(InferContext& context, const IntegerConvInputs& at, DataType type) {
  RequireEightBits(context, at.x);
  RequireEightBits(context, at.w);
  const Shape& x = context.InputShape(at.x);
  const Shape& w = context.InputShape(at.w);
  SpatialSizes(context);
  if (w.size() != x.size()) {
    context.Invalid("weights of rank " + std::to_string(w.size()) + ", expected " +
                    std::to_string(x.size()) + " as the input");
  }
  const std::int64_t groups = context.attributes().Int("group", 1);
  if (groups < 1 || w[0] < 1 || w[0] % groups != 0) {
    context.Invalid("group " + std::to_string(groups) + " does not divide the " +
                    std::to_string(w[0]) + " output channels");
  }
  if (w[1] < 1 || x[1] % groups != 0 || x[1] / groups != w[1]) {
    context.Invalid("the input has " + std::to_string(x[1]) + " channels, expected " +
                    std::to_string(w[1]) + " x group " + std::to_string(groups));
  }
  RequireOneZeroPoint(context, at.x_zero, at.x);
  RequireZeroPoints(context, at.w_zero, at.w, w[0]);
  const Window window = IntegerConvWindow(context, at);
  Shape y = {x[0], w[0]};
  y.insert(y.end(), window.output.begin(), window.output.end());
  context.SetOutput(0, type, std::move(y));
}

namespace internal {

IntegerConv IntegerConvOf(const PlanContext& context, const IntegerConvInputs& at) {
  const Window window = IntegerConvWindow(context, at);
  const Shape& w = context.InputShape(at.w);
  IntegerConv c;
  c.images = context.InputShape(at.x)[0];
  c.groups = context.attributes().Int("group", 1);
  c.group_in = w[1];
  c.group_out = w[0] / c.groups;
  c.in = SpatialSizes(context);
  c.out = window.output;
  c.strides = window.strides;
  c.pads = window.pads_begin;
  c.in_plane = ElementCount(Shape(c.in));
  c.out_plane = ElementCount(Shape(c.out));
  c.taps = ElementCount(Shape(window.kernel));
  c.depth = c.group_in * c.taps;
  const std::int64_t block = std::clamp<std::int64_t>(kColumnElements / c.depth, 4, 64);
  c.block = std::min(c.out_plane, c.depthwise() ? kDepthwisePixels : block);
  c.blocks = CeilDiv(c.out_plane, c.block);
  for (std::int64_t tap = 0; tap < c.taps; ++tap) {
    std::int64_t rest = tap;
    std::vector<std::int64_t> offsets(window.rank());
    for (std::size_t d = window.rank(); d-- > 0; rest /= window.kernel[d]) {
      offsets[d] = rest % window.kernel[d] * window.dilations[d];
    }
    c.tap_at.insert(c.tap_at.end(), offsets.begin(), offsets.end());
  }
  c.w_zero_step = StepBetween(context, at.w_zero);
  return c;
}

}  // namespace internal

const OpDef& OpConvInteger() {
  static const OpDef def{.name = "ConvInteger",
                         .since = 10,
                         .min_inputs = 2,
                         .max_inputs = 4,
                         .attributes = "auto_pad dilations group kernel_shape pads strides",
                         .types = "int8, uint8 to int32",
                         .infer = InferConvInteger,
                         .plan = PlanConvInteger,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
