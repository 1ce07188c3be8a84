#include "kernels/softmax/softmax.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/softmax.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/unroll.h"
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
// smallest normal float. NaN stays: p is NaN then.
HWY_INLINE ArrayVec ExpNotAbove0(ArrayVec x) {
  const ArrayTag d;
  const hn::RebindToSigned<ArrayTag> di;
  // In the low bits of a float of this size there is the nearest integer, with the exponent's bias.
  const ArrayVec magic = hn::Set(d, 12582912.0f + 127.0f);
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
  const ArrayVec power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, shifted)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.33654f)), hn::Mul(p, power));
}

// Any NaN may be lost in a maximum: the exponentials find it again.
HWY_INLINE float MaxOfLanes(ArrayVec v) { return hn::GetLane(hn::MaxOfLanes(ArrayTag(), v)); }
HWY_INLINE float SumOfLanes(ArrayVec v) { return hn::GetLane(hn::SumOfLanes(ArrayTag(), v)); }

// Rows of at least a vector. The last vector overlaps the one before, of which it is loaded before
// anything is stored, as y may be x; `before` are the lanes that both have.
struct RowForm {
  explicit RowForm(int64_t length)
      : n(length),
        last(length - kLanes),
        whole((length - 1) / kLanes * kLanes),
        before(hn::FirstN(ArrayTag(), static_cast<size_t>(whole - last))) {}

  int64_t n, last, whole;  // elements, where the last vector begins, elements of those before it
  hn::Mask<ArrayTag> before;
};

float MaxOf(const RowForm& f, const float* x) {
  const ArrayTag d;
  ArrayVec even = hn::LoadU(d, x + f.last), odd = even;
  int64_t i = 0;
  for (; i + 2 * kLanes <= f.whole; i += 2 * kLanes) {
    even = hn::Max(hn::LoadU(d, x + i), even);
    odd = hn::Max(hn::LoadU(d, x + i + kLanes), odd);
  }
  if (i < f.whole) even = hn::Max(hn::LoadU(d, x + i), even);
  return MaxOfLanes(hn::Max(even, odd));
}

// The sum of exp(x - max); where kStore they are y.
template <bool kStore>
float ExpSum(const RowForm& f, const float* x, float max, float* y) {
  const ArrayTag d;
  const ArrayVec m = hn::Set(d, max);
  const ArrayVec rest = ExpNotAbove0(hn::Sub(hn::LoadU(d, x + f.last), m));
  ArrayVec even = hn::IfThenZeroElse(f.before, rest), odd = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * kLanes <= f.whole; i += 2 * kLanes) {
    const ArrayVec a = ExpNotAbove0(hn::Sub(hn::LoadU(d, x + i), m));
    const ArrayVec b = ExpNotAbove0(hn::Sub(hn::LoadU(d, x + i + kLanes), m));
    if (kStore) {
      hn::StoreU(a, d, y + i);
      hn::StoreU(b, d, y + i + kLanes);
    }
    even = hn::Add(even, a);
    odd = hn::Add(odd, b);
  }
  if (i < f.whole) {
    const ArrayVec a = ExpNotAbove0(hn::Sub(hn::LoadU(d, x + i), m));
    if (kStore) hn::StoreU(a, d, y + i);
    odd = hn::Add(odd, a);
  }
  if (kStore) hn::StoreU(rest, d, y + f.last);
  return SumOfLanes(hn::Add(even, odd));
}

// y[i] = f(x[i]), a vector at a time.
template <class F>
HWY_INLINE void MapRow(const RowForm& form, const float* x, float* y, F f) {
  const ArrayTag d;
  const ArrayVec rest = f(hn::LoadU(d, x + form.last));
  for (int64_t i = 0; i < form.whole; i += kLanes) hn::StoreU(f(hn::LoadU(d, x + i)), d, y + i);
  hn::StoreU(rest, d, y + form.last);
}

void LongRow(const RowForm& f, const float* x, float* y) {
  const ArrayVec factor = hn::Set(ArrayTag(), 1.0f / ExpSum<true>(f, x, MaxOf(f, x), y));
  MapRow(f, y, y, [&](ArrayVec v) HWY_ATTR { return hn::Mul(v, factor); });
}

