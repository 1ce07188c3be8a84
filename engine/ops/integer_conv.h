// Exact convolutions of 8-bit tensors of any rank, plane by plane: im2col and integer products, or
// tap by tap where a group has one channel. What operators do with the sums they say themselves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/op/op.h"
#include "engine/ops/quantized.h"
#include "engine/ops/spatial.h"
#include "kernels/common/partition.h"
#include "kernels/quantize/integer_dot.h"

namespace kinglet {

// Where the operator has what.
struct IntegerConvInputs {
  std::size_t x, x_zero, w, w_zero;
};

Window IntegerConvWindow(const NodeContext& context, const IntegerConvInputs& at);
// Checks the operands and sets output 0.
void InferIntegerConv(InferContext& context, const IntegerConvInputs& at, DataType type);

namespace internal {

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

IntegerConv IntegerConvOf(const PlanContext& context, const IntegerConvInputs& at);

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
void RunConv(const IntegerConv& c, const IntegerConvInputs& at, const StepArgs& args,
             std::int64_t begin, std::int64_t end, const Write& write) {
  auto* sums = reinterpret_cast<std::int32_t*>(args.scratch);
  auto* columns = reinterpret_cast<std::int16_t*>(sums + c.block);
  std::int16_t* filter = columns + c.block * c.depth;
  const X* x = static_cast<const X*>(args.inputs[at.x]);
  const W* w = static_cast<const W*>(args.inputs[at.w]);
  const std::int32_t x_zero = ZeroPointOf<X>(args, at.x_zero);
  const auto w_zero = ZeroPointsOf<W>(args, at.w_zero, c.w_zero_step);
  const kernels::IntegerDotsFn dots = kernels::GetIntegerDots();
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
      dots(filter, columns, pixels, c.depth, sums);
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
  const std::int64_t low = shift < 0 ? kernels::CeilDiv(-shift, stride) : 0;
  const std::int64_t high = shift < c.in[last] ? kernels::CeilDiv(c.in[last] - shift, stride) : 0;
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
void RunDepthwise(const IntegerConv& c, const IntegerConvInputs& at, const StepArgs& args,
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

}  // namespace internal

// make_write(args) gives what RunConv takes.
template <typename MakeWrite>
std::unique_ptr<Step> MakeIntegerConvStep(const PlanContext& context, std::string kernel,
                                          const IntegerConvInputs& inputs, MakeWrite make_write) {
  const IntegerConvInputs at{inputs.x, IfPresent(context, inputs.x_zero), inputs.w,
                             IfPresent(context, inputs.w_zero)};
  internal::IntegerConv conv = internal::IntegerConvOf(context, inputs);
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
                          internal::RunDepthwise<X, W>(c, at, args, begin, end, make_write(args));
                        } else {
                          internal::RunConv<X, W>(c, at, args, begin, end, make_write(args));
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

}  // namespace kinglet
