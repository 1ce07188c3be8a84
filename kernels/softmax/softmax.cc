#include "kernels/softmax/softmax.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/softmax.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"
#include "kernels/layout/layout.h"
#include "kernels/math/math.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(ArrayTag()));
constexpr int64_t kTile = 64;       // neighbours of the inner dimension that go together
constexpr int64_t kShortAxis = 16;  // rows up to this size go side by side, a row in a lane
constexpr float kLowest = -std::numeric_limits<float>::infinity();

// exp(x) of x <= 0 by 2^n * p(r), |r| <= ln2 / 2, with Cephes' polynomial of expf; 0 below the
// smallest normal float. NaN stays.
HWY_INLINE ArrayVec ExpNotAbove0(ArrayVec x) {
  const ArrayTag d;
  const hn::RebindToSigned<ArrayTag> di;
  const auto vanishes = hn::Lt(x, hn::Set(d, -87.33654f));
  x = hn::IfThenZeroElse(vanishes, x);
  // In the low bits of a float of this size there is the nearest integer.
  const ArrayVec magic = hn::Set(d, 12582912.0f);
  const ArrayVec shifted = hn::MulAdd(x, hn::Set(d, 1.44269504088896341f), magic);
  const ArrayVec n = hn::Sub(shifted, magic);
  ArrayVec r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  ArrayVec p = hn::Set(d, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  p = hn::MulAdd(p, hn::Mul(r, r), hn::Add(r, hn::Set(d, 1.0f)));
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
  const ArrayVec y = hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
  return hn::IfThenElse(hn::Eq(x, x), hn::IfThenZeroElse(vanishes, y), x);
}

// Any NaN may be lost in a maximum: the exponentials find it again.
float MaxOfLanes(ArrayVec v) {
  HWY_ALIGN float values[kLanes];
  hn::Store(v, ArrayTag(), values);
  float best = values[0];
  for (int64_t l = 1; l < kLanes; ++l) best = values[l] > best ? values[l] : best;
  return best;
}

float SumOfLanes(ArrayVec v) {
  HWY_ALIGN float values[kLanes];
  hn::Store(v, ArrayTag(), values);
  for (int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (int64_t l = 0; l < width; ++l) values[l] += values[l + width];
  }
  return values[0];
}

// A row of at least a vector. The last vector overlaps the one before; it is loaded first, as y may
// be x.
struct Row {
  const float* x;
  float* y;
  int64_t n;

  int64_t last() const { return n - kLanes; }
  int64_t whole() const { return n / kLanes * kLanes; }
};

float MaxOf(const Row& r) {
  const ArrayTag d;
  ArrayVec even = hn::LoadU(d, r.x + r.last()), odd = even;
  int64_t i = 0;
  for (; i + 2 * kLanes <= r.n; i += 2 * kLanes) {
    even = hn::Max(hn::LoadU(d, r.x + i), even);
    odd = hn::Max(hn::LoadU(d, r.x + i + kLanes), odd);
  }
  if (i + kLanes <= r.n) even = hn::Max(hn::LoadU(d, r.x + i), even);
  return MaxOfLanes(hn::Max(even, odd));
}

// Lanes that the last vector does not share with the one before are kept, the others are zero.
ArrayVec OnlyRest(const Row& r, ArrayVec v) {
  HWY_ALIGN float lanes[kLanes];
  hn::Store(v, ArrayTag(), lanes);
  std::fill(lanes, lanes + (kLanes - (r.n - r.whole())), 0.0f);
  return hn::Load(ArrayTag(), lanes);
}

// The sum of exp(x - max); where kStore they are y.
template <bool kStore>
float ExpSum(const Row& r, float max) {
  const ArrayTag d;
  const ArrayVec m = hn::Set(d, max);
  const ArrayVec tail = hn::LoadU(d, r.x + r.last());
  ArrayVec even = hn::Zero(d), odd = hn::Zero(d);
  const int64_t whole = r.whole();
  int64_t i = 0;
  for (; i + 2 * kLanes <= whole; i += 2 * kLanes) {
    const ArrayVec a = ExpNotAbove0(hn::Sub(hn::LoadU(d, r.x + i), m));
    const ArrayVec b = ExpNotAbove0(hn::Sub(hn::LoadU(d, r.x + i + kLanes), m));
    if (kStore) {
      hn::StoreU(a, d, r.y + i);
      hn::StoreU(b, d, r.y + i + kLanes);
    }
    even = hn::Add(even, a);
    odd = hn::Add(odd, b);
  }
  if (i < whole) {
    const ArrayVec a = ExpNotAbove0(hn::Sub(hn::LoadU(d, r.x + i), m));
    if (kStore) hn::StoreU(a, d, r.y + i);
    even = hn::Add(even, a);
  }
  if (whole < r.n) {
    const ArrayVec a = ExpNotAbove0(hn::Sub(tail, m));
    if (kStore) hn::StoreU(a, d, r.y + r.last());
    odd = hn::Add(odd, OnlyRest(r, a));
  }
  return SumOfLanes(hn::Add(even, odd));
}

// y[i] = f(x[i]), a vector at a time.
template <class F>
HWY_INLINE void MapRow(const Row& r, F f) {
  const ArrayTag d;
  const ArrayVec tail = hn::LoadU(d, r.x + r.last());
  const int64_t whole = r.whole();
  for (int64_t i = 0; i < whole; i += kLanes) hn::StoreU(f(hn::LoadU(d, r.x + i)), d, r.y + i);
  if (whole < r.n) hn::StoreU(f(tail), d, r.y + r.last());
}

void LongRow(const Row& r, bool log) {
  const ArrayTag d;
  const float max = MaxOf(r);
  if (log) {
    const ArrayVec m = hn::Set(d, max), s = hn::Set(d, std::log(ExpSum<false>(r, max)));
    MapRow(r, [&](ArrayVec v) HWY_ATTR { return hn::Sub(hn::Sub(v, m), s); });
    return;
  }
  const ArrayVec factor = hn::Set(d, 1.0f / ExpSum<true>(r, max));
  MapRow({r.y, r.y, r.n}, [&](ArrayVec v) HWY_ATTR { return hn::Mul(v, factor); });
}

// Lines side by side, whose elements are `step` apart. In what runs them, `log` is the logarithm
// where that of the softmax is wanted, else null.
struct Lines {
  const float* x;
  float* y;
  int64_t axis, step;
};

// kVecs vectors of lines.
template <int kVecs>
HWY_INLINE void RunVectors(const Lines& t, MathFn log) {
  const ArrayTag d;
  ArrayVec max[kVecs], sum[kVecs];
  for (int v = 0; v < kVecs; ++v) max[v] = hn::LoadU(d, t.x + v * kLanes);
  for (int64_t k = 1; k < t.axis; ++k) {
    for (int v = 0; v < kVecs; ++v) {
      max[v] = hn::Max(hn::LoadU(d, t.x + k * t.step + v * kLanes), max[v]);
    }
  }
  for (int v = 0; v < kVecs; ++v) sum[v] = hn::Zero(d);
  for (int64_t k = 0; k < t.axis; ++k) {
    for (int v = 0; v < kVecs; ++v) {
      const int64_t at = k * t.step + v * kLanes;
      const ArrayVec e = ExpNotAbove0(hn::Sub(hn::LoadU(d, t.x + at), max[v]));
      if (log == nullptr) hn::StoreU(e, d, t.y + at);
      sum[v] = hn::Add(sum[v], e);
    }
  }
  if (log == nullptr) {
    for (int v = 0; v < kVecs; ++v) sum[v] = hn::Div(hn::Set(d, 1.0f), sum[v]);
    for (int64_t k = 0; k < t.axis; ++k) {
      for (int v = 0; v < kVecs; ++v) {
        float* y = t.y + k * t.step + v * kLanes;
        hn::StoreU(hn::Mul(hn::LoadU(d, y), sum[v]), d, y);
      }
    }
    return;
  }
  HWY_ALIGN float sums[kVecs * kLanes];
  for (int v = 0; v < kVecs; ++v) hn::Store(sum[v], d, sums + v * kLanes);
  log(sums, sums, static_cast<size_t>(kVecs * kLanes), 0, 0);
  for (int v = 0; v < kVecs; ++v) sum[v] = hn::Load(d, sums + v * kLanes);
  for (int64_t k = 0; k < t.axis; ++k) {
    for (int v = 0; v < kVecs; ++v) {
      const int64_t at = k * t.step + v * kLanes;
      hn::StoreU(hn::Sub(hn::Sub(hn::LoadU(d, t.x + at), max[v]), sum[v]), d, t.y + at);
    }
  }
}

// As many whole vectors of `count` lines as there are; how many lines that is.
int64_t RunWholeVectors(Lines t, int64_t count, MathFn log) {
  int64_t done = 0;
  const auto advance = [&](int64_t lines) {
    t.x += lines;
    t.y += lines;
    done += lines;
  };
  for (; done + 4 * kLanes <= count; advance(4 * kLanes)) RunVectors<4>(t, log);
  for (; done + kLanes <= count; advance(kLanes)) RunVectors<1>(t, log);
  return done;
}

// Lines that are no whole vector: by way of a copy, whose other lanes are zero.
void RunFewLines(const Lines& t, int64_t count, MathFn log) {
  const ArrayTag d;
  ArrayVec max = hn::Set(d, kLowest), sum = hn::Zero(d);
  const auto load = [&](const float* x, int64_t k)
                        HWY_ATTR { return LoadTail(x + k * t.step, static_cast<size_t>(count)); };
  for (int64_t k = 0; k < t.axis; ++k) max = hn::Max(load(t.x, k), max);
  for (int64_t k = 0; k < t.axis; ++k) {
    sum = hn::Add(sum, ExpNotAbove0(hn::Sub(load(t.x, k), max)));
  }
  HWY_ALIGN float logs[kLanes];
  hn::Store(sum, d, logs);
  if (log != nullptr) log(logs, logs, static_cast<size_t>(kLanes), 0, 0);
  const ArrayVec factor = hn::Div(hn::Set(d, 1.0f), sum);
  for (int64_t k = 0; k < t.axis; ++k) {
    const ArrayVec v = hn::Sub(load(t.x, k), max);
    const ArrayVec y =
        log != nullptr ? hn::Sub(v, hn::Load(d, logs)) : hn::Mul(ExpNotAbove0(v), factor);
    StoreTail(y, t.y + k * t.step, static_cast<size_t>(count));
  }
}

// Rows of two and of three elements, a row in a lane: line k has element k of each.
HWY_INLINE void LoadRows(const float* x, int64_t n, float* lines) {
  const ArrayTag d;
  ArrayVec a, b, c = hn::Zero(d);
  if (n == 2) {
    hn::LoadInterleaved2(d, x, a, b);
  } else {
    hn::LoadInterleaved3(d, x, a, b, c);
    hn::StoreU(c, d, lines + 2 * kTile);
  }
  hn::StoreU(a, d, lines);
  hn::StoreU(b, d, lines + kTile);
}

HWY_INLINE void StoreRows(const float* lines, int64_t n, float* y) {
  const ArrayTag d;
  const ArrayVec a = hn::LoadU(d, lines), b = hn::LoadU(d, lines + kTile);
  if (n == 2) {
    hn::StoreInterleaved2(a, b, d, y);
  } else {
    hn::StoreInterleaved3(a, b, hn::LoadU(d, lines + 2 * kTile), d, y);
  }
}

// `count` <= kTile short rows into lines of kTile, and back.
void RowsToLines(const float* x, int64_t n, int64_t count, float* lines) {
  int64_t r = 0;
  if (n == 2 || n == 3) {
    for (; r + kLanes <= count; r += kLanes) LoadRows(x + r * n, n, lines + r);
  }
  GetLayoutTable().transpose32(reinterpret_cast<const uint32_t*>(x + r * n), n,
                               reinterpret_cast<uint32_t*>(lines + r), kTile, n, count - r);
}

void LinesToRows(const float* lines, int64_t n, int64_t count, float* y) {
  int64_t r = 0;
  if (n == 2 || n == 3) {
    for (; r + kLanes <= count; r += kLanes) StoreRows(lines + r, n, y + r * n);
  }
  GetLayoutTable().transpose32(reinterpret_cast<const uint32_t*>(lines + r), kTile,
                               reinterpret_cast<uint32_t*>(y + r * n), n, count - r, n);
}

// Rows of a few elements each: side by side, so that vectors are full.
void ShortRows(const float* x, float* y, int64_t n, int64_t rows, MathFn log) {
  HWY_ALIGN float lines[kShortAxis * kTile] = {};
  for (int64_t first = 0; first < rows; first += kTile) {
    const int64_t count = std::min(kTile, rows - first);
    RowsToLines(x + first * n, n, count, lines);
    RunWholeVectors({lines, lines, n, kTile}, (count + kLanes - 1) / kLanes * kLanes, log);
    LinesToRows(lines, n, count, y + first * n);
  }
}

void Run(const Softmax& s, const float* x, float* y, int64_t begin, int64_t end) noexcept {
  const MathFn log = s.log ? GetMathTable().log : nullptr;
  if (s.inner == 1 && s.axis <= kShortAxis) {
    return ShortRows(x + begin * s.axis, y + begin * s.axis, s.axis, end - begin, log);
  }
  if (s.inner == 1) {
    for (int64_t r = begin; r < end; ++r) LongRow({x + r * s.axis, y + r * s.axis, s.axis}, s.log);
    return;
  }
  const int64_t tiles = (s.inner + kTile - 1) / kTile;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t first = unit % tiles * kTile;
    const int64_t at = unit / tiles * s.axis * s.inner + first;
    const int64_t count = std::min(kTile, s.inner - first);
    const int64_t done = RunWholeVectors({x + at, y + at, s.axis, s.inner}, count, log);
    if (done < count) {
      RunFewLines({x + at + done, y + at + done, s.axis, s.inner}, count - done, log);
    }
  }
}

static_assert(kShortAxis >= kLanes);  // longer rows are a vector at least

}  // namespace

SoftmaxFn SoftmaxForTarget() { return Run; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Softmax);
HWY_EXPORT(SoftmaxForTarget);

SoftmaxFn GetSoftmax() noexcept { return KINGLET_RESOLVE(SoftmaxForTarget)(); }

int64_t UnitCount(const Softmax& s) noexcept {
  if (s.axis == 0 || s.inner == 0) return 0;
  return s.inner == 1 ? s.outer : s.outer * ((s.inner + 63) / 64);
}

}  // namespace kinglet::kernels
#endif
