// Slice: every step-th element between start and end, along some axes.
#include <algorithm>
#include <numeric>

#include "engine/ops/batch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// What is taken along one axis: `count` elements from `start` on, `step` apart (never 0; may be
// negative).
struct SliceRange {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

SliceRange RangeOf(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t size) {
  if (start < 0) start += size;
  if (end < 0) end += size;
  // A stride longer than the axis takes one element, whatever its length.
  step = std::clamp(step, -std::max<std::int64_t>(size, 1), std::max<std::int64_t>(size, 1));
  SliceRange range{.start = 0, .step = step, .count = 0};
  if (size == 0) return range;
  if (step > 0) {
    range.start = std::clamp<std::int64_t>(start, 0, size);
    const std::int64_t length = std::clamp<std::int64_t>(end, 0, size) - range.start;
    range.count = std::max<std::int64_t>(CeilDiv(length, step), 0);
  } else {
    range.start = std::clamp<std::int64_t>(start, 0, size - 1);
    const std::int64_t length = range.start - std::clamp<std::int64_t>(end, -1, size - 1);
    range.count = std::max<std::int64_t>(CeilDiv(length, -step), 0);
  }
  if (range.count <= 0) range = {.start = 0, .step = 1, .count = 0};
  return range;
}

// Attributes before opset 10, inputs since: starts, ends, axes, steps.
std::vector<SliceRange> RangesOf(const NodeContext& context) {
  const Shape& in = context.InputShape(0);
  const bool attributes = context.opset() < 10;
  const auto list = [&](const char* name, std::size_t i) {
    if (attributes) return context.attributes().Ints(name);
    if (!context.HasInput(i)) return std::vector<std::int64_t>{};
    return context.InputInts(i, std::string("'") + name + "'");
  };
  if (attributes ? !context.attributes().Has("starts") || !context.attributes().Has("ends")
                 : !context.HasInput(1) || !context.HasInput(2)) {
    context.Invalid("the starts and ends are missing");
  }
  const auto starts = list("starts", 1);
  const auto ends = list("ends", 2);
  auto axes = list("axes", 3);
  auto steps = attributes ? std::vector<std::int64_t>{} : list("steps", 4);
  if (attributes ? !context.attributes().Has("axes") : !context.HasInput(3)) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (attributes || !context.HasInput(4)) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    context.Invalid("starts, ends, axes and steps have " + std::to_string(starts.size()) + ", " +
                    std::to_string(ends.size()) + ", " + std::to_string(axes.size()) + " and " +
                    std::to_string(steps.size()) + " elements, expected one number of them");
  }
  SortedAxes(context, axes, in.size());  // each once
  std::vector<SliceRange> ranges(in.size());
  for (std::size_t k = 0; k < in.size(); ++k) ranges[k].count = in[k];
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const std::size_t axis = context.Axis(axes[k], in.size());
    if (steps[k] == 0) context.Invalid("a step of 0 on axis " + std::to_string(axis));
    ranges[axis] = RangeOf(starts[k], ends[k], steps[k], in[axis]);
  }
  return ranges;
}

void InferSlice(InferContext& context) {
  Shape out;
  for (const SliceRange& range : RangesOf(context)) out.push_back(range.count);
  context.SetOutput(0, context.InputType(0), std::move(out));
}

// The slice of a row-major tensor.
std::unique_ptr<Step> MakeSliceStep(std::string kernel, const Shape& shape,
                                    const std::vector<SliceRange>& ranges, std::size_t element) {
  const Shape strides = RowMajorStrides(shape);
  Shape out;
  for (const SliceRange& range : ranges) out.push_back(range.count);
  const Shape out_strides = RowMajorStrides(out);
  kernels::StridedView view;
  view.rank = static_cast<int>(shape.size());
  std::int64_t offset = 0;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    view.dims[k] = ranges[k].count;
    view.src_strides[k] = strides[k] * ranges[k].step;
    view.dst_strides[k] = out_strides[k];
    offset += strides[k] * ranges[k].start;
  }
  return MakeCopyStep(std::move(kernel),
                      {{.copy = kernels::StridedCopy(view, element),
                        .src_offset = static_cast<std::size_t>(offset) * element}});
}

bool TakesAll(const SliceRange& range, std::int64_t size) {
  return range.count == size && range.step > 0;
}

// In the blocked layout: a run of channels, or any slice off the channel axis. Null for the rest.
std::unique_ptr<Step> PlanBlocked(const Shape& in, DataType type, std::vector<SliceRange> ranges) {
  const std::int64_t block = kernels::PixelBlock(ElementTypeOf(type));
  const bool all_pixels =
      TakesAll(ranges[0], in[0]) && TakesAll(ranges[2], in[2]) && TakesAll(ranges[3], in[3]);
  if (all_pixels && ranges[1].step == 1) {
    return MakeChannelRangesStep(BlockedId("layout/slice_channels", type), in,
                                 {{0, ranges[1].start, ranges[1].count}}, block);
  }
  if (!TakesAll(ranges[1], in[1])) return nullptr;
  const Shape shape = BlockedShape(in, block);
  ranges[1] = {.start = 0, .step = 1, .count = shape[1]};
  ranges.push_back({.start = 0, .step = 1, .count = shape[4]});
  return MakeSliceStep(BlockedId("layout/slice_blocked", type), shape, ranges, DataTypeSize(type));
}

std::unique_ptr<Step> PlanSlice(PlanContext& context) {
  const Shape& in = context.InputShape(0);
  const std::vector<SliceRange> ranges = RangesOf(context);
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    if (context.HasInput(i)) context.DoNotRead(i);
  }
  bool all = true;
  for (std::size_t k = 0; k < in.size(); ++k) all = all && TakesAll(ranges[k], in[k]);
  if (all) {
    context.Alias(0, 0);
    return nullptr;
  }
  if (MovesBlocks(context, 0)) {
    if (auto step = PlanBlocked(in, context.InputType(0), ranges)) {
      context.ReadAs(0, Layout::kBlocked);
      context.WriteAs(0, Layout::kBlocked);
      return step;
    }
  }
  return MakeSliceStep("layout/slice", in, ranges, DataTypeSize(context.InputType(0)));
}

// The shapes show all but a reversed batch.
bool SliceBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  if (!EachImageShaped(context, inputs)) return false;
  if (context.opset() < 10 || !context.HasInput(4)) return true;
  const std::vector<std::int64_t> steps = context.InputInts(4, "'steps'");
  return std::all_of(steps.begin(), steps.end(), [](std::int64_t step) { return step > 0; });
}

}  // namespace

const OpDef& OpSlice() {
  static const OpDef def{.name = "Slice",
                         .max_inputs = 5,
                         .attributes = "starts ends axes",
                         .types = kAnyType,
                         .infer = InferSlice,
                         .plan = PlanSlice,
                         .batch_wise = SliceBatchWise};
  return def;
}

}  // namespace kinglet
