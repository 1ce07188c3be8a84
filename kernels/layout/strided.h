// General copy between two strided views of the same extents: Transpose, Slice, Concat, Split,
// Expand, DepthToSpace and their like on plain tensors.
//
// dst[sum i_k * dst_stride_k] = src[sum i_k * src_stride_k] for every index i of dims, k < rank
// <= 8. Source strides may be zero (broadcast) or negative (reversal); destination elements must be
// distinct. Elements of 1, 2, 4 or 8 bytes are copied bit by bit.
// Alignment: that of the element. Over-read, over-write: none. Aliasing: none.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/layout/layout.h"

namespace kinglet::kernels {

inline constexpr int kMaxCopyRank = 8;

// Two views; strides in elements.
struct StridedView {
  int rank = 0;
  int64_t dims[kMaxCopyRank] = {};
  int64_t src_strides[kMaxCopyRank] = {};
  int64_t dst_strides[kMaxCopyRank] = {};
};

// A copy made ready: dimensions of one dropped, neighbours that are one run in both views merged,
// the inner loop chosen. Made at plan time.
class StridedCopy {
 public:
  StridedCopy() = default;
  // `element_bytes` is 1, 2, 4 or 8.
  StridedCopy(const StridedView& view, size_t element_bytes) noexcept;

  // Units of work; disjoint ranges write disjoint elements. Zero when a dimension is zero.
  int64_t UnitCount() const noexcept { return units_; }
  // Elements that one unit copies, at most.
  int64_t UnitSize() const noexcept { return unit_rows_ * unit_cols_; }
  void Run(const void* src, void* dst, int64_t begin, int64_t end) const noexcept;

 private:
  enum class Inner { kRun, kTranspose, kStrided };
  void DropAndMerge() noexcept;
  void ChooseInner() noexcept;
  void ChooseUnits() noexcept;
  template <typename T>
  void RunTyped(const T* src, T* dst, int64_t begin, int64_t end) const noexcept;
  template <typename T>
  void RunRows(const T* src, T* dst, int64_t rows, int64_t cols) const noexcept;

  // What is left after merging: at least two dimensions, the last two being the rows and columns
  // that a unit copies a part of.
  StridedView view_;
  size_t element_bytes_ = 0;
  Inner kind_ = Inner::kRun;
  int64_t unit_rows_ = 1, unit_cols_ = 1;  // rows and columns of one unit, at most
  int64_t row_parts_ = 0, col_parts_ = 0, units_ = 0;
  const LayoutTable* layout_ = nullptr;
};

}  // namespace kinglet::kernels
