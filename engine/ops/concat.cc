// Concat and Split: tensors side by side along an axis, and apart again.
#include <algorithm>
#include <numeric>

#include "engine/ops/batch.h"
#include "engine/ops/bfloat16.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"
#include "kernels/common/blocked.h"
#include "kernels/layout/layout.h"

namespace kinglet {
namespace {

// The copy of a row-major block `part` that lies within a row-major tensor of shape `whole`, which
// is the same but on some axes: from the whole to the part, or the other way.
kernels::StridedView PartView(const Shape& part, const Shape& whole, bool part_is_source) {
  const Shape part_strides = RowMajorStrides(part);
  const Shape whole_strides = RowMajorStrides(whole);
  kernels::StridedView view;
  view.rank = static_cast<int>(part.size());
  for (std::size_t k = 0; k < part.size(); ++k) {
    view.dims[k] = part[k];
    view.src_strides[k] = part_is_source ? part_strides[k] : whole_strides[k];
    view.dst_strides[k] = part_is_source ? whole_strides[k] : part_strides[k];
  }
  return view;
}

// Channels of a block.
std::int64_t BlockOf(DataType type) { return kernels::PixelBlock(ElementTypeOf(type)); }

std::size_t ConcatAxis(const NodeContext& context) {
  if (!context.attributes().Has("axis")) context.Invalid("attribute 'axis' is missing");
  return context.Axis(context.attributes().Int("axis", 0), context.InputShape(0).size());
}

void InferConcat(InferContext& context) {
  Shape out = context.InputShape(0);
  const std::size_t axis = ConcatAxis(context);
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    CheckSameType(context, 0, i);
    const Shape& in = context.InputShape(i);
    bool fits = in.size() == out.size();
    for (std::size_t k = 0; fits && k < out.size(); ++k) fits = k == axis || in[k] == out[k];
    if (!fits) {
      context.Invalid("inputs 0 and " + std::to_string(i) + " differ outside of axis " +
                      std::to_string(axis) + ": shapes " + ShapeToString(context.InputShape(0)) +
                      " and " + ShapeToString(in));
    }
    out[axis] = AddSizes(context, out[axis], in[axis]);
  }
  context.SetOutput(0, context.InputType(0), std::move(out));
}

// On tensors whose parts along the axis are runs of memory: plain ones, and blocked ones off the
// channel axis.
std::unique_ptr<Step> PlanConcatRuns(const PlanContext& context, std::size_t axis, bool blocked) {
  const DataType type = context.OutputType(0);
  const auto shape_of = [&](const Shape& shape) {
    return blocked ? BlockedShape(shape, BlockOf(type)) : shape;
  };
  const Shape whole = shape_of(context.OutputShape(0));
  const std::size_t element = DataTypeSize(type);
  const auto stride = static_cast<std::size_t>(RowMajorStrides(whole)[axis]) * element;
  std::vector<CopyPart> parts;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const Shape part = shape_of(context.InputShape(i));
    parts.push_back({.copy = kernels::StridedCopy(PartView(part, whole, true), element),
                     .input = i,
                     .dst_offset = offset * stride});
    offset += static_cast<std::size_t>(part[axis]);
  }
  return MakeCopyStep(blocked ? BlockedId("layout/concat_blocked", type) : "layout/concat",
                      std::move(parts));
}

