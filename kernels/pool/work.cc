#include <bit>

#include "kernels/pool/pool.h"

namespace kinglet::kernels {
namespace {

// Values that are combined for an output when its window goes by parts: its columns, as many as lie
// between outputs, over all rows; then runs of columns, doubled, and joined where the size is no
// power of two.
double CombinedByParts(const Pool& p) {
  const auto kernel_w = static_cast<uint64_t>(p.kernel_w);
  const double passes =
      static_cast<double>(std::bit_width(kernel_w) - 1) + (std::has_single_bit(kernel_w) ? 0 : 1);
  // A pass stores what it combines.
  return static_cast<double>(p.stride_w) *
         (static_cast<double>(p.kernel_d * p.kernel_h) + 2 * passes);
}

double WindowSize(const Pool& p) {
  return static_cast<double>(p.kernel_d * p.kernel_h) * static_cast<double>(p.kernel_w);
}

}  // namespace

bool GoesByParts(const Pool& p) noexcept {
  return p.kernel_w > 3 && CombinedByParts(p) < WindowSize(p);
}

Work PoolWork(const Pool& p, bool maximum, bool blocked, int threads) {
  const double maps = static_cast<double>(p.n) * static_cast<double>(p.c);
  const double outputs =
      maps * static_cast<double>(p.out_d * p.out_h) * static_cast<double>(p.out_w);
  Work work =
      MoveWork(4 * maps * static_cast<double>(p.in_d * p.in_h) * static_cast<double>(p.in_w),
               4 * outputs, threads);
  const bool by_parts = !blocked || GoesByParts(p);
  work.stage().Add({.kind = maximum ? WorkKind::kPoolMax : WorkKind::kPoolAverage,
                    .count = outputs * (by_parts ? CombinedByParts(p) : WindowSize(p))});
  return work;
}

}  // namespace kinglet::kernels
