// QLinearConv and ConvInteger: exact convolutions of 8-bit tensors, im2col and integer products, or
// plane by plane where a group has one channel.
//
//   acc = sum (x - x_zero_point) * (w - w_zero_point)                     what ConvInteger gives
//   y = saturate(round((acc + bias) * (x_scale * w_scale / y_scale)) + y_zero_point)
//
// What lies in the padding is x_zero_point, and adds nothing.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/batch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/quantized.h"
#include "engine/ops/spatial.h"
#include "engine/ops/views.h"
#include "kernels/quantize/integer_dot.h"

namespace kinglet {
namespace {

// Where the operator has what.
struct ConvInputs {
  std::size_t x, x_zero, w, w_zero;
};
constexpr ConvInputs kConvInteger{0, 2, 1, 3};
constexpr ConvInputs kQLinearConv{0, 2, 3, 5};
constexpr std::size_t kXScale = 1, kWScale = 4, kYScale = 6, kYZero = 7, kBias = 8;

constexpr std::int64_t kColumnElements = 65536;  // of a block of columns, about
constexpr std::int64_t kDepthwisePixels = 4096;  // of a block where a group has one channel

// Output pixels are taken in blocks: each becomes a column [taps][channels of the group] of what
// its window shows.
struct IntegerConv {
  std::int64_t images = 0, groups = 1;
  std::int64_t group_in = 0, group_out = 0;  // channels of a group
  std::int64_t in_plane = 1, out_plane = 1;
  std::int64_t taps = 1, depth = 0;    // group_in * taps
  std::int64_t block = 1, blocks = 0;  // pixels, blocks of a plane
  std::vector<std::int64_t> in, out, strides, pads;
  std::vector<std::int64_t> tap_at;  // [taps][dimensions], dilated
  std::int64_t w_zero_step = 0;

