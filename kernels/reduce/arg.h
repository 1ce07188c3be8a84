// The largest or smallest of some float32 values, and where it stands.
//
// extreme: the value; NaN where there is one.
// The others: the index of the first of equal ones, or with `last` of the last. NaN is never larger
// or smaller than anything: it is found where it comes first, and passed over elsewhere (a scan
// that keeps the best so far). Alignment: that of the element. Over-read, over-write: none. Exact.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

struct ArgTable {
  // Of x[0, n), n >= 1.
  float (*extreme)(const float* x, int64_t n) noexcept;
  // out[r] = the index in the row x[r * n, (r + 1) * n), n >= 1, for r < count.
  void (*rows)(const float* x, int64_t n, int64_t count, bool last, int64_t* out) noexcept;
  // out[j] = the index k < n, 1 <= n < 2^31, of x[k * stride + j], for j < count.
  void (*columns)(const float* x, int64_t n, int64_t stride, int64_t count, bool last,
                  int64_t* out) noexcept;
};

// Functions for the active target: of maxima or of minima. Fetch them at plan time.
const ArgTable& GetArgTable(bool maximum) noexcept;

}  // namespace kinglet::kernels
