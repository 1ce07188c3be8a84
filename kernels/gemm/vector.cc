#include "kernels/gemm/vector.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/vector.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));

// R rows from row i on; two sums for each, so that their additions overlap.
template <int R>
HWY_INLINE void DotRows(const RowMatrix& m, const float* x, int64_t i, float (&sums)[R]) {
  const Tag d;
  const float* rows[R];
  Vec even[R], odd[R];
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    rows[r] = m.data + (i + r) * m.stride;
    even[r] = odd[r] = hn::Zero(d);
  }
  int64_t j = 0;
  for (; j + 2 * kLanes <= m.columns; j += 2 * kLanes) {
    const Vec a = hn::LoadU(d, x + j), b = hn::LoadU(d, x + j + kLanes);
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      even[r] = hn::MulAdd(a, hn::LoadU(d, rows[r] + j), even[r]);
      odd[r] = hn::MulAdd(b, hn::LoadU(d, rows[r] + j + kLanes), odd[r]);
    }
  }
  if (j + kLanes <= m.columns) {
    const Vec a = hn::LoadU(d, x + j);
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) even[r] = hn::MulAdd(a, hn::LoadU(d, rows[r] + j), even[r]);
    j += kLanes;
  }
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[r], odd[r])));
    for (int64_t k = j; k < m.columns; ++k) sum += x[k] * rows[r][k];
    sums[r] = sum;
  }
}

void Dots(const RowMatrix& m, const float* x, float alpha, bool adds, float* y,
          int64_t y_stride) noexcept {
  constexpr int kRows = 4;
  const auto store = [&](int64_t i, float sum) {
    float& to = y[i * y_stride];
    to = adds ? to + alpha * sum : alpha * sum;
  };
  int64_t i = 0;
  for (; i + kRows <= m.rows; i += kRows) {
    float sums[kRows];
    DotRows(m, x, i, sums);
    for (int r = 0; r < kRows; ++r) store(i + r, sums[r]);
  }
  for (; i < m.rows; ++i) {
    float sums[1];
    DotRows(m, x, i, sums);
    store(i, sums[0]);
  }
}

// Adds R rows from row i on to y, one after the other.
template <int R>
HWY_INLINE void AddRows(const RowMatrix& m, const float* x, float alpha, int64_t i, bool adds,
                        float* y) {
  const Tag d;
  const float* rows[R];
  float factors[R];
  Vec weights[R];
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    rows[r] = m.data + (i + r) * m.stride;
    factors[r] = alpha * x[i + r];
    weights[r] = hn::Set(d, factors[r]);
  }
  int64_t j = 0;
  for (; j + kLanes <= m.columns; j += kLanes) {
    Vec sum = adds ? hn::LoadU(d, y + j) : hn::Zero(d);
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) sum = hn::MulAdd(weights[r], hn::LoadU(d, rows[r] + j), sum);
    hn::StoreU(sum, d, y + j);
  }
  for (; j < m.columns; ++j) {
    float sum = adds ? y[j] : 0.0f;
    for (int r = 0; r < R; ++r) sum += factors[r] * rows[r][j];
    y[j] = sum;
  }
}

void WeightedRows(const RowMatrix& m, const float* x, float alpha, bool adds, float* y) noexcept {
  constexpr int kRows = 8;
  if (m.rows == 0 && !adds) std::fill_n(y, m.columns, 0.0f);
  int64_t i = 0;
  for (; i + kRows <= m.rows; i += kRows, adds = true) AddRows<kRows>(m, x, alpha, i, adds, y);
  for (; i < m.rows; ++i, adds = true) AddRows<1>(m, x, alpha, i, adds, y);
}

constexpr VectorFns kFns = {Dots, WeightedRows};

}  // namespace

const VectorFns* VectorFnsForTarget() { return &kFns; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Vector);
HWY_EXPORT(VectorFnsForTarget);

const VectorFns& GetVectorFns() noexcept { return *KINGLET_RESOLVE(VectorFnsForTarget)(); }

}  // namespace kinglet::kernels
#endif
