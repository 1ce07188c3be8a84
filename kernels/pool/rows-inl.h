// Windows by parts: the rows of a window become one row first, then its columns are reduced by
// doubling, from runs of p columns to runs of 2p, so that a window of k x k costs k + 2 log2(k)
// operations in place of k * k. Sums stay sums of the window's own values: neither an infinity
// nor a rounding error reaches another window, as it would in a sum that slides. Include
// kernels/common/dispatch.h first.
#if defined(KINGLET_POOL_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_POOL_ROWS_INL_H_
#undef KINGLET_POOL_ROWS_INL_H_
#else
#define KINGLET_POOL_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/pool/pool-inl.h"
#include "kernels/pool/window.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

using RowTag = hn::CappedTag<float, 16>;
using RowVec = hn::Vec<RowTag>;
constexpr int64_t kRowLanes = static_cast<int64_t>(hn::MaxLanes(RowTag()));

// The floats of a row that are worked on together: both buffers stay in the first-level cache.
constexpr int64_t kRowFloats = 3072;

// The rows that the windows of an output row have in common, at least one.
struct TapRows {
  const float* first;  // its column 0
  int64_t planes, plane_step;
  int64_t rows, row_step;
};

// One output row: windows along it, and the floats that a column is (1, or 16 of a blocked pixel).
struct RowShape {
  PoolAxis axis;
  int64_t column;

  int64_t Extent() const { return (axis.kernel - 1) * axis.dilation + 1; }
  bool Fits() const { return Extent() * column <= kRowFloats; }
  // Outputs whose windows fit the buffer together.
  int64_t Outputs() const {
    return std::max((kRowFloats / column - Extent()) / axis.stride + 1, int64_t{1});
  }
};

struct RowBuffers {
  HWY_ALIGN float columns[kRowFloats + kRowLanes];
  HWY_ALIGN float sums[kRowFloats + kRowLanes];
};

// kVecs vectors of columns from `first` on, of all rows.
template <class Op, int kVecs>
HWY_INLINE void ReduceColumns(const TapRows& r, const float* first, float* t) {
  const RowTag d;
  RowVec a[kVecs];
  for (int v = 0; v < kVecs; ++v) {
    a[v] = Op::kDivides ? hn::Zero(d) : hn::LoadU(d, first + v * kRowLanes);
  }
  for (int64_t p = 0; p < r.planes; ++p) {
    const float* row = first + p * r.plane_step;
    for (int64_t k = 0; k < r.rows; ++k, row += r.row_step) {
      for (int v = 0; v < kVecs; ++v) a[v] = Op::Vector(a[v], hn::LoadU(d, row + v * kRowLanes));
    }
  }
  for (int v = 0; v < kVecs; ++v) hn::StoreU(a[v], d, t + v * kRowLanes);
}

// t[i] = op over the rows of their columns from + i, i < count.
template <class Op>
void ReduceRows(const TapRows& r, int64_t from, int64_t count, float* t) {
  const float* first = r.first + from;
  int64_t i = 0;
  for (; i + 4 * kRowLanes <= count; i += 4 * kRowLanes) ReduceColumns<Op, 4>(r, first + i, t + i);
  for (; i + kRowLanes <= count; i += kRowLanes) ReduceColumns<Op, 1>(r, first + i, t + i);
  if (i < count && count >= kRowLanes) {  // a vector that overlaps the one before
    ReduceColumns<Op, 1>(r, first + count - kRowLanes, t + count - kRowLanes);
    return;
  }
  for (; i < count; ++i) {
    float a = Op::kDivides ? 0.0f : first[i];
    for (int64_t p = 0; p < r.planes; ++p) {
      const float* row = first + p * r.plane_step + i;
      for (int64_t k = 0; k < r.rows; ++k) a = Op::Scalar(a, row[k * r.row_step]);
    }
    t[i] = a;
  }
}

// y[i] = op(x[i], x[i + shift]), i < count, and up to a vector more; y may be x.
template <class Op>
void CombineShifted(const float* x, int64_t shift, int64_t count, float* y) {
  const RowTag d;
  for (int64_t i = 0; i < count; i += kRowLanes) {
    hn::Store(Op::Vector(hn::Load(d, x + i), hn::LoadU(d, x + i + shift)), d, y + i);
  }
}

// t[i] = op over k < kernel of t[i + k * step], i < count - (kernel - 1) * step: two runs of p
// columns that overlap serve a maximum.
inline void DoubleMaxima(float* t, int64_t count, int64_t kernel, int64_t step) {
  int64_t p = 1;
  for (; 2 * p <= kernel; p *= 2) CombineShifted<MaxOp>(t, p * step, count - p * step, t);
  if (p < kernel) {
    CombineShifted<MaxOp>(t, (kernel - p) * step, count - (kernel - 1) * step, t);
  }
}

