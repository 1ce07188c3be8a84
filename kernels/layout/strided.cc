#include "kernels/layout/strided.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace kinglet::kernels {
namespace {

// Elements of a unit: small enough to share a copy among threads, large enough to be worth a call.
constexpr int64_t kUnitElements = 8192;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

void Set(StridedView& v, int at, int64_t dim, int64_t src, int64_t dst) {
  v.dims[at] = dim;
  v.src_strides[at] = src;
  v.dst_strides[at] = dst;
}

void Swap(StridedView& v, int a, int b) {
  std::swap(v.dims[a], v.dims[b]);
  std::swap(v.src_strides[a], v.src_strides[b]);
  std::swap(v.dst_strides[a], v.dst_strides[b]);
}

// Steps that are frequent are constants, so that loops become vectors.
template <typename T>
void CopyColumns(const T* src, int64_t src_col, T* dst, int64_t dst_col, int64_t cols) {
  if (dst_col == 1 && src_col == 0) {
    std::fill_n(dst, cols, *src);
  } else if (dst_col == 1 && src_col == 2) {
    for (int64_t c = 0; c < cols; ++c) dst[c] = src[c * 2];
  } else {
    for (int64_t c = 0; c < cols; ++c) dst[c * dst_col] = src[c * src_col];
  }
}

}  // namespace

StridedCopy::StridedCopy(const StridedView& view, size_t element_bytes) noexcept
    : view_(view), element_bytes_(element_bytes), layout_(&GetLayoutTable()) {
  for (int k = 0; k < view.rank; ++k) {
    if (view.dims[k] <= 0) return;
  }
  DropAndMerge();
  ChooseInner();
  ChooseUnits();
}

void StridedCopy::DropAndMerge() noexcept {
  StridedView& v = view_;
  int rank = 0;
  for (int k = 0; k < v.rank; ++k) {
    if (v.dims[k] == 1) continue;
    Set(v, rank++, v.dims[k], v.src_strides[k], v.dst_strides[k]);
  }
  // Insertion sort: the destination is written in the order of its addresses.
  for (int k = 1; k < rank; ++k) {
    for (int j = k; j > 0 && v.dst_strides[j - 1] < v.dst_strides[j]; --j) Swap(v, j - 1, j);
  }
  int merged = 0;
  for (int k = 0; k < rank; ++k) {
    const int64_t dim = v.dims[k], src = v.src_strides[k], dst = v.dst_strides[k];
    const int last = merged - 1;
    if (merged > 0 && v.src_strides[last] == src * dim && v.dst_strides[last] == dst * dim) {
      Set(v, last, v.dims[last] * dim, src, dst);
    } else {
      Set(v, merged++, dim, src, dst);
    }
  }
  v.rank = merged;
}

void StridedCopy::ChooseInner() noexcept {
  StridedView& v = view_;
  if (v.rank == 0) Set(v, v.rank++, 1, 1, 1);
  if (v.rank == 1) {
    Set(v, 1, v.dims[0], v.src_strides[0], v.dst_strides[0]);
    Set(v, 0, 1, 0, 0);
    v.rank = 2;
  }
  const int col = v.rank - 1, row = v.rank - 2;
  kind_ = Inner::kStrided;
  if (v.dst_strides[col] != 1) return;
  if (v.src_strides[col] == 1) {
    kind_ = Inner::kRun;
    return;
  }
  for (int k = 0; k < col; ++k) {
    if (v.src_strides[k] != 1 || v.dims[k] == 1) continue;
    for (int j = k; j < row; ++j) Swap(v, j, j + 1);
    kind_ = Inner::kTranspose;
    return;
  }
}

