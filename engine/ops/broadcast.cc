#include "engine/ops/broadcast.h"

#include <string>

namespace kinglet {

Shape BroadcastShape(const NodeContext& context, std::size_t first, std::size_t count) {
  Shape shape = context.InputShape(first);
  for (std::size_t i = first + 1; i < first + count; ++i) {
    const Shape& other = context.InputShape(i);
    Shape merged(std::max(shape.size(), other.size()), 1);
    for (std::size_t d = 0; d < merged.size(); ++d) {
      const std::int64_t a = d < shape.size() ? shape[shape.size() - 1 - d] : 1;
      const std::int64_t b = d < other.size() ? other[other.size() - 1 - d] : 1;
      if (a != b && a != 1 && b != 1) {
        context.Invalid("shapes " + ShapeToString(shape) + " and " + ShapeToString(other) +
                        " do not broadcast: sizes " + std::to_string(a) + " and " +
                        std::to_string(b) + " meet, expected equal ones or 1");
      }
      merged[merged.size() - 1 - d] = a == 1 ? b : a;
    }
    shape = std::move(merged);
  }
  return shape;
}

namespace internal {

BroadcastDims MergeDims(const Shape& output, const Shape* const* inputs, std::size_t operands,
                        std::array<std::int64_t, kMaxRank>* strides) {
  BroadcastDims dims;
  dims.count = ElementCount(output);
  if (dims.count == 0) return dims;
  std::vector<std::int64_t> reach(operands, 1);  // elements of each operand so far
  std::vector<std::int64_t> step(operands);
  // Innermost first; reversed at the end.
  for (std::size_t d = 0; d < output.size(); ++d) {
    const std::int64_t size = output[output.size() - 1 - d];
    if (size == 1) continue;
    bool merge = dims.rank > 0;
    for (std::size_t k = 0; k < operands; ++k) {
      const Shape& shape = *inputs[k];
      const std::int64_t own = d < shape.size() ? shape[shape.size() - 1 - d] : 1;
      step[k] = own == 1 ? 0 : reach[k];
      reach[k] *= own;
      if (merge) merge = step[k] == strides[k][dims.rank - 1] * dims.sizes[dims.rank - 1];
    }
    if (merge) {
      dims.sizes[dims.rank - 1] *= size;
      continue;
    }
    for (std::size_t k = 0; k < operands; ++k) strides[k][dims.rank] = step[k];
    dims.sizes[dims.rank++] = size;
  }
  const auto rank = static_cast<std::ptrdiff_t>(dims.rank);
  std::reverse(dims.sizes.begin(), dims.sizes.begin() + rank);
  for (std::size_t k = 0; k < operands; ++k) {
    std::reverse(strides[k].begin(), strides[k].begin() + rank);
  }
  return dims;
}

}  // namespace internal
}  // namespace kinglet
