// Exact products of 8-bit matrices, a panel of columns at a time, through
// kernels/conv/gather_dots.h:
//
//   sums[r][j] = sum over k of (a[r, k] - a_zero[r]) * (b[k, j] - b_zero[j])   modulo 2^32
//
// for the rows r of a block and the 32 columns j of a panel. Both are packed first, in groups that
// fill 32 bits: pairs of int16, or quads of bytes where the CPU multiplies those (unsigned ones of
// rows by signed ones of columns; what has the other sign is shifted by 128, and its zero point
// with it). The sums of a packed row and of a packed column are kept: with them zero points are
// taken off afterwards,
//
//   sum (a - x) (b - y) = sum a b - x (sum b - depth y) - y sum a.
//
// Alignment: packed rows and panels 64 bytes, other memory that of its elements. Over-read: none.
// No overlap.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/gather_dots.h"

namespace kinglet::kernels {

inline constexpr int64_t kPanelColumns = 32;
// Of a block, at most: a multiple of what the products of all targets take together.
inline constexpr int64_t kPanelRows = 252;

// Element (i, j) of a matrix is data[i * row + j * column], an int8 or a uint8.
struct ByteMatrix {
  const void* data = nullptr;
  int64_t row = 0, column = 1;
  bool is_signed = false;
};

// What products are made with; equal ones read the same packed bytes.
struct PanelForm {
  bool quads = false;
  GatherDotsFn product = nullptr;

  int64_t Groups(int64_t depth) const { return quads ? (depth + 3) / 4 : (depth + 1) / 2; }
  int64_t RowBytes(int64_t depth) const { return Groups(depth) * 4; }
  // With the sums of its columns behind it.
  int64_t PanelBytes(int64_t depth) const { return (Groups(depth) + 1) * kPanelColumns * 4; }
};

// A block of packed rows times a packed panel.
struct PanelProduct {
  PanelForm form;
  int64_t depth = 0;
  int64_t rows = 0;  // at most kPanelRows
  const std::byte* row_data = nullptr;
  const int32_t* row_sums = nullptr;
  const int32_t* row_zeros = nullptr;  // one for each
  bool rows_are_signed = false;
  const std::byte* panel = nullptr;
  const int32_t* column_zeros = nullptr;  // kPanelColumns of them
  bool columns_are_signed = false;
  int32_t* sums = nullptr;  // [rows][kPanelColumns]
};

// Functions for the active target. Fetch them at plan time.
struct PanelTable {
  // RowBytes for each of `rows` rows of `depth` elements, and their sums.
  void (*pack_rows)(const PanelForm& form, const ByteMatrix& a, int64_t rows, int64_t depth,
                    std::byte* to, int32_t* sums) noexcept;
  // PanelBytes of `columns` <= kPanelColumns columns of `depth` elements; those beyond are zeros.
  void (*pack_panel)(const PanelForm& form, const ByteMatrix& b, int64_t depth, int64_t columns,
                     std::byte* to) noexcept;
  void (*multiply)(const PanelProduct& p) noexcept;
};
const PanelTable& GetPanelTable() noexcept;

// The fastest that this CPU and the active target have, and the one that every target has.
PanelForm FindPanelForm() noexcept;
PanelForm PairPanelForm() noexcept;

}  // namespace kinglet::kernels
