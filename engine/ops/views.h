// Helpers of operators that move elements: strides, axes, and steps made of strided copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/op/op.h"
#include "kernels/common/blocked.h"
#include "kernels/layout/strided.h"

namespace kinglet {

// For the support table: operators that only move elements.
inline constexpr std::string_view kAnyType =
    "float32, float64, float16, bfloat16, int8, int16, int32, int64, uint8, uint16, uint32, "
    "uint64, bool";

// Elements between neighbours along each axis of a row-major tensor.
Shape RowMajorStrides(const Shape& shape);

// Product of dims [begin, end).
std::int64_t DimsProduct(const Shape& shape, std::size_t begin, std::size_t end);

// Axes in [-rank, rank) as sorted ones in [0, rank). Throws for one out of range or named twice.
std::vector<std::size_t> SortedAxes(const NodeContext& context,
                                    const std::vector<std::int64_t>& axes, std::size_t rank);

// Sum of two sizes; throws Error(kInvalidModel) on overflow.
std::int64_t AddSizes(const NodeContext& context, std::int64_t a, std::int64_t b);
std::int64_t MultiplySizes(const NodeContext& context, std::int64_t a, std::int64_t b);

// Throws unless inputs i and j have the same element type.
void CheckSameType(const NodeContext& context, std::size_t i, std::size_t j);

// A tensor {N, C, H, W} in the blocked layout, as a row-major one: {N, ceil(C / B), H, W, B}, where
// blocks have B channels.
Shape BlockedShape(const Shape& shape, std::int64_t block = kernels::kBlock);

// Whether input i exists in the blocked layout, being images of float32 or of uint8: what operators
// that move elements can move in blocks.
bool MovesBlocks(const PlanContext& context, std::size_t i);
// "layout/pad_blocked_f32" of "layout/pad_blocked".
std::string BlockedId(std::string name, DataType type);

// The copy that makes Transpose(x, perm) of a row-major x.
kernels::StridedView PermutedView(const Shape& shape, const std::vector<std::size_t>& perm);

// One strided copy from an input to an output, from and to an offset in bytes.
struct CopyPart {
  kernels::StridedCopy copy;
  std::size_t input = 0;
  std::size_t output = 0;
  std::size_t src_offset = 0;
  std::size_t dst_offset = 0;
};
// A step that does all the copies, which write disjoint elements.
std::unique_ptr<Step> MakeCopyStep(std::string kernel, std::vector<CopyPart> parts);

// One range of channels of blocked input 0, as a blocked output of its own.
struct ChannelRange {
  std::size_t output = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;
};
// A step that cuts all the ranges out of a blocked tensor of this shape. Any offsets will do.
std::unique_ptr<Step> MakeChannelRangesStep(std::string kernel, const Shape& shape,
                                            const std::vector<ChannelRange>& ranges,
                                            std::int64_t block);

// How many of `count` equal items, each moving `item_bytes`, make one unit of work.
std::int64_t ItemsPerUnit(std::int64_t count, std::int64_t item_bytes);
constexpr std::int64_t CeilDiv(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// A step over `count` items cut into units: `function(args, begin, end)` gets ranges of items.
template <typename F>
std::unique_ptr<Step> MakeItemStep(std::string kernel, std::int64_t count, std::int64_t item_bytes,
                                   F function) {
  const std::int64_t per_unit = ItemsPerUnit(count, item_bytes);
  return MakeStep(std::move(kernel), CeilDiv(count, per_unit),
                  [=, function = std::move(function)](const StepArgs& args, std::int64_t begin,
                                                      std::int64_t end) {
                    const std::int64_t last = end * per_unit;
                    function(args, begin * per_unit, last < count ? last : count);
                  });
}

}  // namespace kinglet
