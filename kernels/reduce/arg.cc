#include "kernels/reduce/arg.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce/arg.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"
#include "kernels/layout/layout.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(ArrayTag()));

template <bool kMax>
bool IsBetter(float a, float b) {
  return kMax ? a > b : a < b;
}

// Keeps `best` where x is NaN.
template <bool kMax>
HWY_INLINE ArrayVec Best(ArrayVec x, ArrayVec best) {
  return hn::IfThenElse(kMax ? hn::Gt(x, best) : hn::Lt(x, best), x, best);
}

template <bool kMax>
float BestOf(const float* x, int64_t n) {
  const ArrayTag d;
  float best = x[0];
  int64_t i = 1;
  if (n >= kLanes) {
    ArrayVec a = hn::Set(d, best), b = a;
    for (i = 0; i + 2 * kLanes <= n; i += 2 * kLanes) {
      a = Best<kMax>(hn::LoadU(d, x + i), a);
      b = Best<kMax>(hn::LoadU(d, x + i + kLanes), b);
    }
    if (i + kLanes <= n) a = Best<kMax>(hn::LoadU(d, x + i), a), i += kLanes;
    HWY_ALIGN float lanes[kLanes];
    hn::Store(Best<kMax>(b, a), d, lanes);
    for (const float lane : lanes) best = IsBetter<kMax>(lane, best) ? lane : best;
  }
  for (; i < n; ++i) best = IsBetter<kMax>(x[i], best) ? x[i] : best;
  return best;
}

template <bool kMax>
HWY_INLINE ArrayVec MinOrMax(ArrayVec a, ArrayVec b) {
  return kMax ? hn::Max(a, b) : hn::Min(a, b);
}

float FirstNan(const float* x) {
  while (*x == *x) ++x;
  return *x;
}

// What NaN makes of a maximum depends on the target: they are looked for apart.
template <bool kMax>
float ExtremeOf(const float* x, int64_t n) noexcept {
  const ArrayTag d;
  constexpr int64_t kChains = 4;
  float best = x[0];
  bool has_nan = false;
  int64_t i = 0;
  if (n >= kLanes) {
    ArrayVec chains[kChains];
    for (int64_t c = 0; c < kChains; ++c) chains[c] = hn::LoadU(d, x);
    auto numbers = hn::Eq(chains[0], chains[0]);
    for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
      for (int64_t c = 0; c < kChains; ++c) {
        const ArrayVec v = hn::LoadU(d, x + i + c * kLanes);
        numbers = hn::And(numbers, hn::Eq(v, v));
        chains[c] = MinOrMax<kMax>(v, chains[c]);
      }
    }
    for (; i + kLanes <= n; i += kLanes) {
      const ArrayVec v = hn::LoadU(d, x + i);
      numbers = hn::And(numbers, hn::Eq(v, v));
      chains[0] = MinOrMax<kMax>(v, chains[0]);
    }
    const ArrayVec all =
        MinOrMax<kMax>(MinOrMax<kMax>(chains[0], chains[1]), MinOrMax<kMax>(chains[2], chains[3]));
    has_nan = !hn::AllTrue(d, numbers);
    best = hn::GetLane(kMax ? hn::MaxOfLanes(d, all) : hn::MinOfLanes(d, all));
  }
  for (; i < n; ++i) {
    has_nan = has_nan || x[i] != x[i];
    best = IsBetter<kMax>(x[i], best) ? x[i] : best;
  }
  return has_nan ? FirstNan(x) : best;
}

int64_t FirstEqual(const float* x, int64_t n, float value) {
  const ArrayTag d;
  const ArrayVec wanted = hn::Set(d, value);
  int64_t i = 0;
  while (i + kLanes <= n && hn::AllFalse(d, hn::Eq(hn::LoadU(d, x + i), wanted))) i += kLanes;
  while (i < n && x[i] != value) ++i;
  return i;
}

int64_t LastEqual(const float* x, int64_t n, float value) {
  const ArrayTag d;
  const ArrayVec wanted = hn::Set(d, value);
  int64_t i = n;
  while (i >= kLanes && hn::AllFalse(d, hn::Eq(hn::LoadU(d, x + i - kLanes), wanted))) i -= kLanes;
  while (i > 0 && x[i - 1] != value) --i;
  return i - 1;
}

