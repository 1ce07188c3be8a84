#include "kernels/gemm/panels.h"

#include <algorithm>
#include <array>

namespace kinglet::kernels {
namespace {

constexpr int64_t kStripBytes = 192 << 10;  // of A, to stay in the second-level cache with B
constexpr int64_t kMaxRows = 192;           // of one product
constexpr int64_t kCopiedRows = 24;         // of a transposed A

// Up to 16 columns, whose elements are side by side.
void PackColumns(const PanelFns& fns, const float* from, int64_t stride, int64_t depth,
                 int64_t lanes, float alpha, float* to) {
  fns.layout->transpose32(reinterpret_cast<const uint32_t*>(from), stride,
                          reinterpret_cast<uint32_t*>(to), kBlock, depth, lanes);
  for (int64_t i = 0; alpha != 1 && i < depth; ++i) {
    for (int64_t lane = 0; lane < kBlock; ++lane) to[i * kBlock + lane] *= alpha;
  }
}

// A whole block of columns whose rows are side by side.
void PackRows(const float* from, int64_t stride, int64_t depth, float alpha, float* to) {
  for (int64_t i = 0; i < depth; ++i, from += stride, to += kBlock) {
    for (int64_t lane = 0; lane < kBlock; ++lane) to[lane] = alpha * from[lane];
  }
}

}  // namespace

void PackPanels(const PanelFns& fns, const MatrixView& b, int64_t depth, int64_t columns,
                float alpha, float* to) noexcept {
  for (int64_t column = 0; column < columns; column += kBlock, to += depth * kBlock) {
    const int64_t lanes = std::min(kBlock, columns - column);
    const float* from = b.At(0, column);
    if (lanes < kBlock) std::fill_n(to, depth * kBlock, 0.0f);
    if (b.row_stride == 1) {
      PackColumns(fns, from, b.column_stride, depth, lanes, alpha, to);
    } else if (lanes == kBlock && b.column_stride == 1) {
      PackRows(from, b.row_stride, depth, alpha, to);
    } else {
      for (int64_t i = 0; i < depth; ++i) {
        for (int64_t lane = 0; lane < lanes; ++lane) {
          to[i * kBlock + lane] = alpha * from[i * b.row_stride + lane * b.column_stride];
        }
      }
    }
  }
}

void MultiplyPanels(const PanelFns& fns, const MatrixView& a, int64_t rows, const float* panels,
                    int64_t depth, int64_t columns, bool adds, float* c, int64_t ldc) noexcept {
  const bool copied = a.column_stride != 1;
  std::array<int64_t, kPanelDepth / kBlock> steps;
  for (size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<int64_t>(i) * kBlock;
  const int64_t at_once =
      copied ? kCopiedRows : std::clamp<int64_t>(kStripBytes / (depth * 4), 24, kMaxRows);
  std::array<int64_t, kMaxRows> offsets;
  for (int64_t i = 0; i < std::min(rows, at_once); ++i) {
    offsets[static_cast<size_t>(i)] = i * (copied ? kPanelDepth : a.row_stride);
  }
  alignas(64) float strip[kCopiedRows * kPanelDepth];
  GatherGemm job;
  job.pixel_offsets = offsets.data();
  job.step_offsets = steps.data();
  job.full_steps = depth / kBlock;
  job.tail_channels = depth % kBlock;
  job.tail_steps = job.tail_channels == 0 ? 0 : 1;
  job.weights = panels;
  job.out_pixel_stride = ldc;
  job.out_block_stride = kBlock;
  job.blocks = BlockCount(columns);
  job.last_lanes = columns - (job.blocks - 1) * kBlock;
  job.store_pad_lanes = false;
  for (int64_t row = 0; row < rows; row += job.pixels) {
    job.pixels = std::min(at_once, rows - row);
    job.in = a.At(row, 0);
    if (copied) {
      fns.layout->transpose32(reinterpret_cast<const uint32_t*>(job.in), a.column_stride,
                              reinterpret_cast<uint32_t*>(strip), kPanelDepth, job.pixels, depth);
      job.in = strip;
    }
    job.out = c + row * ldc;
    job.residual = adds ? job.out : nullptr;
    fns.gemm(job);
  }
}

}  // namespace kinglet::kernels
