#include "kernels/quantize/quantize.h"

#include <algorithm>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize/quantize.cc"
#include "kernels/common/blocked.h"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kTile = 4096;
constexpr size_t kPixel = 16;
using IntTag = hn::RebindToSigned<ArrayTag>;
using IntVec = hn::Vec<IntTag>;

// The quantised value without its zero point, still a float: clamping before the rounding to
// [low - zero_point, high - zero_point] saturates alike, since those are whole numbers.
HWY_INLINE ArrayVec ClampedSteps(ArrayVec x, ArrayVec scale, ArrayVec zero, QuantizedRange range) {
  const ArrayTag d;
  const ArrayVec low = hn::Sub(hn::Set(d, static_cast<float>(range.low)), zero);
  const ArrayVec high = hn::Sub(hn::Set(d, static_cast<float>(range.high)), zero);
  return hn::Min(hn::Max(hn::Div(x, scale), low), high);
}
HWY_INLINE ArrayVec Steps(ArrayVec x, ArrayVec scale, ArrayVec zero, QuantizedRange range) {
  return hn::Round(ClampedSteps(x, scale, zero, range));
}

HWY_INLINE ArrayVec ToFloat(const int32_t* zero_points) {
  return hn::ConvertTo(ArrayTag(), hn::LoadU(IntTag(), zero_points));
}

// Converts one vector; scale and zero point are those of its lanes.
template <class From, class To>
struct Convert;

// Numbers of so few bits are rounded, halves to even, by the addition of one whose last bit counts
// ones; what the bits of the sum have beyond those of that number is the result.
template <class Q>
struct Convert<float, Q> {
  static HWY_INLINE void Run(ArrayVec scale, ArrayVec zero, const float* x, Q* y) {
    const ArrayTag d;
    const IntTag di;
    const hn::Rebind<Q, ArrayTag> dq;
    const QuantizedRange range = {std::numeric_limits<Q>::min(), std::numeric_limits<Q>::max()};
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3  // where the maximum with NaN is the other one
    const ArrayVec shift = hn::Set(d, 12582912.0f);   // 1.5 * 2^23
    const ArrayVec q = ClampedSteps(hn::LoadU(d, x), scale, zero, range);
    const IntVec bits = hn::BitCast(di, hn::Add(q, shift));
    const IntVec bias = hn::Sub(hn::BitCast(di, shift), hn::ConvertTo(di, zero));
    hn::StoreU(hn::DemoteTo(dq, hn::Sub(bits, bias)), dq, y);
#else
    const ArrayVec q = hn::Add(Steps(hn::LoadU(d, x), scale, zero, range), zero);
    hn::StoreU(hn::DemoteTo(dq, hn::ConvertTo(di, q)), dq, y);
#endif
  }
};

template <class Q>
struct Convert<Q, float> {
  static HWY_INLINE void Run(ArrayVec scale, ArrayVec zero, const Q* x, float* y) {
    const ArrayTag d;
    const IntVec q = hn::PromoteTo(IntTag(), hn::LoadU(hn::Rebind<Q, ArrayTag>(), x));
    hn::StoreU(hn::Mul(hn::Sub(hn::ConvertTo(d, q), zero), scale), d, y);
  }
};

template <>
struct Convert<int32_t, float> {
  static HWY_INLINE void Run(ArrayVec scale, ArrayVec zero, const int32_t* x, float* y) {
    const ArrayTag d;
    const IntVec q = hn::Sub(hn::LoadU(IntTag(), x), hn::ConvertTo(IntTag(), zero));
    hn::StoreU(hn::Mul(hn::ConvertTo(d, q), scale), d, y);
  }
};

