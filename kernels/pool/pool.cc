#include "kernels/pool/pool.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool/pool.cc"
#include "kernels/common/blocked.h"
#include "kernels/common/dispatch.h"
#include "kernels/pool/pool-inl.h"
#include "kernels/pool/rows-inl.h"
#include "kernels/pool/window.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

PoolAxis AxisD(const Pool& p) {
  return {p.in_d, p.out_d, p.kernel_d, p.stride_d, p.dilation_d, p.pad_front, p.pad_back};
}
PoolAxis AxisH(const Pool& p) {
  return {p.in_h, p.out_h, p.kernel_h, p.stride_h, p.dilation_h, p.pad_top, p.pad_bottom};
}
PoolAxis AxisW(const Pool& p) {
  return {p.in_w, p.out_w, p.kernel_w, p.stride_w, p.dilation_w, p.pad_left, p.pad_right};
}

// One over the taps of an average.
float Inverse(int64_t taps) { return 1.0f / static_cast<float>(std::max(taps, int64_t{1})); }

// One output row of one block or plane.
template <class Op>
struct RowJob {
  const Pool& p;
  const float* x;  // of the whole map or volume
  float* y;        // of the row
  PoolTaps d, h;
  int64_t lanes;  // channels that are no pad lanes

  bool HasRows() const { return d.count() > 0 && h.count() > 0; }
  float Scale(const PoolTaps& w) const {
    if (!Op::kDivides) return 1.0f;
    const int64_t taps =
        p.include_pad ? d.padded * h.padded * w.padded : d.count() * h.count() * w.count();
    return Inverse(taps);
  }
};

// What all rows of a pool have in common.
struct Rows {
  PoolAxis axis;
  PoolInterior interior;
  bool by_parts;  // RowByParts
};

// Whether rows of `column` floats each can go by parts.
bool CanGoByParts(const PoolAxis& axis, int64_t column) {
  return RowShape{axis, column}.Fits() && EveryWindowHasATap(axis);
}

// By parts is worth it for blocked windows that are large and overlap.
Rows RowsOf(const Pool& p, bool blocked) {
  const PoolAxis axis = AxisW(p);
  const bool wanted = !blocked || GoesByParts(p);
  return {axis, InteriorOf(axis), wanted && CanGoByParts(axis, blocked ? kBlock : 1)};
}

// The output rows of `job` and of the `count` - 1 behind it in its map, all of which have rows.
template <class Op>
void ByParts(const RowJob<Op>& job, const Rows& rows, const PoolAxis& heights, int64_t oy,
             int64_t count, int64_t column) {
  const Pool& p = job.p;
  const int64_t row = p.in_w * column;
  const float* map = job.x + (job.d.start + job.d.begin * p.dilation_d) * p.in_h * row;
  RowsByParts<Op>(
      {rows.axis, column}, count,
      [&](int64_t r) -> OutputRow {
        const PoolTaps h = TapsAt(heights, oy + r);
        const int64_t taps = p.include_pad ? job.d.padded * h.padded : job.d.count() * h.count();
        return {{map + (h.start + h.begin * p.dilation_h) * row, job.d.count(),
                 p.dilation_d * p.in_h * row, h.count(), p.dilation_h * row},
                Op::kDivides ? Inverse(taps) : 1.0f,
                job.y + r * p.out_w * column};
      },
      [&](int64_t o) {
        const bool inside = o >= rows.interior.begin && o < rows.interior.end;
        if (inside) return Inverse(p.kernel_w);
        const PoolTaps w = TapsAt(rows.axis, o);
        return Inverse(p.include_pad ? w.padded : w.count());
      });
}

// How many of the rows [oy, oy + most) have taps, up to the first that has none.
int64_t CountRowsWithTaps(const PoolAxis& heights, int64_t oy, int64_t most) {
  int64_t count = 0;
  while (count < most && TapsAt(heights, oy + count).count() > 0) ++count;
  return count;
}

template <class Op>
void FillEmpty(float* y, int64_t lanes) {
  for (int64_t l = 0; l < kBlock; ++l) y[l] = l < lanes ? Op::Empty() : 0.0f;
}