template <bool kMax>
int64_t Row(const float* x, int64_t n, bool last) {
  if (x[0] != x[0]) return 0;
  const float best = BestOf<kMax>(x, n);
  return last ? LastEqual(x, n, best) : FirstEqual(x, n, best);
}

// kVecs vectors of columns.
template <bool kMax, bool kLast, int kVecs>
HWY_INLINE void VectorColumns(const float* x, int64_t n, int64_t stride, int64_t* out) {
  const ArrayTag d;
  const hn::RebindToSigned<ArrayTag> di;
  ArrayVec best[kVecs];
  hn::Vec<decltype(di)> index[kVecs];
  for (int v = 0; v < kVecs; ++v) {
    best[v] = hn::LoadU(d, x + v * kLanes);
    index[v] = hn::Zero(di);
  }
  for (int64_t k = 1; k < n; ++k) {
    x += stride;
    const auto here = hn::Set(di, static_cast<int32_t>(k));
    for (int v = 0; v < kVecs; ++v) {
      const ArrayVec value = hn::LoadU(d, x + v * kLanes);
      const ArrayVec small = kMax ? best[v] : value, large = kMax ? value : best[v];
      const auto better = kLast ? hn::Ge(large, small) : hn::Gt(large, small);
      best[v] = hn::IfThenElse(better, value, best[v]);
      index[v] = hn::IfThenElse(hn::RebindMask(di, better), here, index[v]);
    }
  }
  HWY_ALIGN int32_t lanes[kLanes];
  for (int v = 0; v < kVecs; ++v) {
    hn::Store(index[v], di, lanes);
    for (int64_t l = 0; l < kLanes; ++l) out[v * kLanes + l] = lanes[l];
  }
}

template <bool kMax, bool kLast>
void ColumnsOf(const float* x, int64_t n, int64_t stride, int64_t count, int64_t* out) {
  int64_t j = 0;
  for (; j + 4 * kLanes <= count; j += 4 * kLanes) {
    VectorColumns<kMax, kLast, 4>(x + j, n, stride, out + j);
  }
  for (; j + kLanes <= count; j += kLanes) {
    VectorColumns<kMax, kLast, 1>(x + j, n, stride, out + j);
  }
  for (; j < count; ++j) {
    float best = x[j];
    out[j] = 0;
    for (int64_t k = 1; k < n; ++k) {
      const float value = x[k * stride + j];
      if (!IsBetter<kMax>(value, best) && !(kLast && value == best)) continue;
      best = value;
      out[j] = k;
    }
  }
}

template <bool kMax>
void Columns(const float* x, int64_t n, int64_t stride, int64_t count, bool last,
             int64_t* out) noexcept {
  if (last) return ColumnsOf<kMax, true>(x, n, stride, count, out);
  ColumnsOf<kMax, false>(x, n, stride, count, out);
}

// Rows of a few elements lie side by side in a copy, where they are columns.
template <bool kMax>
void Rows(const float* x, int64_t n, int64_t count, bool last, int64_t* out) noexcept {
  constexpr int64_t kShortRow = 64, kRows = 64;
  if (n > kShortRow) {
    for (int64_t r = 0; r < count; ++r) out[r] = Row<kMax>(x + r * n, n, last);
    return;
  }
  HWY_ALIGN float columns[kShortRow * kRows];
  const auto transpose = GetLayoutTable().transpose32;
  for (int64_t first = 0; first < count; first += kRows) {
    const int64_t rows = std::min(kRows, count - first);
    transpose(reinterpret_cast<const uint32_t*>(x + first * n), n,
              reinterpret_cast<uint32_t*>(columns), kRows, n, rows);
    Columns<kMax>(columns, n, kRows, rows, last, out + first);
  }
}

constexpr ArgTable kTables[] = {{ExtremeOf<false>, Rows<false>, Columns<false>},
                                {ExtremeOf<true>, Rows<true>, Columns<true>}};
}  // namespace

const ArgTable* ArgForTarget(bool maximum) { return &kTables[maximum ? 1 : 0]; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Arg);
HWY_EXPORT(ArgForTarget);

const ArgTable& GetArgTable(bool maximum) noexcept {
  return *KINGLET_RESOLVE(ArgForTarget)(maximum);
}

}  // namespace kinglet::kernels
#endif