void StridedCopy::ChooseUnits() noexcept {
  const int64_t rows = view_.dims[view_.rank - 2], cols = view_.dims[view_.rank - 1];
  unit_cols_ = std::min(cols, kUnitElements);
  unit_rows_ = std::min(rows, std::max(kUnitElements / unit_cols_, int64_t{1}));
  if (kind_ == Inner::kTranspose) {  // rows are what is contiguous in the source: keep 16 together
    unit_rows_ = std::min(rows, std::max(unit_rows_, int64_t{16}));
    unit_cols_ = std::min(cols, std::max(kUnitElements / unit_rows_, int64_t{16}));
  }
  row_parts_ = CeilDiv(rows, unit_rows_);
  col_parts_ = CeilDiv(cols, unit_cols_);
  units_ = row_parts_ * col_parts_;
  for (int k = 0; k < view_.rank - 2; ++k) units_ *= view_.dims[k];
}

template <typename T>
void StridedCopy::RunRows(const T* src, T* dst, int64_t rows, int64_t cols) const noexcept {
  const int col = view_.rank - 1, row = view_.rank - 2;
  const int64_t src_row = view_.src_strides[row], dst_row = view_.dst_strides[row];
  const int64_t src_col = view_.src_strides[col], dst_col = view_.dst_strides[col];
  if (kind_ == Inner::kRun) {
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(dst + r * dst_row, src + r * src_row, static_cast<size_t>(cols) * sizeof(T));
    }
    return;
  }
  if constexpr (sizeof(T) == 4) {
    if (kind_ == Inner::kTranspose) {
      layout_->transpose32(src, src_col, dst, dst_row, rows, cols);
      return;
    }
    if (dst_col == 1 && src_col == 2) {
      for (int64_t r = 0; r < rows; ++r) {
        layout_->every_other32(src + r * src_row, dst + r * dst_row, cols);
      }
      return;
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    CopyColumns(src + r * src_row, src_col, dst + r * dst_row, dst_col, cols);
  }
}

template <typename T>
void StridedCopy::RunTyped(const T* src, T* dst, int64_t begin, int64_t end) const noexcept {
  const int col = view_.rank - 1, row = view_.rank - 2;
  int64_t rest = begin;
  int64_t col_part = rest % col_parts_;
  rest /= col_parts_;
  int64_t row_part = rest % row_parts_;
  rest /= row_parts_;
  int64_t index[kMaxCopyRank] = {};
  int64_t from = 0, to = 0;  // of the dimensions before rows and columns
  for (int k = row - 1; k >= 0; --k, rest /= view_.dims[k + 1]) {
    index[k] = rest % view_.dims[k];
    from += index[k] * view_.src_strides[k];
    to += index[k] * view_.dst_strides[k];
  }
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t c = col_part * unit_cols_, r = row_part * unit_rows_;
    RunRows(src + from + r * view_.src_strides[row] + c * view_.src_strides[col],
            dst + to + r * view_.dst_strides[row] + c * view_.dst_strides[col],
            std::min(unit_rows_, view_.dims[row] - r), std::min(unit_cols_, view_.dims[col] - c));
    if (++col_part < col_parts_) continue;
    col_part = 0;
    if (++row_part < row_parts_) continue;
    row_part = 0;
    for (int k = row - 1; k >= 0; --k) {
      from += view_.src_strides[k];
      to += view_.dst_strides[k];
      if (++index[k] < view_.dims[k]) break;
      index[k] = 0;
      from -= view_.dims[k] * view_.src_strides[k];
      to -= view_.dims[k] * view_.dst_strides[k];
    }
  }
}

void StridedCopy::Run(const void* src, void* dst, int64_t begin, int64_t end) const noexcept {
  switch (element_bytes_) {
    case 1:
      return RunTyped(static_cast<const uint8_t*>(src), static_cast<uint8_t*>(dst), begin, end);
    case 2:
      return RunTyped(static_cast<const uint16_t*>(src), static_cast<uint16_t*>(dst), begin, end);
    case 4:
      return RunTyped(static_cast<const uint32_t*>(src), static_cast<uint32_t*>(dst), begin, end);
    default:
      return RunTyped(static_cast<const uint64_t*>(src), static_cast<uint64_t*>(dst), begin, end);
  }
}

}  // namespace kinglet::kernels
