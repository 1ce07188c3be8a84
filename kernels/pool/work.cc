#include "kernels/pool/pool.h"

namespace kinglet::kernels {

Work PoolWork(const Pool& p, bool maximum, int threads) {
  const double maps = static_cast<double>(p.n) * static_cast<double>(p.c);
  const double outputs = maps * static_cast<double>(p.out_h * p.out_w);
  Work work = MoveWork(4 * maps * static_cast<double>(p.in_h * p.in_w), 4 * outputs, threads);
  work.stage().Add({.kind = maximum ? WorkKind::kPoolMax : WorkKind::kPoolAverage,
                    .count = outputs * static_cast<double>(p.kernel_h * p.kernel_w)});
  return work;
}

}  // namespace kinglet::kernels