template <class Op>
void BlockedBorder(const RowJob<Op>& job, const PoolAxis& axis, int64_t begin, int64_t end) {
  const Pool& p = job.p;
  for (int64_t o = begin; o < end; ++o) {
    const PoolTaps w = TapsAt(axis, o);
    if (w.count() == 0 || job.h.count() == 0) {
      FillEmpty<Op>(job.y + o * kBlock, job.lanes);
      continue;
    }
    const int64_t iy = job.h.start + job.h.begin * p.dilation_h;
    const int64_t ix = w.start + w.begin * p.dilation_w;
    const Window window = {job.x + (iy * p.in_w + ix) * kBlock, job.h.count(), w.count(),
                           p.dilation_h * p.in_w * kBlock, p.dilation_w * kBlock};
    StorePixel<Op>(ReduceWindow<Op>(window), job.Scale(w), job.y + o * kBlock);
  }
}

template <class Op>
void BlockedInterior(const RowJob<Op>& job, const PoolAxis& axis, const PoolInterior& interior) {
  const Pool& p = job.p;
  const PoolTaps w = TapsAt(axis, interior.begin);
  const int64_t iy = job.h.start + job.h.begin * p.dilation_h;
  const Window window = {job.x + (iy * p.in_w + w.start) * kBlock, job.h.count(), p.kernel_w,
                         p.dilation_h * p.in_w * kBlock, p.dilation_w * kBlock};
  float* y = job.y + interior.begin * kBlock;
  const int64_t count = interior.end - interior.begin;
  const float scale = job.Scale(w);
  if (p.kernel_w == 3 && p.dilation_w == 1 && p.stride_w <= 2 && window.rows <= 3) {
    const bool once = p.stride_w == 1;
    switch (window.rows) {
      case 1:
        return once ? ThreeWide<Op, 1, 1>(window, count, scale, y)
                    : ThreeWide<Op, 1, 2>(window, count, scale, y);
      case 2:
        return once ? ThreeWide<Op, 2, 1>(window, count, scale, y)
                    : ThreeWide<Op, 2, 2>(window, count, scale, y);
      default:
        return once ? ThreeWide<Op, 3, 1>(window, count, scale, y)
                    : ThreeWide<Op, 3, 2>(window, count, scale, y);
    }
  }
  const int64_t step = p.stride_w * kBlock;
  if (p.kernel_w == 2 && window.rows == 2) return TwoByTwo<Op>(window, step, count, scale, y);
  Window moving = window;
  for (int64_t o = 0; o < count; ++o, moving.x += step) {
    StorePixel<Op>(ReduceWindow<Op>(moving), scale, y + o * kBlock);
  }
}

template <class Op>
void PoolBlocked(const Pool& p, const float* x, float* y, int64_t begin, int64_t end) noexcept {
  const int64_t blocks = BlockCount(p.c);
  const PoolAxis heights = AxisH(p);
  const PoolTaps whole = TapsAt(AxisD(p), 0);
  const Rows rows = RowsOf(p, true);
  for (int64_t unit = begin, count = 1; unit < end; unit += count) {
    const int64_t oy = unit % p.out_h, map = unit / p.out_h;
    const int64_t block = map % blocks, n = map / blocks;
    count = 1;
    const RowJob<Op> job = {p,
                            x + n * p.in_batch_stride + block * p.in_h * p.in_w * kBlock,
                            y + n * p.out_batch_stride + (block * p.out_h + oy) * p.out_w * kBlock,
                            whole,
                            TapsAt(heights, oy),
                            std::min(kBlock, p.c - block * kBlock)};
    if (rows.by_parts && job.HasRows()) {
      count = CountRowsWithTaps(heights, oy, std::min(end - unit, p.out_h - oy));
      ByParts(job, rows, heights, oy, count, kBlock);
      continue;
    }
    const PoolInterior& interior = rows.interior;
    const bool inside = job.HasRows() && interior.begin < interior.end;
    const int64_t left = inside ? interior.begin : p.out_w;
    BlockedBorder(job, rows.axis, 0, left);
    if (!inside) continue;
    BlockedInterior(job, rows.axis, interior);
    BlockedBorder(job, rows.axis, interior.end, p.out_w);
  }
}