// Calls f(scale, zero, from, to, count) for each vector of `n` elements; the last one has a count
// below Lanes(). `step` is 0 for one scale for all of them, 1 for one each.
template <class F>
HWY_INLINE void ForEachVector(const float* scales, const int32_t* zeros, size_t step, size_t n,
                              F f) {
  const ArrayTag d;
  const size_t lanes = hn::Lanes(d);
  const size_t whole = n / lanes * lanes;
  if (step == 0) {
    const ArrayVec scale = hn::Set(d, *scales);
    const ArrayVec zero = hn::Set(d, static_cast<float>(*zeros));
    for (size_t i = 0; i < whole; i += lanes) f(i, lanes, scale, zero);
    if (whole < n) f(whole, n - whole, scale, zero);
    return;
  }
  for (size_t i = 0; i < whole; i += lanes) {
    f(i, lanes, hn::LoadU(d, scales + i), ToFloat(zeros + i));
  }
  if (whole == n) return;
  HWY_ALIGN float scale[hn::MaxLanes(d)];
  HWY_ALIGN int32_t zero[hn::MaxLanes(d)];
  std::fill_n(scale, lanes, 1.0f);
  std::fill_n(zero, lanes, 0);
  std::copy_n(scales + whole, n - whole, scale);
  std::copy_n(zeros + whole, n - whole, zero);
  f(whole, n - whole, hn::Load(d, scale), ToFloat(zero));
}

template <class From, class To>
void Array(const float* scales, const int32_t* zeros, size_t step, const From* x, To* y, size_t n) {
  const ArrayTag d;
  const size_t lanes = hn::Lanes(d);
  const auto one = [&](size_t i, size_t count, ArrayVec scale, ArrayVec zero) HWY_ATTR {
    if (count == lanes) return Convert<From, To>::Run(scale, zero, x + i, y + i);
    From from[hn::MaxLanes(d)] = {};
    To to[hn::MaxLanes(d)];
    std::memcpy(from, x + i, count * sizeof(From));
    Convert<From, To>::Run(scale, zero, from, to);
    std::memcpy(y + i, to, count * sizeof(To));
  };
  ForEachVector(scales, zeros, step, n, one);
}

void RoundTripArray(const float* scales, const int32_t* zeros, size_t step, QuantizedRange range,
                    const float* x, float* y, size_t n) {
  const ArrayTag d;
  const size_t lanes = hn::Lanes(d);
  const auto one = [&](size_t i, size_t count, ArrayVec scale, ArrayVec zero) HWY_ATTR {
    const ArrayVec v = count == lanes ? hn::LoadU(d, x + i) : LoadTail(x + i, count);
    const ArrayVec result = hn::Mul(Steps(v, scale, zero, range), scale);
    if (count == lanes) return hn::StoreU(result, d, y + i);
    StoreTail(result, y + i, count);
  };
  ForEachVector(scales, zeros, step, n, one);
}

// Calls f(first element, count, index of the axis, step) for each unit.
template <class F>
void ForEachUnit(const Quantization& q, int64_t begin, int64_t end, F f) {
  if (q.inner == 1 && q.axis > 1) {
    for (int64_t r = begin; r < end; ++r) f(r * q.axis, q.axis, int64_t{0}, size_t{1});
    return;
  }
  const int64_t tiles = (q.inner + kTile - 1) / kTile;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t line = unit / tiles, first = unit % tiles * kTile;
    f(line * q.inner + first, std::min(kTile, q.inner - first), line % q.axis, size_t{0});
  }
}

template <class From, class To>
void ConvertUnits(const Quantization& q, const From* x, To* y, int64_t begin,
                  int64_t end) noexcept {
  ForEachUnit(q, begin, end, [&](int64_t at, int64_t count, int64_t index, size_t step) {
    Array(q.scales + index, q.zero_points + index, step, x + at, y + at,
          static_cast<size_t>(count));
  });
}

void RoundTrip(const Quantization& q, QuantizedRange range, const float* x, float* y, int64_t begin,
               int64_t end) noexcept {
  ForEachUnit(q, begin, end, [&](int64_t at, int64_t count, int64_t index, size_t step) {
    RoundTripArray(q.scales + index, q.zero_points + index, step, range, x + at, y + at,
                   static_cast<size_t>(count));
  });
}

void RoundTripBlocked(const float* scales, const int32_t* zero_points, QuantizedRange range,
                      const float* x, float* y, size_t pixels) noexcept {
  const ArrayTag d;
  for (size_t l = 0; l < kPixel; l += hn::Lanes(d)) {
    const ArrayVec scale = hn::LoadU(d, scales + l), zero = ToFloat(zero_points + l);
    for (size_t i = l; i < pixels * kPixel; i += kPixel) {
      hn::StoreU(hn::Mul(Steps(hn::LoadU(d, x + i), scale, zero, range), scale), d, y + i);
    }
  }
}