// sums[i] = sum over k < kernel of t[i + k * step], i < count - (kernel - 1) * step: a run for each
// bit of the kernel's size. Destroys t.
inline void DoubleSums(float* t, int64_t count, int64_t kernel, int64_t step, float* sums) {
  const RowTag d;
  const int64_t outputs = count - (kernel - 1) * step;
  int64_t taken = 0;  // columns that are in the sums
  for (int64_t p = 1;; p *= 2) {
    if ((kernel & p) != 0) {
      for (int64_t i = 0; i < outputs; i += kRowLanes) {
        const RowVec run = hn::LoadU(d, t + i + taken * step);
        hn::Store(taken == 0 ? run : hn::Add(hn::Load(d, sums + i), run), d, sums + i);
      }
      taken += p;
    }
    if (2 * p > kernel) return;
    CombineShifted<SumOp>(t, p * step, count - p * step, t);
  }
}

// The windows of outputs [begin, end), stride by stride: returns the first one's value, that of the
// next one is stride * column further.
template <class Op>
const float* ReduceWindows(const TapRows& rows, const RowShape& s, int64_t begin, int64_t end,
                           RowBuffers& buffers) {
  float* t = buffers.columns;
  const PoolAxis& a = s.axis;
  const int64_t start = begin * a.stride - a.pad_begin;
  const int64_t width = (end - 1 - begin) * a.stride + s.Extent();
  const int64_t first = std::clamp<int64_t>(-start, 0, width);
  const int64_t last = std::clamp<int64_t>(a.in - start, first, width);
  std::fill(t, t + first * s.column, Op::Identity());
  ReduceRows<Op>(rows, (start + first) * s.column, (last - first) * s.column, t + first * s.column);
  std::fill(t + last * s.column, t + width * s.column + kRowLanes, Op::Identity());
  if (a.kernel == 1) return t;
  const int64_t step = a.dilation * s.column;
  if (!Op::kDivides) {
    DoubleMaxima(t, width * s.column, a.kernel, step);
    return t;
  }
  DoubleSums(t, width * s.column, a.kernel, step, buffers.sums);
  return buffers.sums;
}

// Outputs [0, count) of a plain row from `values`, `stride` apart.
template <class Op>
void StorePlain(const float* values, int64_t stride, float scale, int64_t count, float* y) {
  const float factor = Op::kDivides ? scale : 1.0f;
  int64_t o = 0;
  if (stride == 1) {
    const RowTag d;
    const RowVec v = hn::Set(d, factor);
    for (; o + kRowLanes <= count; o += kRowLanes) {
      hn::StoreU(hn::Mul(hn::LoadU(d, values + o), v), d, y + o);
    }
  }
  if (stride == 2) {
    for (; o < count; ++o) y[o] = values[2 * o] * factor;
  }
  for (; o < count; ++o) y[o] = values[o * stride] * factor;
}

template <class Op>
void StoreBlocked(const float* values, int64_t stride, float scale, int64_t count, float* y) {
  for (int64_t o = 0; o < count; ++o) {
    StorePixel<Op>(LoadPixel(values + o * stride * kBlock), scale, y + o * kBlock);
  }
}

// All windows along an output row y, each with a tap at least. scale(o) is what output o is
// multiplied by, the same for all of `interior`.
template <class Op, class Scale>
void RowByParts(const TapRows& rows, const RowShape& s, const PoolInterior& interior, Scale scale,
                float* y) {
  RowBuffers buffers;
  const int64_t at_once = s.Outputs();
  const float inside = interior.begin < interior.end ? scale(interior.begin) : 1.0f;
  for (int64_t begin = 0; begin < s.axis.out; begin += at_once) {
    const int64_t end = std::min(begin + at_once, s.axis.out);
    const float* values = ReduceWindows<Op>(rows, s, begin, end, buffers);
    const auto store = [&](int64_t o, int64_t count, float factor) {
      const float* from = values + (o - begin) * s.axis.stride * s.column;
      if (s.column == 1) {
        StorePlain<Op>(from, s.axis.stride, factor, count, y + o);
      } else {
        StoreBlocked<Op>(from, s.axis.stride, factor, count, y + o * kBlock);
      }
    };
    if (!Op::kDivides) {
      store(begin, end - begin, 1.0f);
      continue;
    }
    const int64_t inner_begin = std::clamp(interior.begin, begin, end);
    const int64_t inner_end = std::clamp(interior.end, inner_begin, end);
    for (int64_t o = begin; o < inner_begin; ++o) store(o, 1, scale(o));
    store(inner_begin, inner_end - inner_begin, inside);
    for (int64_t o = inner_end; o < end; ++o) store(o, 1, scale(o));
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_POOL_ROWS_INL_H_
