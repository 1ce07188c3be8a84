#include "kernels/common/blocked.h"
#include "kernels/layout/layout.h"

namespace kinglet::kernels {

Work ReorderWork(int64_t n, int64_t c, int64_t h, int64_t w, int threads) noexcept {
  const double pixels = static_cast<double>(n) * static_cast<double>(h) * static_cast<double>(w);
  Work work = MoveWork(4 * pixels * static_cast<double>(c),
                       4 * pixels * static_cast<double>(RoundUpToBlock(c)), threads);
  // The lanes of a last block that is not full are moved one by one.
  if (c % kBlock != 0) {
    work.stage().Add({.kind = WorkKind::kScalar, .count = static_cast<double>(kBlock) * pixels});
  }
  return work;
}

}  // namespace kinglet::kernels
