// Rows of A times a B that has been laid out in panels of 16 columns: the parts that products of
// two matrices known when the network runs are made of (product.h, sgemm.h). Any number of threads
// at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/gemm/gather_gemm.h"
#include "kernels/layout/layout.h"

namespace kinglet::kernels {

// A matrix in memory, or its transpose: one of the strides is 1.
struct MatrixView {
  const float* data;
  int64_t row_stride, column_stride;

  const float* At(int64_t row, int64_t column) const {
    return data + row * row_stride + column * column_stride;
  }
};

inline constexpr int64_t kPanelDepth = 512;  // rows of B in one call, at most

struct PanelFns {
  GatherGemmFn gemm = ResolveGatherGemm();
  const LayoutTable* layout = &GetLayoutTable();
};

// alpha * B of `depth` rows: [block of 16 columns][depth][16], the columns behind the last one
// zeros.
void PackPanels(const PanelFns& fns, const MatrixView& b, int64_t depth, int64_t columns,
                float alpha, float* to) noexcept;

// C = A * B, or C + A * B where it adds, of `rows` rows of A and B in panels; depth is at most
// kPanelDepth, C's rows are `ldc` floats apart. Needs some 60 kB of the stack.
void MultiplyPanels(const PanelFns& fns, const MatrixView& a, int64_t rows, const float* panels,
                    int64_t depth, int64_t columns, bool adds, float* c, int64_t ldc) noexcept;

}  // namespace kinglet::kernels