// On the channel axis of blocked tensors. Producers wrote most inputs where they belong; what is
// left is copied, null if nothing is. A block of the output may take channels of several inputs, so
// a unit is (image, output block, row) and does all of them: two threads never write to one cache
// line.
std::unique_ptr<Step> PlanConcatChannels(PlanContext& context) {
  struct Part {
    kernels::ChannelCopy copy;
    std::size_t input;
    std::int64_t first_block, end_block;  // of the output
  };
  const Shape& out = context.OutputShape(0);
  const std::int64_t block_size = BlockOf(context.OutputType(0));
  const std::int64_t area = out[2] * out[3];
  const std::int64_t stride = context.OutputStride(0);
  std::vector<Part> parts;
  std::vector<std::int64_t> blocks;  // of the output: what the parts touch
  std::int64_t channel = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const std::int64_t count = context.InputShape(i)[1];
    if (context.IsInPlace(i)) {
      context.DoNotRead(i);
      channel += count;
      continue;
    }
    if (count == 0) continue;
    const kernels::ChannelCopy copy{
        .n = out[0],
        .h = out[2],
        .w = out[3],
        .src_c = count,
        .src_begin = 0,
        .dst_c = out[1],
        .dst_begin = channel,
        .count = count,
        .src_batch_stride = kernels::RoundUpToBlock(count, block_size) * area,
        .dst_batch_stride = stride,
        .block = block_size};
    channel += count;
    parts.push_back(
        {copy, i, copy.dst_begin / block_size, kernels::BlockCount(channel, block_size)});
    for (std::int64_t b = parts.back().first_block; b < parts.back().end_block; ++b) {
      if (blocks.empty() || blocks.back() < b) blocks.push_back(b);
    }
  }
  const std::int64_t rows = out[2];
  const auto block_count = static_cast<std::int64_t>(blocks.size());
  const std::int64_t units = out[3] == 0 ? 0 : out[0] * block_count * rows;
  if (block_count == 0) return nullptr;
  const auto run = kernels::GetLayoutTable().copy_channels;
  return MakeStep(
      BlockedId("layout/concat_channels", context.OutputType(0)), units,
      [=, parts = std::move(parts), blocks = std::move(blocks)](
          const StepArgs& args, std::int64_t begin, std::int64_t end) {
        while (begin < end) {
          const std::int64_t image_block = begin / rows;
          const std::int64_t row = begin % rows;
          const std::int64_t count = std::min(end - begin, rows - row);
          const std::int64_t image = image_block / block_count;
          const std::int64_t block = blocks[static_cast<std::size_t>(image_block % block_count)];
          for (const Part& part : parts) {
            if (block < part.first_block || block >= part.end_block) continue;
            const std::int64_t part_block =
                image * (part.end_block - part.first_block) + block - part.first_block;
            const std::int64_t unit = part_block * rows + row;
            run(part.copy, args.inputs[part.input], args.outputs[0], unit, unit + count);
          }
          begin += count;
        }
      });
}

std::unique_ptr<Step> PlanConcat(PlanContext& context) {
  const std::size_t axis = ConcatAxis(context);
  if (context.input_count() == 1) {
    context.Alias(0, 0);
    return nullptr;
  }
  if (auto step = PlanBFloat16Concat(context)) return std::move(*step);
  bool blocked = false;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    blocked = blocked || MovesBlocks(context, i);
  }
  if (!blocked) return PlanConcatRuns(context, axis, false);
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    context.ReadAs(i, Layout::kBlocked);
  }
  context.WriteAs(0, Layout::kBlocked);
  return axis == 1 ? PlanConcatChannels(context) : PlanConcatRuns(context, axis, true);
}

// Sizes of the parts along the axis: an attribute before opset 13, an input since; opset 18 names
// their number instead, and the last one is smaller when it does not divide.
Shape SplitSizes(const NodeContext& context, std::int64_t size) {
  const bool given = context.opset() < 13 ? context.attributes().Has("split") : context.HasInput(1);
  const auto outputs = static_cast<std::int64_t>(context.output_count());
  if (given) {
    const Shape sizes = context.opset() < 13 ? context.attributes().Ints("split")
                                             : context.InputInts(1, "the split sizes");
    std::int64_t sum = 0;
    for (const std::int64_t part : sizes) {
      if (part < 0) context.Invalid("a negative split size, " + std::to_string(part));
      sum = AddSizes(context, sum, part);
    }
    if (static_cast<std::int64_t>(sizes.size()) != outputs || sum != size) {
      context.Invalid("split sizes " + ShapeToString(sizes) + " (sum " + std::to_string(sum) +
                      ") do not cut an axis of size " + std::to_string(size) + " into " +
                      std::to_string(outputs) + " outputs");
    }
    return sizes;
  }
  const bool uneven = context.attributes().Has("num_outputs");
  const std::int64_t count = context.attributes().Int("num_outputs", outputs);
  if (count != outputs) {
    context.Invalid("'num_outputs' is " + std::to_string(count) + ", the node has " +
                    std::to_string(outputs) + " outputs");
  }
  if (!uneven && size % count != 0) {
    context.Invalid("an axis of size " + std::to_string(size) + " does not divide into " +
                    std::to_string(count) + " equal parts");
  }
  const std::int64_t part = CeilDiv(size, count);
  Shape sizes;
  for (std::int64_t left = size; std::cmp_less(sizes.size(), count); left -= sizes.back()) {
    sizes.push_back(std::min(part, left));
  }
  return sizes;
}

