#include "engine/ops/views.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "kernels/layout/layout.h"

namespace kinglet {

Shape RowMajorStrides(const Shape& shape) {
  Shape strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    strides[k] = stride;
    stride *= std::max<std::int64_t>(shape[k], 1);
  }
  return strides;
}

std::int64_t DimsProduct(const Shape& shape, std::size_t begin, std::size_t end) {
  return ElementCount(Shape(shape.begin() + static_cast<std::ptrdiff_t>(begin),
                            shape.begin() + static_cast<std::ptrdiff_t>(end)));
}

std::vector<std::size_t> SortedAxes(const NodeContext& context,
                                    const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<std::size_t> sorted;
  sorted.reserve(axes.size());
  for (const std::int64_t axis : axes) sorted.push_back(context.Axis(axis, rank));
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    context.Invalid("axis " + std::to_string(*twice) + " is named twice in 'axes'");
  }
  return sorted;
}

std::int64_t AddSizes(const NodeContext& context, std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) {
    context.Invalid("the size " + std::to_string(a) + " + " + std::to_string(b) + " overflows");
  }
  return sum;
}

std::int64_t MultiplySizes(const NodeContext& context, std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) {
    context.Invalid("the size " + std::to_string(a) + " * " + std::to_string(b) + " overflows");
  }
  return product;
}

void CheckSameType(const NodeContext& context, std::size_t i, std::size_t j) {
  if (context.InputType(i) == context.InputType(j)) return;
  context.Invalid("inputs " + std::to_string(i) + " and " + std::to_string(j) +
                  " must have the same element type, found " + DataTypeName(context.InputType(i)) +
                  " and " + DataTypeName(context.InputType(j)));
}

Shape BlockedShape(const Shape& shape, std::int64_t block) {
  return {shape[0], kernels::BlockCount(shape[1], block), shape[2], shape[3], block};
}

bool MovesBlocks(const PlanContext& context, std::size_t i) {
  if (!context.HasInput(i) || context.InputShape(i).size() != 4) return false;
  const DataType type = context.InputType(i);
  return (type == DataType::kFloat32 || type == DataType::kUInt8) && context.IsBlocked(i);
}

std::string BlockedId(std::string name, DataType type) {
  return std::move(name) + (type == DataType::kUInt8 ? "_u8" : "_f32");
}

kernels::StridedView PermutedView(const Shape& shape, const std::vector<std::size_t>& perm) {
  const Shape strides = RowMajorStrides(shape);
  Shape out(shape.size());
  for (std::size_t k = 0; k < perm.size(); ++k) out[k] = shape[perm[k]];
  const Shape out_strides = RowMajorStrides(out);
  kernels::StridedView view;
  view.rank = static_cast<int>(out.size());
  for (std::size_t k = 0; k < out.size(); ++k) {
    view.dims[k] = out[k];
    view.src_strides[k] = strides[perm[k]];
    view.dst_strides[k] = out_strides[k];
  }
  return view;
}

std::unique_ptr<Step> MakeCopyStep(std::string kernel, std::vector<CopyPart> parts) {
  std::vector<std::int64_t> ends;  // of the parts' units, running
  std::int64_t units = 0;
  for (const CopyPart& part : parts) ends.push_back(units += part.copy.UnitCount());
  return MakeStep(std::move(kernel), units,
                  [parts = std::move(parts), ends = std::move(ends)](
                      const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    std::int64_t first = 0;
                    for (std::size_t k = 0; k < parts.size() && first < end; first = ends[k++]) {
                      const std::int64_t from = std::max(begin, first) - first;
                      const std::int64_t to = std::min(end, ends[k]) - first;
                      if (from >= to) continue;
                      const CopyPart& part = parts[k];
                      part.copy.Run(
                          static_cast<const std::byte*>(args.inputs[part.input]) + part.src_offset,
                          static_cast<std::byte*>(args.outputs[part.output]) + part.dst_offset,
                          from, to);
                    }
                  });
}

std::unique_ptr<Step> MakeChannelRangesStep(std::string kernel, const Shape& shape,
                                            const std::vector<ChannelRange>& ranges,
                                            std::int64_t block) {
  struct Part {
    kernels::ChannelCopy copy;
    std::size_t output;
    std::int64_t end_unit;  // running
  };
  std::vector<Part> parts;
  std::int64_t units = 0;
  const std::int64_t area = shape[2] * shape[3];
  for (const ChannelRange& range : ranges) {
    if (range.count == 0) continue;
    const kernels::ChannelCopy copy{
        .n = shape[0],
        .h = shape[2],
        .w = shape[3],
        .src_c = shape[1],
        .src_begin = range.first,
        .dst_c = range.count,
        .dst_begin = 0,
        .count = range.count,
        .src_batch_stride = kernels::RoundUpToBlock(shape[1], block) * area,
        .dst_batch_stride = kernels::RoundUpToBlock(range.count, block) * area,
        .block = block};
    parts.push_back({copy, range.output, units += UnitCount(copy)});
  }
  const auto run = kernels::GetLayoutTable().copy_channels;
  return MakeStep(
      std::move(kernel), units,
      [run, parts = std::move(parts)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        std::int64_t first = 0;
        for (const Part& part : parts) {
          const std::int64_t from = std::max(begin, first);
          const std::int64_t to = std::min(end, part.end_unit);
          if (from < to) {
            run(part.copy, args.inputs[0], args.outputs[part.output], from - first, to - first);
          }
          first = part.end_unit;
        }
      });
}

std::int64_t ItemsPerUnit(std::int64_t count, std::int64_t item_bytes) {
  constexpr std::int64_t kUnitBytes = 16 * 1024;  // enough to be worth handing to a thread
  return std::clamp<std::int64_t>(kUnitBytes / std::max<std::int64_t>(item_bytes, 1), 1,
                                  std::max<std::int64_t>(count, 1));
}

}  // namespace kinglet
