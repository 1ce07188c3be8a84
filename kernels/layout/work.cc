#include "kernels/common/blocked.h"
#include "kernels/layout/layout.h"

namespace kinglet::kernels {

Work ReorderWork(int64_t n, int64_t c, int64_t h, int64_t w, int threads,
                 int64_t element_bytes) noexcept {
  const int64_t block = kPixelBytes / element_bytes;
  const double pixels = static_cast<double>(n) * static_cast<double>(h) * static_cast<double>(w);
  Work work =
      MoveWork(static_cast<double>(element_bytes * c) * pixels,
               static_cast<double>(element_bytes * RoundUpToBlock(c, block)) * pixels, threads);
  // The lanes of a last block of floats that is not full are moved one by one.
  if (c % kBlock != 0 && element_bytes == 4) {
    work.stage().Add({.kind = WorkKind::kScalar, .count = static_cast<double>(kBlock) * pixels});
  }
  return work;
}

}  // namespace kinglet::kernels
