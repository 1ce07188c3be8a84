// Helpers of operators whose indices are data: checked as they are read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/op/op.h"
#include "engine/ops/dispatch.h"

namespace kinglet {

// Throws unless input i is int32 or int64.
void CheckIndexType(const NodeContext& context, std::size_t i);

// Calls f.template operator()<Index>() for a type that CheckIndexType accepted.
template <typename F>
decltype(auto) DispatchIndex(DataType type, F&& f) {
  return type == DataType::kInt32 ? f.template operator()<std::int32_t>()
                                  : f.template operator()<std::int64_t>();
}

// Reports an index that is out of range, and returns -1.
std::int64_t ReportIndex(std::int64_t index, std::int64_t size, RunStatus& status) noexcept;

// An index in [-size, size) as one in [0, size); otherwise reports it and returns -1.
inline std::int64_t InRange(std::int64_t index, std::int64_t size, RunStatus& status) noexcept {
  const std::int64_t at = index < 0 ? index + size : index;
  if (index >= -size && at < size) [[likely]]
    return at;
  return ReportIndex(index, size, status);
}

// A copy of known size costs no call.
inline void CopyBytes(std::byte* to, const std::byte* from, std::int64_t bytes) noexcept {
  switch (bytes) {
    case 4:
      std::memcpy(to, from, 4);
      break;
    case 8:
      std::memcpy(to, from, 8);
      break;
    case 16:  // a box
      std::memcpy(to, from, 16);
      break;
    default:
      std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
}

// Tuples of indices, each of which names a slice of input 0 (`data`) by the k dims that follow the
// batch dims. The tuples are input 1, {batch dims..., ..., k}.
struct IndexTuples {
  std::int64_t batches = 0, tuples = 0;  // tuples of each batch
  std::int64_t batch_elements = 0;       // of the data
  std::int64_t slice_elements = 0;
  std::int64_t size = 0;  // k
  Shape dims, strides;    // of the k dims

  // Offset in the batch's data of the slice that tuple number `i` names; -1, and a report, where an
  // index is out of range. `indices[k]` gives all numbers of the index tensor.
  template <typename Indices>
  std::int64_t Offset(const Indices& indices, std::int64_t i, RunStatus& status) const noexcept {
    std::int64_t offset = 0;
    for (std::size_t k = 0; k < dims.size(); ++k) {
      const std::int64_t index =
          InRange(indices[i * size + static_cast<std::int64_t>(k)], dims[k], status);
      if (index < 0) return -1;
      offset += index * strides[k];
    }
    return offset;
  }
};
// Throws where the shapes of inputs 0 and 1 do not go together.
IndexTuples MakeIndexTuples(const NodeContext& context, std::size_t batch_dims);

// GatherElements and ScatterElements: element [i, j, ...] of the indices (input 1) goes with
// element [i, j, ...] of the data (input 0), but that the index takes the place of the coordinate
// along the attribute `axis`. Rows are the indices along their last dim.
struct ElementRows {
  std::int64_t count = 0, width = 0;
  std::int64_t axis_size = 0, axis_stride = 0;  // of the data
  std::int64_t step = 1;  // of the data along a row: 0 when the axis is the last
  Shape dims, strides;    // of the rows; the stride along the axis is 0

  // Calls f(row, offset) for the rows [begin, end) with the offset of each.
  template <typename F>
  void ForRows(std::int64_t begin, std::int64_t end, F&& f) const {
    if (dims.empty()) {
      for (std::int64_t row = begin; row < end; ++row) f(row, std::int64_t{0});
      return;
    }
    const std::int64_t size = dims.back(), stride = strides.back();
    while (begin < end) {
      const std::int64_t last = std::min(end, begin + size - begin % size);
      std::int64_t offset = DataOffset(begin);
      for (; begin < last; ++begin, offset += stride) f(begin, offset);
    }
  }

  // Of the data's element with index 0 that goes with the first of the row.
  std::int64_t DataOffset(std::int64_t row) const noexcept {
    std::int64_t offset = 0;
    for (std::size_t k = dims.size(); k-- > 0; row /= dims[k]) offset += row % dims[k] * strides[k];
    return offset;
  }
};
// Throws where the shapes do not go together.
ElementRows MakeElementRows(const NodeContext& context);

}  // namespace kinglet
