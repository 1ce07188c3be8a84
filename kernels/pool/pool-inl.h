// Reductions over windows of blocked pixels. Include kernels/common/dispatch.h first.
#if defined(KINGLET_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_POOL_INL_H_
#undef KINGLET_POOL_INL_H_
#else
#define KINGLET_POOL_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

#include "hwy/highway.h"
#include "kernels/common/blocked.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using PixelTag = hn::CappedTag<float, 16>;
using PixelVec = hn::Vec<PixelTag>;
constexpr int64_t kVecLanes = static_cast<int64_t>(hn::MaxLanes(PixelTag()));
constexpr int64_t kVecs = kBlock / kVecLanes;

struct MaxOp {
  static constexpr bool kDivides = false;
  static float Empty() { return std::numeric_limits<float>::lowest(); }
  static float Identity() { return -std::numeric_limits<float>::infinity(); }
  static float Scalar(float a, float b) { return b > a ? b : a; }
  template <class V>
  static HWY_INLINE V Vector(V a, V b) {
    return hn::Max(a, b);
  }
};

struct SumOp {
  static constexpr bool kDivides = true;
  static float Empty() { return 0.0f; }
  static float Identity() { return 0.0f; }
  static float Scalar(float a, float b) { return a + b; }
  template <class V>
  static HWY_INLINE V Vector(V a, V b) {
    return hn::Add(a, b);
  }
};

// The 16 channels of a pixel.
struct Pixel {
  HWY_INLINE Pixel() {}  // an implicit one would be compiled for the baseline
  PixelVec v[kVecs];
};

HWY_INLINE Pixel LoadPixel(const float* x) {
  const PixelTag d;
  Pixel p;
  for (int64_t i = 0; i < kVecs; ++i) p.v[i] = hn::LoadU(d, x + i * kVecLanes);
  return p;
}

template <class Op>
HWY_INLINE Pixel Combine(Pixel a, const Pixel& b) {
  for (int64_t i = 0; i < kVecs; ++i) a.v[i] = Op::Vector(a.v[i], b.v[i]);
  return a;
}

template <class Op>
HWY_INLINE void StorePixel(const Pixel& p, float scale, float* y) {
  const PixelTag d;
  const PixelVec factor = hn::Set(d, scale);
  for (int64_t i = 0; i < kVecs; ++i) {
    hn::StoreU(Op::kDivides ? hn::Mul(p.v[i], factor) : p.v[i], d, y + i * kVecLanes);
  }
}

// At least one row and column of blocked pixels; steps in elements.
struct Window {
  const float* x;
  int64_t rows, columns;
  int64_t row_step, column_step;
};

// Two chains of dependent operations, for the even and the odd columns.
template <class Op>
HWY_INLINE Pixel ReduceWindow(const Window& w) {
  Pixel even = LoadPixel(w.x);
  if (w.columns == 1) {
    for (int64_t r = 1; r < w.rows; ++r) even = Combine<Op>(even, LoadPixel(w.x + r * w.row_step));
    return even;
  }
  Pixel odd = LoadPixel(w.x + w.column_step);
  for (int64_t r = 0; r < w.rows; ++r) {
    const float* row = w.x + r * w.row_step;
    int64_t k = r == 0 ? 2 : 0;
    for (; k + 2 <= w.columns; k += 2) {
      even = Combine<Op>(even, LoadPixel(row + k * w.column_step));
      odd = Combine<Op>(odd, LoadPixel(row + (k + 1) * w.column_step));
    }
    if (k < w.columns) even = Combine<Op>(even, LoadPixel(row + k * w.column_step));
  }
  return Combine<Op>(even, odd);
}

template <class Op, int kRows>
HWY_INLINE Pixel ReduceColumn(const float* x, int64_t row_step) {
  Pixel p = LoadPixel(x);
  for (int64_t r = 1; r < kRows; ++r) p = Combine<Op>(p, LoadPixel(x + r * row_step));
  return p;
}

// `count` windows of kRows x 3 neighbouring pixels, kStride (1 or 2) apart: each column is reduced
// once and serves all windows that it is in.
template <class Op, int kRows, int kStride>
void ThreeWide(const Window& w, int64_t count, float scale, float* y) {
  const float* x = w.x;
  Pixel a = ReduceColumn<Op, kRows>(x, w.row_step);
  if (kStride == 2) {
    for (int64_t o = 0; o < count; ++o, x += 2 * kBlock) {
      const Pixel b = ReduceColumn<Op, kRows>(x + kBlock, w.row_step);
      const Pixel c = ReduceColumn<Op, kRows>(x + 2 * kBlock, w.row_step);
      StorePixel<Op>(Combine<Op>(Combine<Op>(a, b), c), scale, y + o * kBlock);
      a = c;
    }
    return;
  }
  Pixel b = ReduceColumn<Op, kRows>(x + kBlock, w.row_step);
  for (int64_t o = 0; o < count; ++o, x += kBlock) {
    const Pixel c = ReduceColumn<Op, kRows>(x + 2 * kBlock, w.row_step);
    StorePixel<Op>(Combine<Op>(Combine<Op>(a, b), c), scale, y + o * kBlock);
    a = b;
    b = c;
  }
}

template <class Op>
void TwoByTwo(const Window& w, int64_t step, int64_t count, float scale, float* y) {
  const float* x = w.x;
  for (int64_t o = 0; o < count; ++o, x += step) {
    const Pixel left = ReduceColumn<Op, 2>(x, w.row_step);
    const Pixel right = ReduceColumn<Op, 2>(x + w.column_step, w.row_step);
    StorePixel<Op>(Combine<Op>(left, right), scale, y + o * kBlock);
  }
}

// `pixels` >= 1 consecutive pixels, in four chains.
template <class Op>
HWY_INLINE Pixel ReduceRun(const float* x, int64_t pixels) {
  if (pixels < 4) return ReduceWindow<Op>({x, 1, pixels, 0, kBlock});
  Pixel a[4];
  for (int64_t i = 0; i < 4; ++i) a[i] = LoadPixel(x + i * kBlock);
  int64_t p = 4;
  for (; p + 4 <= pixels; p += 4) {
    for (int64_t i = 0; i < 4; ++i) a[i] = Combine<Op>(a[i], LoadPixel(x + (p + i) * kBlock));
  }
  for (; p < pixels; ++p) a[0] = Combine<Op>(a[0], LoadPixel(x + p * kBlock));
  return Combine<Op>(Combine<Op>(a[0], a[1]), Combine<Op>(a[2], a[3]));
}

// `count` >= 1 consecutive values.
template <class Op>
float ReducePlane(const float* x, int64_t count) {
  int64_t i = 1;
  float acc = x[0];
  if (count >= 2 * kVecLanes) {
    const PixelTag d;
    PixelVec a = hn::LoadU(d, x), b = hn::LoadU(d, x + kVecLanes);
    for (i = 2 * kVecLanes; i + 2 * kVecLanes <= count; i += 2 * kVecLanes) {
      a = Op::Vector(a, hn::LoadU(d, x + i));
      b = Op::Vector(b, hn::LoadU(d, x + i + kVecLanes));
    }
    float lanes[kVecLanes];
    hn::StoreU(Op::Vector(a, b), d, lanes);
    acc = lanes[0];
    for (int64_t l = 1; l < kVecLanes; ++l) acc = Op::Scalar(acc, lanes[l]);
  }
  for (; i < count; ++i) acc = Op::Scalar(acc, x[i]);
  return acc;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_POOL_INL_H_