std::size_t SplitAxis(const NodeContext& context) {
  return context.Axis(context.attributes().Int("axis", 0), context.InputShape(0).size());
}

void InferSplit(InferContext& context) {
  Shape shape = context.InputShape(0);
  const std::size_t axis = SplitAxis(context);
  const Shape sizes = SplitSizes(context, shape[axis]);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    shape[axis] = sizes[i];
    context.SetOutput(i, context.InputType(0), shape);
  }
}

std::unique_ptr<Step> PlanSplitRuns(const PlanContext& context, std::size_t axis,
                                    const Shape& sizes, bool blocked) {
  const DataType type = context.InputType(0);
  const auto shape_of = [&](const Shape& shape) {
    return blocked ? BlockedShape(shape, BlockOf(type)) : shape;
  };
  const Shape whole = shape_of(context.InputShape(0));
  const std::size_t element = DataTypeSize(type);
  const auto stride = static_cast<std::size_t>(RowMajorStrides(whole)[axis]) * element;
  std::vector<CopyPart> parts;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (context.HasOutput(i)) {
      const Shape part = shape_of(context.OutputShape(i));
      parts.push_back({.copy = kernels::StridedCopy(PartView(part, whole, false), element),
                       .output = i,
                       .src_offset = offset * stride});
    }
    offset += static_cast<std::size_t>(sizes[i]);
  }
  return MakeCopyStep(blocked ? BlockedId("layout/split_blocked", type) : "layout/split",
                      std::move(parts));
}

std::unique_ptr<Step> PlanSplit(PlanContext& context) {
  const Shape& in = context.InputShape(0);
  const std::size_t axis = SplitAxis(context);
  const Shape sizes = SplitSizes(context, in[axis]);
  if (context.HasInput(1)) context.DoNotRead(1);
  if (!MovesBlocks(context, 0)) {
    if (sizes.size() != 1) return PlanSplitRuns(context, axis, sizes, false);
    context.Alias(0, 0);
    return nullptr;
  }

  context.ReadAs(0, Layout::kBlocked);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (context.HasOutput(i)) context.WriteAs(i, Layout::kBlocked);
  }
  if (axis != 1) return PlanSplitRuns(context, axis, sizes, true);
  std::vector<ChannelRange> ranges;
  std::int64_t channel = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (context.HasOutput(i)) ranges.push_back({i, channel, sizes[i]});
    channel += sizes[i];
  }
  const DataType type = context.InputType(0);
  return MakeChannelRangesStep(BlockedId("layout/split_channels", type), in, ranges, BlockOf(type));
}

}  // namespace

const OpDef& OpConcat() {
  static const OpDef def{.name = "Concat",
                         .max_inputs = kAnyCount,
                         .attributes = "axis",
                         .types = kAnyType,
                         .infer = InferConcat,
                         .plan = PlanConcat,
                         .batch_wise = AllImages};
  return def;
}

const OpDef& OpSplit() {
  static const OpDef def{.name = "Split",
                         .max_inputs = 2,
                         .max_outputs = kAnyCount,
                         .attributes = "axis split num_outputs",
                         .types = kAnyType,
                         .infer = InferSplit,
                         .plan = PlanSplit,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
