#include "kernels/quantize/integer_panels.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/common/aligned.h"
#include "kernels/conv/quads.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::integer_panels_test {
namespace {

std::vector<uint8_t> RandomCodes(int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> codes(0, 255);
  std::vector<uint8_t> values(static_cast<size_t>(count));
  for (uint8_t& value : values) value = static_cast<uint8_t>(codes(generator));
  return values;
}

int32_t ValueAt(const ByteMatrix& m, int64_t i, int64_t j) {
  const int64_t at = i * m.row + j * m.column;
  if (m.is_signed) return static_cast<const int8_t*>(m.data)[at];
  return static_cast<const uint8_t*>(m.data)[at];
}

// A matrix of `rows` x `columns` in memory of exactly its size.
struct Matrix {
  Matrix(int64_t rows, int64_t columns, bool transposed, bool is_signed, unsigned seed)
      : codes(RandomCodes(rows * columns, seed)),
        view{codes.data(), transposed ? 1 : columns, transposed ? rows : 1, is_signed} {}
  std::vector<uint8_t> codes;
  ByteMatrix view;
};

struct Case {
  int64_t rows, depth, columns;
  bool a_signed, b_signed, transposed;
};

void Check(const PanelForm& form, const Case& c) {
  SCOPED_TRACE(::testing::Message()
               << c.rows << 'x' << c.depth << 'x' << c.columns << " signed " << c.a_signed
               << c.b_signed << " transposed " << c.transposed << " quads " << form.quads);
  const Matrix a(c.rows, c.depth, c.transposed, c.a_signed, 1);
  const Matrix b(c.depth, c.columns, c.transposed, c.b_signed, 2);
  AlignedBuffer<std::byte> rows(static_cast<size_t>(c.rows * form.RowBytes(c.depth)));
  AlignedBuffer<std::byte> panel(static_cast<size_t>(form.PanelBytes(c.depth)));
  std::vector<int32_t> row_sums(static_cast<size_t>(c.rows)), row_zeros(row_sums.size());
  std::vector<int32_t> column_zeros(kPanelColumns);
  for (size_t r = 0; r < row_zeros.size(); ++r) {
    row_zeros[r] = static_cast<int32_t>(r * 37 % 256) - (c.a_signed ? 128 : 0);
  }
  for (size_t j = 0; j < column_zeros.size(); ++j) {
    column_zeros[j] = static_cast<int32_t>(j * 91 % 256) - (c.b_signed ? 128 : 0);
  }
  std::vector<int32_t> sums(static_cast<size_t>(c.rows * kPanelColumns) + 1, -7);
  const PanelTable& table = GetPanelTable();
  table.pack_rows(form, a.view, c.rows, c.depth, rows.data(), row_sums.data());
  table.pack_panel(form, b.view, c.depth, c.columns, panel.data());
  table.multiply({.form = form,
                  .depth = c.depth,
                  .rows = c.rows,
                  .row_data = rows.data(),
                  .row_sums = row_sums.data(),
                  .row_zeros = row_zeros.data(),
                  .rows_are_signed = c.a_signed,
                  .panel = panel.data(),
                  .column_zeros = column_zeros.data(),
                  .columns_are_signed = c.b_signed,
                  .sums = sums.data()});
  for (int64_t r = 0; r < c.rows; ++r) {
    for (int64_t j = 0; j < c.columns; ++j) {
      int64_t expected = 0;
      for (int64_t k = 0; k < c.depth; ++k) {
        expected += int64_t{ValueAt(a.view, r, k) - row_zeros[static_cast<size_t>(r)]} *
                    (ValueAt(b.view, k, j) - column_zeros[static_cast<size_t>(j)]);
      }
      ASSERT_EQ(sums[static_cast<size_t>(r * kPanelColumns + j)], expected) << r << ", " << j;
    }
  }
  EXPECT_EQ(sums.back(), -7);
}

std::vector<PanelForm> Forms() {
  return {FindPanelForm(), PairPanelForm(), {.quads = true, .product = PlainQuadDots()}};
}

TEST(IntegerPanels, EveryFormTypeAndSize) {
  testing::ForEachTarget([] {
    for (const PanelForm& form : Forms()) {
      for (const int64_t depth : {0, 1, 2, 3, 4, 5, 31, 64, 130}) {
        for (const int64_t rows : {1, 2, 5, 13, 29}) {
          for (const int64_t columns : {1, 15, 16, 17, 32}) {
            Check(form, {rows, depth, columns, false, true, false});
          }
        }
        for (const bool a_signed : {false, true}) {
          for (const bool b_signed : {false, true}) {
            for (const bool transposed : {false, true}) {
              Check(form, {7, depth, 20, a_signed, b_signed, transposed});
            }
          }
        }
      }
      Check(form, {kPanelRows, 33, 32, false, false, false});
    }
  });
}

TEST(IntegerPanels, LongSumsWrapAround) {
  constexpr int64_t kDepth = 70001;
  testing::ForEachTarget([] {
    for (const PanelForm& form : Forms()) {
      const std::vector<uint8_t> a(kDepth, 255), b(kDepth, 255);
      AlignedBuffer<std::byte> row(static_cast<size_t>(form.RowBytes(kDepth)));
      AlignedBuffer<std::byte> panel(static_cast<size_t>(form.PanelBytes(kDepth)));
      const int32_t zero = 0, zeros[kPanelColumns] = {};
      int32_t row_sum, sums[kPanelColumns];
      const PanelTable& table = GetPanelTable();
      table.pack_rows(form, {a.data(), kDepth, 1, false}, 1, kDepth, row.data(), &row_sum);
      table.pack_panel(form, {b.data(), 1, 1, false}, kDepth, 1, panel.data());
      table.multiply({.form = form,
                      .depth = kDepth,
                      .rows = 1,
                      .row_data = row.data(),
                      .row_sums = &row_sum,
                      .row_zeros = &zero,
                      .panel = panel.data(),
                      .column_zeros = zeros,
                      .sums = sums});
      EXPECT_EQ(static_cast<uint32_t>(sums[0]), static_cast<uint32_t>(kDepth * 255 * 255));
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::integer_panels_test