// A row by the definition.
template <class Op>
void PlainRow(const RowJob<Op>& job, const PoolAxis& axis) {
  const Pool& p = job.p;
  for (int64_t o = 0; o < p.out_w; ++o) {
    const PoolTaps w = TapsAt(axis, o);
    if (w.count() == 0 || !job.HasRows()) {
      job.y[o] = Op::Empty();
      continue;
    }
    const auto row_of = [&](int64_t i, int64_t j) {
      const int64_t z = job.d.start + i * p.dilation_d, iy = job.h.start + j * p.dilation_h;
      return job.x + (z * p.in_h + iy) * p.in_w + w.start;
    };
    const float* first = row_of(job.d.begin, job.h.begin) + w.begin * p.dilation_w;
    float acc = Op::kDivides ? 0.0f : *first;
    for (int64_t i = job.d.begin; i < job.d.end; ++i) {
      for (int64_t j = job.h.begin; j < job.h.end; ++j) {
        const float* row = row_of(i, j);
        for (int64_t k = w.begin; k < w.end; ++k) acc = Op::Scalar(acc, row[k * p.dilation_w]);
      }
    }
    job.y[o] = Op::kDivides ? acc * job.Scale(w) : acc;
  }
}

template <class Op>
void PoolPlain(const Pool& p, const float* x, float* y, int64_t begin, int64_t end) noexcept {
  const PoolAxis depths = AxisD(p), heights = AxisH(p);
  const Rows rows = RowsOf(p, false);
  for (int64_t unit = begin, count = 1; unit < end; unit += count) {
    count = 1;
    const int64_t oy = unit % p.out_h, oz = unit / p.out_h % p.out_d;
    const int64_t map = unit / (p.out_h * p.out_d);
    const int64_t c = map % p.c, n = map / p.c;
    const RowJob<Op> job = {
        p,
        x + n * p.in_batch_stride + c * p.in_d * p.in_h * p.in_w,
        y + n * p.out_batch_stride + ((c * p.out_d + oz) * p.out_h + oy) * p.out_w,
        TapsAt(depths, oz),
        TapsAt(heights, oy),
        1};
    if (rows.by_parts && job.HasRows()) {
      count = CountRowsWithTaps(heights, oy, std::min(end - unit, p.out_h - oy));
      ByParts(job, rows, heights, oy, count, 1);
    } else {
      PlainRow(job, rows.axis);
    }
  }
}

template <class Op>
void GlobalBlocked(const GlobalPool& p, const float* x, float* y, int64_t begin,
                   int64_t end) noexcept {
  const int64_t blocks = BlockCount(p.c);
  const float scale = 1.0f / static_cast<float>(std::max(p.pixels, int64_t{1}));
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t block = unit % blocks, n = unit / blocks;
    float* out = y + n * p.out_batch_stride + block * kBlock;
    if (p.pixels == 0) {
      FillEmpty<Op>(out, std::min(kBlock, p.c - block * kBlock));
      continue;
    }
    const float* in = x + n * p.in_batch_stride + block * p.pixels * kBlock;
    StorePixel<Op>(ReduceRun<Op>(in, p.pixels), scale, out);
  }
}

template <class Op>
void GlobalPlain(const GlobalPool& p, const float* x, float* y, int64_t begin,
                 int64_t end) noexcept {
  const float scale = 1.0f / static_cast<float>(std::max(p.pixels, int64_t{1}));
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t c = unit % p.c, n = unit / p.c;
    const float* in = x + n * p.in_batch_stride + c * p.pixels;
    const float value = p.pixels == 0 ? Op::Empty() : ReducePlane<Op>(in, p.pixels);
    y[n * p.out_batch_stride + c] = Op::kDivides ? value * scale : value;
  }
}

constexpr PoolTable kTable = {PoolBlocked<MaxOp>, PoolBlocked<SumOp>,   PoolPlain<MaxOp>,
                              PoolPlain<SumOp>,   GlobalBlocked<MaxOp>, GlobalBlocked<SumOp>,
                              GlobalPlain<MaxOp>, GlobalPlain<SumOp>};
}  // namespace

const PoolTable* PoolTableForTarget() { return &kTable; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Pool);
HWY_EXPORT(PoolTableForTarget);

const PoolTable& GetPoolTable() noexcept { return *KINGLET_RESOLVE(PoolTableForTarget)(); }

int64_t BlockedUnitCount(const Pool& p) noexcept { return p.n * BlockCount(p.c) * p.out_h; }
int64_t PlainUnitCount(const Pool& p) noexcept { return p.n * p.c * p.out_d * p.out_h; }
int64_t BlockedUnitCount(const GlobalPool& p) noexcept { return p.n * BlockCount(p.c); }
int64_t PlainUnitCount(const GlobalPool& p) noexcept { return p.n * p.c; }

}  // namespace kinglet::kernels
#endif