// A row of kVecs vectors, which stays in registers.
template <int kVecs>
HWY_INLINE void RegisterRow(const RowForm& f, const float* x, float* y) {
  const ArrayTag d;
  ArrayVec v[kVecs];
  KINGLET_UNROLL
  for (int i = 0; i + 1 < kVecs; ++i) v[i] = hn::LoadU(d, x + i * kLanes);
  v[kVecs - 1] = hn::LoadU(d, x + f.last);
  ArrayVec max = v[0];
  KINGLET_UNROLL
  for (int i = 1; i < kVecs; ++i) max = hn::Max(v[i], max);
  max = hn::MaxOfLanes(d, max);
  KINGLET_UNROLL
  for (int i = 0; i < kVecs; ++i) v[i] = ExpNotAbove0(hn::Sub(v[i], max));
  ArrayVec sum = hn::IfThenZeroElse(f.before, v[kVecs - 1]);
  KINGLET_UNROLL
  for (int i = 0; i + 1 < kVecs; ++i) sum = hn::Add(sum, v[i]);
  const ArrayVec factor = hn::Div(hn::Set(d, 1.0f), hn::SumOfLanes(d, sum));
  KINGLET_UNROLL
  for (int i = 0; i + 1 < kVecs; ++i) hn::StoreU(hn::Mul(v[i], factor), d, y + i * kLanes);
  hn::StoreU(hn::Mul(v[kVecs - 1], factor), d, y + f.last);
}

template <int kVecs>
void RegisterRows(const RowForm& f, const float* x, float* y, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r) RegisterRow<kVecs>(f, x + r * f.n, y + r * f.n);
}

// Logarithms of the sums of some rows at once.
void LogRows(const RowForm& f, const float* x, float* y, int64_t rows, MathFn log) {
  float max[kTile], sum[kTile];
  for (int64_t r = 0; r < rows; ++r) {
    max[r] = MaxOf(f, x + r * f.n);
    sum[r] = ExpSum<false>(f, x + r * f.n, max[r], nullptr);
  }
  log(sum, sum, static_cast<size_t>(rows), 0, 0);
  for (int64_t r = 0; r < rows; ++r) {
    const ArrayVec m = hn::Set(ArrayTag(), max[r]), s = hn::Set(ArrayTag(), sum[r]);
    MapRow(f, x + r * f.n, y + r * f.n,
           [&](ArrayVec v) HWY_ATTR { return hn::Sub(hn::Sub(v, m), s); });
  }
}

void LongRows(const float* x, float* y, int64_t n, int64_t rows, MathFn log) {
  const RowForm form(n);
  if (log != nullptr) {
    for (int64_t r = 0; r < rows; r += kTile) {
      LogRows(form, x + r * n, y + r * n, std::min(kTile, rows - r), log);
    }
    return;
  }
  switch (form.whole / kLanes + 1) {
    case 2:
      return RegisterRows<2>(form, x, y, rows);
    case 3:
      return RegisterRows<3>(form, x, y, rows);
    case 4:
      return RegisterRows<4>(form, x, y, rows);
    default:
      for (int64_t r = 0; r < rows; ++r) LongRow(form, x + r * n, y + r * n);
  }
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

// Rows of a few elements each: side by side, so that vectors are full.
void ShortRows(const float* x, float* y, int64_t n, int64_t rows, MathFn log) {
  const auto transpose = GetLayoutTable().transpose32;
  HWY_ALIGN float lines[kShortAxis * kTile] = {};
  auto* bits = reinterpret_cast<uint32_t*>(lines);
  for (int64_t first = 0; first < rows; first += kTile) {
    const int64_t count = std::min(kTile, rows - first);
    transpose(reinterpret_cast<const uint32_t*>(x + first * n), n, bits, kTile, n, count);
    RunWholeVectors({lines, lines, n, kTile}, (count + kLanes - 1) / kLanes * kLanes, log);
    transpose(bits, kTile, reinterpret_cast<uint32_t*>(y + first * n), n, count, n);
  }
}

void Run(const Softmax& s, const float* x, float* y, int64_t begin, int64_t end) noexcept {
  const MathFn log = s.log ? GetMathTable().log : nullptr;
  if (s.inner == 1 && s.axis <= kShortAxis) {
    return ShortRows(x + begin * s.axis, y + begin * s.axis, s.axis, end - begin, log);
  }
  if (s.inner == 1) {
    return LongRows(x + begin * s.axis, y + begin * s.axis, s.axis, end - begin, log);
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
