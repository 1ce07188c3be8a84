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
#include "kernels/quantize/integer_dot.h"

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

inline constexpr std::int64_t kProductRows = 256;    // of a unit
inline constexpr std::int64_t kProductColumns = 64;  // of a unit
inline constexpr std::int64_t kProductDepth = 32;    // rows of B that are near at once

template <typename A, typename B, typename Write>
void RunIntegerProduct(const IntegerProduct& p, const ProductInputs& at, const StepArgs& args,
                       std::int64_t begin, std::int64_t end, const Write& write) {
  const std::int64_t block = std::min(p.n, kProductColumns);
  const std::int64_t column_blocks = (p.n + block - 1) / block;
  const std::int64_t row_blocks = (p.m + kProductRows - 1) / kProductRows;
  auto* sums = reinterpret_cast<std::int32_t*>(args.scratch);
  auto* columns = reinterpret_cast<std::int16_t*>(sums + block);
  std::int16_t* row = columns + block * p.k;
  const kernels::IntegerDotsFn dots = kernels::GetIntegerDots();
  const auto a_zero = ZeroPointsOf<A>(args, at.a_zero, p.a_zero_step);
  const auto b_zero = ZeroPointsOf<B>(args, at.b_zero, p.b_zero_step);
  for (std::int64_t unit = begin; unit < end; ++unit) {  // (matrix, rows, columns)
    const std::int64_t first = unit % column_blocks * block;
    const std::int64_t count = std::min(block, p.n - first);
    const std::int64_t top = unit / column_blocks % row_blocks * kProductRows;
    const std::int64_t matrix = unit / column_blocks / row_blocks;
    const auto index = static_cast<std::size_t>(matrix);
    const A* a = static_cast<const A*>(args.inputs[at.a]) + p.a_batches[index] * p.m * p.k;
    const B* b = static_cast<const B*>(args.inputs[at.b]) + p.b_batches[index] * p.k * p.n;
    for (std::int64_t top_k = 0; top_k < p.k; top_k += kProductDepth) {
      const std::int64_t end_k = std::min(p.k, top_k + kProductDepth);
      for (std::int64_t j = 0; j < count; ++j) {
        const B* from = b + (first + j) * p.b_column;
        const std::int32_t zero = b_zero.At(first + j);
        for (std::int64_t k = top_k; k < end_k; ++k) {
          columns[j * p.k + k] = static_cast<std::int16_t>(from[k * p.b_row] - zero);
        }
      }
    }
    for (std::int64_t i = top; i < std::min(p.m, top + kProductRows); ++i) {
      const A* from = a + i * p.a_row;
      const std::int32_t zero = a_zero.At(i);
      for (std::int64_t k = 0; k < p.k; ++k) {
        row[k] = static_cast<std::int16_t>(from[k * p.a_column] - zero);
      }
      dots(row, columns, count, p.k, sums);
      write(matrix * p.m + i, first, count, sums);
    }
  }
}

// Units, scratch memory and work of a step that runs it.
void DescribeIntegerProduct(const PlanContext& context, const IntegerProduct& product, Step& step);

}  // namespace internal

// make_write(args) gives write(row of all output matrices, first column, columns, sums), which
// takes the results.
template <typename MakeWrite>
std::unique_ptr<Step> MakeProductStep(const PlanContext& context, std::string kernel,
                                      const IntegerProduct& product, const ProductInputs& inputs,
                                      MakeWrite make_write) {
  const ProductInputs at{inputs.a, IfPresent(context, inputs.a_zero), inputs.b,
                         IfPresent(context, inputs.b_zero)};
  std::unique_ptr<Step> step = DispatchEightBits(context.InputType(at.a), [&]<typename A>() {
    return DispatchEightBits(context.InputType(at.b), [&]<typename B>() -> std::unique_ptr<Step> {
      return MakeStep(std::move(kernel), 0,
                      [p = product, at, make_write](const StepArgs& args, std::int64_t begin,
                                                    std::int64_t end) {
                        internal::RunIntegerProduct<A, B>(p, at, args, begin, end,
                                                          make_write(args));
                      });
    });
  });
  internal::DescribeIntegerProduct(context, product, *step);
  return step;
}

}  // namespace kinglet
