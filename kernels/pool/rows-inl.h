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
  // Columns that so many outputs reach.
  int64_t Width(int64_t outputs) const { return (outputs - 1) * axis.stride + Extent(); }
  bool Fits() const { return Extent() * column <= kRowFloats; }
  // Outputs whose windows fit the buffer together.
  int64_t Outputs() const {
    return std::max((kRowFloats / column - Extent()) / axis.stride + 1, int64_t{1});
  }
};

struct RowBuffers {
  HWY_ALIGN float columns[kRowFloats + 2 * kRowLanes];
  HWY_ALIGN float sums[kRowFloats + kRowLanes];
  HWY_ALIGN float scales[kRowFloats + kRowLanes];  // of the outputs of a row
};

// Up to a vector more.
HWY_INLINE void Fill(float value, int64_t count, float* t) {
  const RowTag d;
  const RowVec v = hn::Set(d, value);
  for (int64_t i = 0; i < count; i += kRowLanes) hn::StoreU(v, d, t + i);
}

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
  for (; i + 2 * kRowLanes <= count; i += 2 * kRowLanes) ReduceColumns<Op, 2>(r, first + i, t + i);
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

// y[i] = op(x[i], x[i + shift], x[i + 2 * shift]), i < count, and up to a vector more; y may be x.
template <class Op>
void CombineThree(const float* x, int64_t shift, int64_t count, float* y) {
  const RowTag d;
  for (int64_t i = 0; i < count; i += kRowLanes) {
    const RowVec two = Op::Vector(hn::Load(d, x + i), hn::LoadU(d, x + i + shift));
    hn::Store(Op::Vector(two, hn::LoadU(d, x + i + 2 * shift)), d, y + i);
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

// The columns that the windows of outputs [begin, end) reach, over all rows of them: into t.
// Returns their floats.
template <class Op>
int64_t FillRow(const TapRows& rows, const RowShape& s, int64_t begin, int64_t end, float* t) {
  const PoolAxis& a = s.axis;
  const int64_t start = begin * a.stride - a.pad_begin;
  const int64_t width = s.Width(end - begin);
  const int64_t first = std::clamp<int64_t>(-start, 0, width);
  const int64_t last = std::clamp<int64_t>(a.in - start, first, width);
  Fill(Op::Identity(), first * s.column, t);
  ReduceRows<Op>(rows, (start + first) * s.column, (last - first) * s.column, t + first * s.column);
  Fill(Op::Identity(), (width - last) * s.column + kRowLanes, t + last * s.column);
  return width * s.column;
}

// The windows that begin at each of `count` floats of the buffer, but for the last ones, where they
// would reach beyond: returns where they are.
template <class Op>
const float* ReduceColumnsOf(const RowShape& s, int64_t count, RowBuffers& buffers) {
  const PoolAxis& a = s.axis;
  if (a.kernel == 1) return buffers.columns;
  const int64_t step = a.dilation * s.column;
  if (a.kernel <= 3) {
    float* t = buffers.columns;
    if (a.kernel == 2) CombineShifted<Op>(t, step, count - step, t);
    if (a.kernel == 3) CombineThree<Op>(t, step, count - 2 * step, t);
    return t;
  }
  if (!Op::kDivides) {
    DoubleMaxima(buffers.columns, count, a.kernel, step);
    return buffers.columns;
  }
  DoubleSums(buffers.columns, count, a.kernel, step, buffers.sums);
  return buffers.sums;
}

#if HWY_TARGET != HWY_SCALAR
HWY_INLINE RowVec EveryOther(const float* x) {
  const RowTag d;
  return hn::ConcatEven(d, hn::LoadU(d, x + kRowLanes), hn::LoadU(d, x));
}
#endif

// What outputs are multiplied by: one factor for the row, and one for each output in it.
struct RowScale {
  float row;
  const float* columns;
};

// Outputs [0, count) of a plain row from `values`, `stride` apart; a vector more can be read.
template <class Op>
void StorePlain(const float* values, int64_t stride, const RowScale& scale, int64_t count,
                float* y) {
  const RowTag d;
  const RowVec row = hn::Set(d, scale.row);
  const auto scaled = [&](RowVec v, int64_t o) HWY_ATTR {
    return Op::kDivides ? hn::Mul(v, hn::Mul(row, hn::LoadU(d, scale.columns + o))) : v;
  };
  int64_t o = 0;
  if (stride == 1) {
    for (; o + kRowLanes <= count; o += kRowLanes) {
      hn::StoreU(scaled(hn::LoadU(d, values + o), o), d, y + o);
    }
  }
#if HWY_TARGET != HWY_SCALAR
  if (stride == 2) {
    for (; o + kRowLanes <= count; o += kRowLanes) {
      hn::StoreU(scaled(EveryOther(values + 2 * o), o), d, y + o);
    }
  }
#endif
  for (; o < count; ++o) {
    y[o] = values[o * stride] * (Op::kDivides ? scale.row * scale.columns[o] : 1.0f);
  }
}

template <class Op>
void StoreBlocked(const float* values, int64_t stride, const RowScale& scale, int64_t count,
                  float* y) {
  for (int64_t o = 0; o < count; ++o) {
    StorePixel<Op>(LoadPixel(values + o * stride * kBlock),
                   Op::kDivides ? scale.row * scale.columns[o] : 1.0f, y + o * kBlock);
  }
}

template <class Op>
void StoreRow(const float* values, const RowShape& s, const RowScale& scale, int64_t count,
              float* y) {
  if (s.column == 1) return StorePlain<Op>(values, s.axis.stride, scale, count, y);
  StoreBlocked<Op>(values, s.axis.stride, scale, count, y);
}

// The factors of outputs [begin, end) of a row.
template <class Op, class Scale>
void FillScales(int64_t begin, int64_t end, Scale scale, float* scales) {
  if (!Op::kDivides) return;
  for (int64_t o = begin; o < end; ++o) scales[o - begin] = scale(o);
}

// One of `count` output rows, whose windows all have a tap.
struct OutputRow {
  TapRows taps;
  float scale;
  float* y;
};

// As many rows together as the buffer takes, or one after the other in pieces. row(r) is row r,
// scale(o) what output o of each is multiplied by, beside the row's own factor.
template <class Op, class Row, class Scale>
void RowsByParts(const RowShape& s, int64_t count, Row row, Scale scale) {
  RowBuffers buffers;
  float* t = buffers.columns;
  const int64_t outputs = s.axis.out, at_once = std::min(s.Outputs(), outputs);
  if (at_once < outputs) {
    for (int64_t begin = 0; begin < outputs; begin += at_once) {
      const int64_t end = std::min(begin + at_once, outputs);
      FillScales<Op>(begin, end, scale, buffers.scales);
      for (int64_t r = 0; r < count; ++r) {
        const OutputRow out = row(r);
        const int64_t floats = FillRow<Op>(out.taps, s, begin, end, t);
        StoreRow<Op>(ReduceColumnsOf<Op>(s, floats, buffers), s, {out.scale, buffers.scales},
                     end - begin, out.y + begin * s.column);
      }
    }
    return;
  }
  FillScales<Op>(0, outputs, scale, buffers.scales);
  const int64_t width = s.Width(outputs) * s.column, rows_at_once = kRowFloats / width;
  for (int64_t first = 0; first < count; first += rows_at_once) {
    const int64_t rows = std::min(rows_at_once, count - first);
    for (int64_t r = 0; r < rows; ++r) {
      FillRow<Op>(row(first + r).taps, s, 0, outputs, t + r * width);
    }
    const float* values = ReduceColumnsOf<Op>(s, rows * width, buffers);
    for (int64_t r = 0; r < rows; ++r) {
      const OutputRow out = row(first + r);
      StoreRow<Op>(values + r * width, s, {out.scale, buffers.scales}, outputs, out.y);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_POOL_ROWS_INL_H_
