// Exact matrix products of 8-bit integers: what the integer forms of MatMul and Gemm share.
//
//   acc[i, j] = sum over k of (a[i, k] - a_zero[i]) * (b[k, j] - b_zero[j])
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/op/op.h"
#include "engine/ops/quantized.h"
#include "kernels/quantize/integer_panels.h"

namespace kinglet {

// Which inputs the operands and their zero points (of one element, or one for each row of A and
// each column of B; perhaps absent) are.
struct ProductInputs {
  std::size_t a, a_zero, b, b_zero;
};

struct IntegerProduct {
  std::int64_t m = 0, n = 0, k = 0;
  Shape output;
  // Elements between neighbours.
  std::int64_t a_row = 0, a_column = 1, b_row = 0, b_column = 1;
  std::vector<std::int64_t> a_batches, b_batches;  // matrix of A and B for each output matrix
  std::int64_t a_zero_step = 0, b_zero_step = 0;

  std::int64_t matrices() const { return static_cast<std::int64_t>(a_batches.size()); }
};

// numpy.matmul: vectors become matrices, leading dimensions broadcast. Throws where types, shapes
// or zero points do not fit. The batches are left out unless asked for.
IntegerProduct MatMulOf(const NodeContext& context, const ProductInputs& at, bool with_batches);
// Two matrices, each transposed if the attributes transA and transB say so.
IntegerProduct GemmOf(const NodeContext& context, const ProductInputs& at);

namespace internal {

// A product with all that is resolved when it is planned. Units are (matrix, block of rows, some
// panels of columns).
struct PanelPlan {
  IntegerProduct p;
  ProductInputs at;
  kernels::PanelForm form;
  kernels::PanelTable table;
  bool a_signed = false, b_signed = false;
  const std::byte* packed = nullptr;  // all panels of all matrices B, where they are constants
  std::int64_t block_rows = 1, row_blocks = 0;
  std::int64_t panels = 0, unit_panels = 1, panel_parts = 0;  // of a matrix, of a unit, units

  std::int64_t units() const { return p.matrices() * row_blocks * panel_parts; }
  std::int64_t panel_bytes() const { return form.PanelBytes(p.k); }
};

// The worker's memory, as it lies behind `memory`; of null only its size is known.
struct PanelScratch {
  PanelScratch(const PanelPlan& plan, std::byte* memory);

  std::size_t bytes = 0;
  std::int64_t* packed_rows;  // which block of rows is packed: matrix of A * row_blocks + block
  std::byte* rows;
  std::byte* panel;
  std::int32_t* sums;
  std::int32_t* row_sums;
  std::int32_t* row_zeros;
  std::int32_t* column_zeros;
};

// Finds how the operands are packed; constants are.
PanelPlan MakePanelPlan(PlanContext& context, const IntegerProduct& product,
                        const ProductInputs& at);
// Units, scratch memory and work of a step that runs it.
void DescribePanels(const PlanContext& context, const PanelPlan& plan, Step& step);

// Packs the rows of a unit where they are not there already.
void PackUnitRows(const PanelPlan& plan, const StepArgs& args, std::int64_t matrix,
                  std::int64_t block, std::int64_t rows, const PanelScratch& scratch);
// Columns from 32 * panel on: the constant, or packed now.
const std::byte* PanelOf(const PanelPlan& plan, const StepArgs& args, std::int64_t matrix,
                         std::int64_t panel, const PanelScratch& scratch);

template <typename A, typename B, typename Write>
void RunIntegerProduct(const PanelPlan& plan, const StepArgs& args, std::int64_t begin,
                       std::int64_t end, const Write& write) {
  constexpr std::int64_t kColumns = kernels::kPanelColumns;
  const IntegerProduct& p = plan.p;
  const PanelScratch scratch(plan, args.scratch);
  if (!args.again) *scratch.packed_rows = -1;
  const auto a_zero = ZeroPointsOf<A>(args, plan.at.a_zero, p.a_zero_step);
  const auto b_zero = ZeroPointsOf<B>(args, plan.at.b_zero, p.b_zero_step);
  kernels::PanelProduct product{.form = plan.form,
                                .depth = p.k,
                                .row_data = scratch.rows,
                                .row_sums = scratch.row_sums,
                                .row_zeros = scratch.row_zeros,
                                .rows_are_signed = plan.a_signed,
                                .column_zeros = scratch.column_zeros,
                                .columns_are_signed = plan.b_signed,
                                .sums = scratch.sums};
  for (std::int64_t unit = begin; unit < end; ++unit) {
    const std::int64_t part = unit % plan.panel_parts;
    const std::int64_t block = unit / plan.panel_parts % plan.row_blocks;
    const std::int64_t matrix = unit / plan.panel_parts / plan.row_blocks;
    const std::int64_t top = block * plan.block_rows;
    product.rows = std::min(plan.block_rows, p.m - top);
    PackUnitRows(plan, args, matrix, block, product.rows, scratch);
    for (std::int64_t r = 0; r < product.rows; ++r) scratch.row_zeros[r] = a_zero.At(top + r);
    const std::int64_t last = std::min(plan.panels, (part + 1) * plan.unit_panels);
    for (std::int64_t panel = part * plan.unit_panels; panel < last; ++panel) {
      const std::int64_t first = panel * kColumns;
      const std::int64_t count = std::min(kColumns, p.n - first);
      product.panel = PanelOf(plan, args, matrix, panel, scratch);
      for (std::int64_t j = 0; j < kColumns; ++j) {
        scratch.column_zeros[j] = j < count ? b_zero.At(first + j) : 0;
      }
      plan.table.multiply(product);
      for (std::int64_t r = 0; r < product.rows; ++r) {
        write(matrix * p.m + top + r, first, count, scratch.sums + r * kColumns);
      }
    }
  }
}

}  // namespace internal

// make_write(args) gives write(row of all output matrices, first column, columns, sums), which
// takes the results.
template <typename MakeWrite>
std::unique_ptr<Step> MakeProductStep(PlanContext& context, std::string kernel,
                                      const IntegerProduct& product, const ProductInputs& inputs,
                                      MakeWrite make_write) {
  const ProductInputs at{inputs.a, IfPresent(context, inputs.a_zero), inputs.b,
                         IfPresent(context, inputs.b_zero)};
  const internal::PanelPlan plan = internal::MakePanelPlan(context, product, at);
  std::unique_ptr<Step> step = DispatchEightBits(context.InputType(at.a), [&]<typename A>() {
    return DispatchEightBits(context.InputType(at.b), [&]<typename B>() -> std::unique_ptr<Step> {
      return MakeStep(
          std::move(kernel), 0,
          [plan, make_write](const StepArgs& args, std::int64_t begin, std::int64_t end) {
            internal::RunIntegerProduct<A, B>(plan, args, begin, end, make_write(args));
          });
    });
  });
  internal::DescribePanels(context, plan, *step);
  return step;
}

}  // namespace kinglet
