#include "kernels/normalize/normalize.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/normalize/normalize.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(ArrayTag()));
constexpr int64_t kPixel = 16;
constexpr int64_t kPiece = 2048;  // elements whose sum is made in float32, in the first-level cache
constexpr int64_t kChains = 4;    // of dependent additions

// The sum of f(x[i]); f takes and returns a vector, and zero in lanes beyond the end.
template <class F, class G>
HWY_INLINE float Sum(const float* x, int64_t n, F f, G last) {
  const ArrayTag d;
  ArrayVec sums[kChains];
  for (ArrayVec& sum : sums) sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    for (int64_t k = 0; k < kChains; ++k) {
      sums[k] = hn::Add(sums[k], f(hn::LoadU(d, x + i + k * kLanes)));
    }
  }
  for (; i + kLanes <= n; i += kLanes) sums[0] = hn::Add(sums[0], f(hn::LoadU(d, x + i)));
  HWY_ALIGN float lanes[kLanes];
  hn::Store(hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3])), d, lanes);
  float total = 0;
  for (const float lane : lanes) total += lane;
  for (; i < n; ++i) total += last(x[i]);
  return total;
}

float SumOf(const float* x, int64_t n) {
  return Sum(
      x, n, [](ArrayVec v) HWY_ATTR { return v; }, [](float v) { return v; });
}

float SquaresOf(const float* x, float mean, int64_t n) {
  const ArrayVec m = hn::Set(ArrayTag(), mean);
  return Sum(
      x, n,
      [&](ArrayVec v) HWY_ATTR {
        const ArrayVec difference = hn::Sub(v, m);
        return hn::Mul(difference, difference);
      },
      [&](float v) { return (v - mean) * (v - mean); });
}

// The moments of `count` elements joined with those of `more` others.
Moments Join(const Moments& a, int64_t count, const Moments& b, int64_t more) {
  const auto n = static_cast<double>(count), k = static_cast<double>(more);
  const double difference = b.mean - a.mean;
  return {a.mean + difference * k / (n + k),
          a.squares + b.squares + difference * difference * n * k / (n + k)};
}

// By differences from a mean in float32, which is not quite the piece's own.
Moments Corrected(double sum, float used_mean, double squares, int64_t n) {
  const double mean = sum / static_cast<double>(n);
  const double off = mean - static_cast<double>(used_mean);
  const double corrected = squares - static_cast<double>(n) * off * off;
  return {mean, corrected < 0 ? 0.0 : corrected};  // NaN stays
}

Moments MomentsOf(const float* x, int64_t n) noexcept {
  Moments all = {0, 0};
  for (int64_t at = 0; at < n; at += kPiece) {
    const int64_t count = std::min(kPiece, n - at);
    const float sum = SumOf(x + at, count);
    const float mean = sum / static_cast<float>(count);
    const Moments piece = Corrected(static_cast<double>(sum), mean,
                                    static_cast<double>(SquaresOf(x + at, mean, count)), count);
    all = at == 0 ? piece : Join(all, at, piece, count);
  }
  return all;
}

// The sum over `count` pixels of f(vector v of the pixel), for each of their vectors v.
template <class F>
HWY_INLINE void SumPixels(const float* x, int64_t count, F f, float* sums) {
  constexpr int64_t kVecs = kPixel / kLanes;
  const ArrayTag d;
  ArrayVec even[kVecs], odd[kVecs];
  for (int64_t v = 0; v < kVecs; ++v) even[v] = odd[v] = hn::Zero(d);
  int64_t p = 0;
  for (; p + 2 <= count; p += 2, x += 2 * kPixel) {
    for (int64_t v = 0; v < kVecs; ++v) {
      even[v] = hn::Add(even[v], f(hn::LoadU(d, x + v * kLanes), v));
      odd[v] = hn::Add(odd[v], f(hn::LoadU(d, x + kPixel + v * kLanes), v));
    }
  }
  for (int64_t v = 0; v < kVecs; ++v) {
    if (p < count) even[v] = hn::Add(even[v], f(hn::LoadU(d, x + v * kLanes), v));
    hn::StoreU(hn::Add(even[v], odd[v]), d, sums + v * kLanes);
  }
}

void MomentsBlocked(const float* x, int64_t pixels, Moments* moments) noexcept {
  constexpr int64_t kPixels = kPiece / kPixel;
  const ArrayTag d;
  HWY_ALIGN float sums[kPixel], means[kPixel], squares[kPixel];
  for (int64_t at = 0; at < pixels; at += kPixels) {
    const int64_t count = std::min(kPixels, pixels - at);
    const float* piece = x + at * kPixel;
    SumPixels(
        piece, count, [](ArrayVec v, int64_t) HWY_ATTR { return v; }, sums);
    for (int64_t k = 0; k < kPixel; ++k) means[k] = sums[k] / static_cast<float>(count);
    SumPixels(
        piece, count,
        [&](ArrayVec v, int64_t at_vector) HWY_ATTR {
          const ArrayVec difference = hn::Sub(v, hn::Load(d, means + at_vector * kLanes));
          return hn::Mul(difference, difference);
        },
        squares);
    for (int64_t k = 0; k < kPixel; ++k) {
      const Moments of_piece =
          Corrected(static_cast<double>(sums[k]), means[k], static_cast<double>(squares[k]), count);
      moments[k] = at == 0 ? of_piece : Join(moments[k], at, of_piece, count);
    }
  }
}

void Run(const float* x, float mean, float factor, float shift, float* y, int64_t n) noexcept {
  const ArrayTag d;
  const ArrayVec m = hn::Set(d, mean), f = hn::Set(d, factor), t = hn::Set(d, shift);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(hn::MulAdd(hn::Sub(hn::LoadU(d, x + i), m), f, t), d, y + i);
  }
  for (; i < n; ++i) y[i] = (x[i] - mean) * factor + shift;
}

template <bool kShift>
void RowOf(const float* x, float mean, float inverse, const float* scale, const float* shift,
           float* y, int64_t n) {
  const ArrayTag d;
  const ArrayVec m = hn::Set(d, mean), f = hn::Set(d, inverse);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const ArrayVec v =
        hn::Mul(hn::Mul(hn::Sub(hn::LoadU(d, x + i), m), f), hn::LoadU(d, scale + i));
    hn::StoreU(kShift ? hn::Add(v, hn::LoadU(d, shift + i)) : v, d, y + i);
  }
  for (; i < n; ++i) {
    y[i] = (x[i] - mean) * inverse * scale[i] + (kShift ? shift[i] : 0.0f);
  }
}

void Row(const float* x, float mean, float inverse, const float* scale, const float* shift,
         float* y, int64_t n) noexcept {
  if (shift == nullptr) return RowOf<false>(x, mean, inverse, scale, shift, y, n);
  RowOf<true>(x, mean, inverse, scale, shift, y, n);
}

constexpr NormalizeTable kTable = {MomentsOf, Run, Row, MomentsBlocked};
}  // namespace

const NormalizeTable* NormalizeForTarget() { return &kTable; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Normalize);
HWY_EXPORT(NormalizeForTarget);

const NormalizeTable& GetNormalizeTable() noexcept {
  return *KINGLET_RESOLVE(NormalizeForTarget)();
}

}  // namespace kinglet::kernels
#endif