// Calls f(scale, zero, block of float32, lane of it, lane of the codes) for each vector of a pixel.
template <class F>
HWY_INLINE void ForEachLane(const float* scales, const int32_t* zeros, size_t blocks, F f) {
  const ArrayTag d;
  for (size_t at = 0; at < blocks * kPixel; at += hn::Lanes(d)) {
    f(hn::LoadU(d, scales + at), ToFloat(zeros + at), at / kPixel, at % kPixel, at);
  }
}

void ToCodeBlock(const float* scales, const int32_t* zero_points, const float* const* x,
                 size_t blocks, uint8_t* y, size_t pixels) noexcept {
  const auto lanes = [&](ArrayVec scale, ArrayVec zero, size_t block, size_t lane, size_t at)
                         HWY_ATTR {
                           for (size_t p = 0; p < pixels; ++p) {
                             Convert<float, uint8_t>::Run(scale, zero, x[block] + p * kPixel + lane,
                                                          y + p * kPixelBytes + at);
                           }
                         };
  ForEachLane(scales, zero_points, blocks, lanes);
  const size_t made = blocks * kPixel;
  for (size_t p = 0; p < pixels && made < kPixelBytes; ++p) {
    std::memset(y + p * kPixelBytes + made, 0, kPixelBytes - made);
  }
}

void FromCodeBlock(const float* scales, const int32_t* zero_points, const uint8_t* x,
                   float* const* y, size_t blocks, size_t pixels) noexcept {
  const auto lanes = [&](ArrayVec scale, ArrayVec zero, size_t block, size_t lane, size_t at)
                         HWY_ATTR {
                           for (size_t p = 0; p < pixels; ++p) {
                             Convert<uint8_t, float>::Run(scale, zero, x + p * kPixelBytes + at,
                                                          y[block] + p * kPixel + lane);
                           }
                         };
  ForEachLane(scales, zero_points, blocks, lanes);
}

ValueRange RangeOf(const float* x, size_t n) noexcept {
  const ArrayTag d;
  constexpr size_t kChains = 4;
  const size_t lanes = hn::Lanes(d);
  ArrayVec low[kChains], high[kChains];
  for (size_t c = 0; c < kChains; ++c) low[c] = high[c] = hn::Zero(d);
  size_t i = 0;
  for (; i + kChains * lanes <= n; i += kChains * lanes) {
    for (size_t c = 0; c < kChains; ++c) {  // comparisons with NaN are false
      const ArrayVec v = hn::LoadU(d, x + i + c * lanes);
      low[c] = hn::IfThenElse(hn::Lt(v, low[c]), v, low[c]);
      high[c] = hn::IfThenElse(hn::Gt(v, high[c]), v, high[c]);
    }
  }
  for (size_t c = 1; c < kChains; ++c) {
    low[0] = hn::Min(low[0], low[c]);
    high[0] = hn::Max(high[0], high[c]);
  }
  ValueRange range = {hn::GetLane(hn::MinOfLanes(d, low[0])),
                      hn::GetLane(hn::MaxOfLanes(d, high[0]))};
  for (; i < n; ++i) {
    range.low = x[i] < range.low ? x[i] : range.low;
    range.high = x[i] > range.high ? x[i] : range.high;
  }
  return range;
}

constexpr QuantizeTable kTable = {ConvertUnits<float, uint8_t>,
                                  ConvertUnits<float, int8_t>,
                                  ConvertUnits<uint8_t, float>,
                                  ConvertUnits<int8_t, float>,
                                  ConvertUnits<int32_t, float>,
                                  RoundTrip,
                                  RoundTripBlocked,
                                  ToCodeBlock,
                                  FromCodeBlock,
                                  RangeOf};
}  // namespace

const QuantizeTable* QuantizeTableForTarget() { return &kTable; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Quantize);
HWY_EXPORT(QuantizeTableForTarget);

const QuantizeTable& GetQuantizeTable() noexcept {
  return *KINGLET_RESOLVE(QuantizeTableForTarget)();
}

int64_t UnitCount(const Quantization& q) noexcept {
  if (q.axis == 0 || q.inner == 0) return 0;
  if (q.inner == 1 && q.axis > 1) return q.outer;
  return q.outer * q.axis * ((q.inner + 4095) / 4096);
}

}  // namespace kinglet::kernels
#endif
