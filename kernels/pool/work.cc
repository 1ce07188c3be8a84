#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/common/blocked.h"
#include "kernels/pool/pool_u8.h"

namespace kinglet::kernels {
namespace {

constexpr int64_t kCodeChannels = PixelBlock(ElementType::kUInt8);

// Passes over a row that reduce its columns by doubling: runs are doubled, and joined where the
// size is no power of two; a sum joins one for each bit.
double Passes(const Pool& p, bool maximum) {
  const auto kernel_w = static_cast<uint64_t>(p.kernel_w);
  const int doublings = static_cast<int>(std::bit_width(kernel_w)) - 1;
  if (kernel_w <= 3) return kernel_w == 1 ? 0 : 1;
  return doublings + (maximum ? (std::has_single_bit(kernel_w) ? 0 : 1) : std::popcount(kernel_w));
}

// Values that are combined for an output when its window goes by parts: its columns, as many as lie
// between outputs, over all rows; then a pass stores what it combines.
double CombinedByParts(const Pool& p, bool maximum) {
  return static_cast<double>(p.stride_w) *
         (static_cast<double>(p.kernel_d * p.kernel_h) + 2 * Passes(p, maximum));
}

// Operations of plain loops for a row of a plain pool: vectors of columns, and what a row begins
// with, which is most of it where rows are short.
double RowOperations(const Pool& p, bool maximum) {
  constexpr double kBegin = 50, kVector = 1.2, kLanes = 8;
  const auto vectors = [](int64_t columns) {
    return std::ceil(static_cast<double>(columns) / kLanes);
  };
  const int64_t width = (p.out_w - 1) * p.stride_w + (p.kernel_w - 1) * p.dilation_w + 1;
  const double reduced = vectors(p.in_w) * static_cast<double>(p.kernel_d * p.kernel_h);
  const double doubled = 1.5 * Passes(p, maximum) * vectors(width);
  const double stored =
      2 * vectors(p.out_w) * static_cast<double>(std::min<int64_t>(p.stride_w, 4));
  return kBegin + kVector * (reduced + doubled + stored);
}

double WindowSize(const Pool& p) {
  return static_cast<double>(p.kernel_d * p.kernel_h) * static_cast<double>(p.kernel_w);
}

}  // namespace

bool GoesByParts(const Pool& p) noexcept {
  return p.kernel_w > 3 && CombinedByParts(p, true) < WindowSize(p);
}

Work PoolWork(const Pool& p, bool maximum, bool blocked, int threads) {
  const double maps = static_cast<double>(p.n) * static_cast<double>(p.c);
  const double outputs =
      maps * static_cast<double>(p.out_d * p.out_h) * static_cast<double>(p.out_w);
  Work work =
      MoveWork(4 * maps * static_cast<double>(p.in_d * p.in_h) * static_cast<double>(p.in_w),
               4 * outputs, threads);
  if (!blocked) {
    const double rows = maps * static_cast<double>(p.out_d * p.out_h);
    work.stage().Add({.kind = WorkKind::kScalar, .count = rows * RowOperations(p, maximum)});
    return work;
  }
  work.stage().Add(
      {.kind = maximum ? WorkKind::kPoolMax : WorkKind::kPoolAverage,
       .count = outputs * (GoesByParts(p) ? CombinedByParts(p, maximum) : WindowSize(p))});
  return work;
}

// Plain operations that a vector takes: a load and a maximum of codes that need no widening; what
// an average widens and scales; and what an output begins and ends with.
Work CodePoolWork(const Pool& p, bool maximum, int threads) {
  const double pixels = static_cast<double>(p.n * BlockCount(p.c, kCodeChannels) * p.out_h) *
                        static_cast<double>(p.out_w);
  Work work = MoveWork(
      static_cast<double>(p.n * p.c) * static_cast<double>(p.in_h) * static_cast<double>(p.in_w),
      pixels * static_cast<double>(kCodeChannels), threads);
  const double per_tap = maximum ? 4 : 32, per_output = maximum ? 40 : 160;
  work.stage().Add(
      {.kind = WorkKind::kScalar, .count = pixels * (per_tap * WindowSize(p) + per_output)});
  return work;
}

Work CodePoolWork(const GlobalPool& p, int threads) {
  const Pool whole{.n = p.n,
                   .c = p.c,
                   .in_h = 1,
                   .in_w = p.pixels,
                   .out_h = 1,
                   .out_w = 1,
                   .kernel_h = 1,
                   .kernel_w = p.pixels};
  return CodePoolWork(whole, false, threads);
}

}  // namespace kinglet::kernels