  bool depthwise() const { return group_in == 1; }
  std::size_t scratch_bytes() const {
    if (depthwise()) return static_cast<std::size_t>(block) * sizeof(std::uint32_t);
    return static_cast<std::size_t>(block) * sizeof(std::int32_t) +
           static_cast<std::size_t>((block + 1) * depth) * sizeof(std::int16_t);
  }
};

Window WindowOf(const NodeContext& context, const ConvInputs& at) {
  return ConvWindow(context, SpatialSizes(context), std::span(context.InputShape(at.w)).subspan(2));
}

// Sets output 0.
void InferConv(InferContext& context, const ConvInputs& at, DataType type) {
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
  const Window window = WindowOf(context, at);
  Shape y = {x[0], w[0]};
  y.insert(y.end(), window.output.begin(), window.output.end());
  context.SetOutput(0, type, std::move(y));
}

void InferQLinearConv(InferContext& context) {
  const std::int64_t channels =
      context.InputShape(kQLinearConv.w).empty() ? 0 : context.InputShape(kQLinearConv.w)[0];
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
  InferConv(context, kQLinearConv, context.InputType(kYZero));
}

void InferConvInteger(InferContext& context) { InferConv(context, kConvInteger, DataType::kInt32); }

IntegerConv ConvOf(const PlanContext& context, const ConvInputs& at) {
  const Window window = WindowOf(context, at);
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

// Where the window of output `at` of the first `dims` dimensions begins.
struct Corner {
  Corner(const IntegerConv& c, std::int64_t at, std::size_t dims) : rank(dims) {
    for (std::size_t d = rank; d-- > 0; at /= c.out[d]) {
      begin[d] = at % c.out[d] * c.strides[d] - c.pads[d];
    }
  }
  // Of a tensor of these dimensions, the offset of what tap `tap` shows; -1: padding.
  std::int64_t Source(const IntegerConv& c, std::int64_t tap) const {
    const std::int64_t* tap_at = c.tap_at.data() + tap * static_cast<std::int64_t>(c.in.size());
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < rank; ++d) {
      const std::int64_t at = begin[d] + tap_at[d];
      if (at < 0 || at >= c.in[d]) return -1;
      offset = offset * c.in[d] + at;
    }
    return offset;
  }

  std::size_t rank;
  std::int64_t begin[kMaxRank] = {};
};

// `x` is the group's first plane.
template <typename T>
void FillColumn(const IntegerConv& c, const T* x, std::int32_t zero, std::int64_t pixel,
                std::int16_t* column) {
  const Corner corner(c, pixel, c.in.size());
  for (std::int64_t tap = 0; tap < c.taps; ++tap, column += c.group_in) {
    const std::int64_t source = corner.Source(c, tap);
    if (source < 0) {
      std::fill(column, column + c.group_in, std::int16_t{0});
      continue;
    }
    const T* from = x + source;
    for (std::int64_t ch = 0; ch < c.group_in; ++ch) {
      column[ch] = static_cast<std::int16_t>(from[ch * c.in_plane] - zero);
    }
  }
}

// One filter in the order of a column.
template <typename T>
void FillFilter(const IntegerConv& c, const T* w, std::int32_t zero, std::int16_t* filter) {
  for (std::int64_t tap = 0; tap < c.taps; ++tap, filter += c.group_in) {
    for (std::int64_t ch = 0; ch < c.group_in; ++ch) {
      filter[ch] = static_cast<std::int16_t>(w[ch * c.taps + tap] - zero);
    }
  }
}

// write(output channel, offset of the first pixel in the output, pixels, sums) takes the results.
template <typename X, typename W, typename Write>
void RunConv(const IntegerConv& c, const ConvInputs& at, const StepArgs& args, std::int64_t begin,
             std::int64_t end, const Write& write) {
  auto* sums = reinterpret_cast<std::int32_t*>(args.scratch);
  auto* columns = reinterpret_cast<std::int16_t*>(sums + c.block);
  std::int16_t* filter = columns + c.block * c.depth;
  const X* x = static_cast<const X*>(args.inputs[at.x]);
  const W* w = static_cast<const W*>(args.inputs[at.w]);
  const std::int32_t x_zero = ZeroPointOf<X>(args, at.x_zero);
  const auto w_zero = ZeroPointsOf<W>(args, at.w_zero, c.w_zero_step);
  for (std::int64_t unit = begin; unit < end; ++unit) {  // (image, group, block)
    const std::int64_t first = unit % c.blocks * c.block;
    const std::int64_t pixels = std::min(c.block, c.out_plane - first);
    const std::int64_t plane = unit / c.blocks;  // image * groups + group
    const std::int64_t group = plane % c.groups;
    const X* planes = x + plane * c.group_in * c.in_plane;
    for (std::int64_t p = 0; p < pixels; ++p) {
      FillColumn(c, planes, x_zero, first + p, columns + p * c.depth);
    }
    for (std::int64_t m = 0; m < c.group_out; ++m) {
      const std::int64_t channel = group * c.group_out + m;
      FillFilter(c, w + channel * c.depth, w_zero.At(channel), filter);
      kernels::IntegerDots(filter, columns, pixels, c.depth, sums);
      write(channel, (plane * c.group_out + m) * c.out_plane + first, pixels, sums);
    }
  }
}

// Adds what one tap shows of plane `x`, times the weight, to the sums of output pixels that follow
// `first`; sums wrap around.
template <typename T>
void AddTap(const IntegerConv& c, const T* x, std::int32_t zero, std::int64_t first,
            std::int64_t pixels, std::int64_t tap, std::int16_t weight, std::uint32_t* sums) {
  const std::size_t last = c.in.size() - 1;
  const std::int64_t width = c.out[last];
  const std::int64_t stride = c.strides[last];
  // Output j of a row shows input j * stride + shift, which is there for j in [low, high).
  const std::int64_t shift =
      c.tap_at[static_cast<std::size_t>(tap) * c.in.size() + last] - c.pads[last];
  const std::int64_t low = shift < 0 ? CeilDiv(-shift, stride) : 0;
  const std::int64_t high = shift < c.in[last] ? CeilDiv(c.in[last] - shift, stride) : 0;
  const std::int64_t end = first + pixels;
  for (std::int64_t p = first; p < end;) {
    const std::int64_t row = p / width;
    const std::int64_t start = row * width;
    const std::int64_t next = std::min(end, start + width);
    const std::int64_t source = Corner(c, row, last).Source(c, tap);
    const std::int64_t from = std::max(p - start, low);
    const std::int64_t to = std::min(next - start, high);
    if (source >= 0 && from < to) {
      const T* in = x + source * c.in[last] + from * stride + shift;
      std::uint32_t* out = sums + (start + from - first);
      for (std::int64_t j = 0; j < to - from; ++j) {
        const auto value = static_cast<std::int16_t>(in[j * stride] - zero);
        out[j] += static_cast<std::uint32_t>(static_cast<std::int32_t>(value) *
                                             static_cast<std::int32_t>(weight));
      }
    }
    p = next;
  }
}

// RunConv where a group has one input channel: tap after tap over whole rows.
template <typename X, typename W, typename Write>
void RunDepthwise(const IntegerConv& c, const ConvInputs& at, const StepArgs& args,
                  std::int64_t begin, std::int64_t end, const Write& write) {
  auto* sums = reinterpret_cast<std::uint32_t*>(args.scratch);
  const X* x = static_cast<const X*>(args.inputs[at.x]);
  const W* w = static_cast<const W*>(args.inputs[at.w]);
  const std::int32_t x_zero = ZeroPointOf<X>(args, at.x_zero);
  const auto w_zero = ZeroPointsOf<W>(args, at.w_zero, c.w_zero_step);
  for (std::int64_t unit = begin; unit < end; ++unit) {  // (image, group, block)
    const std::int64_t first = unit % c.blocks * c.block;
    const std::int64_t pixels = std::min(c.block, c.out_plane - first);
    const std::int64_t plane = unit / c.blocks;
    for (std::int64_t m = 0; m < c.group_out; ++m) {
      const std::int64_t channel = plane % c.groups * c.group_out + m;
      std::fill_n(sums, pixels, 0U);
      for (std::int64_t tap = 0; tap < c.taps; ++tap) {
        const auto weight =
            static_cast<std::int16_t>(w[channel * c.taps + tap] - w_zero.At(channel));
        AddTap(c, x + plane * c.in_plane, x_zero, first, pixels, tap, weight, sums);
      }
      write(channel, (plane * c.group_out + m) * c.out_plane + first, pixels,
            reinterpret_cast<const std::int32_t*>(sums));
    }
  }
}

// make_write(args) gives what RunConv takes.
template <typename MakeWrite>
std::unique_ptr<Step> MakeConvStep(const PlanContext& context, std::string kernel,
                                   const ConvInputs& inputs, MakeWrite make_write) {
  const ConvInputs at{inputs.x, IfPresent(context, inputs.x_zero), inputs.w,
                      IfPresent(context, inputs.w_zero)};
  IntegerConv conv = ConvOf(context, inputs);
  const std::int64_t units =
      ElementCount(context.OutputShape(0)) == 0 ? 0 : conv.images * conv.groups * conv.blocks;
  const std::int64_t macs = ElementCount(context.OutputShape(0)) * conv.depth;
  const std::size_t scratch = conv.scratch_bytes();
  const bool depthwise = conv.depthwise();
  std::unique_ptr<Step> step = DispatchEightBits(context.InputType(at.x), [&]<typename X>() {
    return DispatchEightBits(context.InputType(at.w), [&]<typename W>() -> std::unique_ptr<Step> {
      return MakeStep(std::move(kernel), units,
                      [c = std::move(conv), at, make_write](const StepArgs& args,
                                                            std::int64_t begin, std::int64_t end) {
                        if (c.depthwise()) {
                          RunDepthwise<X, W>(c, at, args, begin, end, make_write(args));
                        } else {
                          RunConv<X, W>(c, at, args, begin, end, make_write(args));
                        }
                      });
    });
  });
  step->scratch_bytes = scratch;
  step->macs = macs;
  step->work = depthwise ? kernels::LoopWork(static_cast<double>(macs), context.threads())
                         : IntegerProductWork(macs, context.threads());
  return step;
}

std::unique_ptr<Step> PlanConvInteger(PlanContext& context) {
  return MakeConvStep(context, "conv/integer", kConvInteger, [](const StepArgs& args) {
    auto* y = static_cast<std::int32_t*>(args.outputs[0]);
    return [=](std::int64_t, std::int64_t to, std::int64_t count, const std::int32_t* sums) {
      std::copy_n(sums, count, y + to);
    };
  });
}

template <typename Y>
std::unique_ptr<Step> PlanQLinearConvTo(const PlanContext& context) {
  const std::int64_t scale_step = StepBetween(context, kWScale);
  const std::size_t bias_input = IfPresent(context, kBias);
  const auto make_write = [=](const StepArgs& args) {
    const float x_scale = ScaleOf(args, kXScale);
    const float y_scale = ScaleOf(args, kYScale);
    const std::int32_t y_zero = ZeroPointOf<Y>(args, kYZero);
    const auto* w_scales = static_cast<const float*>(args.inputs[kWScale]);
    const auto* bias = DataOf<std::int32_t>(args, bias_input);
    auto* y = static_cast<Y*>(args.outputs[0]);
    return
        [=](std::int64_t channel, std::int64_t to, std::int64_t count, const std::int32_t* sums) {
          const float scale = x_scale * w_scales[channel * scale_step] / y_scale;
          const auto shift = static_cast<std::uint32_t>(bias == nullptr ? 0 : bias[channel]);
          for (std::int64_t i = 0; i < count; ++i) {
            const auto sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sums[i]) + shift);
            y[to + i] = SaturateTo<Y>(static_cast<float>(sum) * scale, y_zero);
          }
        };
  };
  return MakeConvStep(context, "conv/qlinear", kQLinearConv, make_write);
}

std::unique_ptr<Step> PlanQLinearConv(PlanContext& context) {
  return DispatchEightBits(context.OutputType(0),
                           [&]<typename Y>() { return PlanQLinearConvTo<Y>(context); });
}

}  // namespace

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
