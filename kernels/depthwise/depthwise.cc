// conv/depthwise_f32: a filter of its own for each channel (groups = ic = oc), blocked in and out.
//
// One channel block and output row at a time. Tiles of neighbouring output pixels share the weights
// of a kernel row and, without dilation, every loaded input: of 3 and 5 columns, and of wider
// kernels seven columns at a time. With a stride, pixels whose window leaves the input at the left
// or right are computed one by one; rows outside the input are skipped.
#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"
#include "kernels/depthwise/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise/depthwise.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/common/unroll.h"
#include "kernels/depthwise/units.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag()));

#if HWY_TARGET == HWY_AVX3
constexpr int kMaxPixels = 14;
#elif HWY_ARCH_ARM_A64
constexpr int kMaxPixels = 12;
#elif HWY_TARGET == HWY_AVX2
constexpr int kMaxPixels = 8;
#else
constexpr int kMaxPixels = 2;
#endif

// An output row of one channel block.
struct Row {
  const float* in;             // input row of the first tap inside the input
  const float* weights;        // [tap][16]
  const float* bias;           // 16, or null
  const float* residual;       // row, or null
  float* out;                  // row
  int64_t tap_begin, tap_end;  // kernel rows inside the input
  int64_t wrap_tap;            // from this kernel row on, `wrap` floats further back
  int64_t wrap;
  float low, high;
};

HWY_INLINE Vec InitPixel(const Row& row, int64_t x, int lane) {
  const Tag d;
  const Vec bias = row.bias ? hn::Load(d, row.bias + lane) : hn::Zero(d);
  return row.residual ? hn::Add(bias, hn::LoadU(d, row.residual + x * 16 + lane)) : bias;
}

template <int R>
HWY_INLINE void StorePixels(const Row& row, int64_t x, int lane, const Vec (&acc)[R]) {
  const Tag d;
  const Vec low = hn::Set(d, row.low);
  const Vec high = hn::Set(d, row.high);
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    hn::StoreU(ClampVec(acc[r], low, high), d, row.out + (x + r) * 16 + lane);
  }
}

// `tiles` tiles of R pixels from x on; KW kernel columns without dilation, of which at most KW / 2
// lie outside the input at either side.
template <int KW, int SW, int R>
HWY_NOINLINE void FixedTiles(const ConvShape& s, const Row& row, int64_t x, int64_t tiles) {
  const Tag d;
  for (; tiles > 0; --tiles, x += R) {
    for (int lane = 0; lane < 16; lane += kLanes) {
      Vec acc[R];
      KINGLET_UNROLL
      for (int r = 0; r < R; ++r) acc[r] = InitPixel(row, x + r, lane);
      const float* in = row.in + (x * SW - s.pad_left) * 16 + lane;
      const float* w = row.weights + row.tap_begin * KW * 16 + lane;
      constexpr int kColumns = (R - 1) * SW + KW;
      const int64_t left = s.pad_left - x * SW;
      const int64_t right = s.iw + left;
      for (int64_t i = row.tap_begin; i < row.tap_end; ++i) {
        if (i == row.wrap_tap) in -= row.wrap;
        Vec weight[KW];
        KINGLET_UNROLL
        for (int j = 0; j < KW; ++j) weight[j] = hn::Load(d, w + j * 16);
        KINGLET_UNROLL
        for (int c = 0; c < kColumns; ++c) {
          if (c < KW / 2 && c < left) continue;
          if (c >= kColumns - KW / 2 && c >= right) continue;
          const Vec value = hn::LoadU(d, in + c * 16);
          KINGLET_UNROLL
          for (int j = 0; j < KW; ++j) {
            const int r = (c - j) / SW;
            if ((c - j) % SW == 0 && c >= j && r < R) acc[r] = hn::MulAdd(value, weight[j], acc[r]);
          }
        }
        in += s.dh * s.iw * 16;
        w += KW * 16;
      }
      StorePixels<R>(row, x, lane, acc);
    }
  }
}

// R pixels from x on, kernel columns [column, column_end), any stride and dilation.
template <int R>
HWY_INLINE void AnyTile(const ConvShape& s, const Row& row, int64_t x, int64_t column,
                        int64_t column_end) {
  const Tag d;
  for (int lane = 0; lane < 16; lane += kLanes) {
    Vec acc[R];
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) acc[r] = InitPixel(row, x + r, lane);
    for (int64_t i = row.tap_begin; i < row.tap_end; ++i) {
      const int64_t column_zero = (i - row.tap_begin) * s.dh * s.iw + x * s.sw - s.pad_left;
      const float* in = row.in + column_zero * 16 - (i < row.wrap_tap ? 0 : row.wrap) + lane;
      for (int64_t j = column; j < column_end; ++j) {
        const Vec weight = hn::Load(d, row.weights + (i * s.kw + j) * 16 + lane);
        KINGLET_UNROLL
        for (int r = 0; r < R; ++r) {
          acc[r] = hn::MulAdd(hn::LoadU(d, in + (r * s.sw + j * s.dw) * 16), weight, acc[r]);
        }
      }
    }
    StorePixels<R>(row, x, lane, acc);
  }
}

// Pixels [x, end), kernel columns outside the input left out.
HWY_NOINLINE void EdgePixels(const ConvShape& s, const Row& row, int64_t x, int64_t end) {
  for (; x < end; ++x) {
    const int64_t first = x * s.sw - s.pad_left;
    const int64_t before = std::max<int64_t>(-first, 0);
    const int64_t until = std::max<int64_t>(s.iw - first, 0);
    const int64_t column = std::min<int64_t>(CeilDiv(before, s.dw), s.kw);
    AnyTile<1>(s, row, x, column, std::clamp<int64_t>(CeilDiv(until, s.dw), column, s.kw));
  }
}

HWY_NOINLINE void AnyTiles(const ConvShape& s, const Row& row, int64_t x, int64_t end) {
  constexpr int kWide = std::min(kMaxPixels, 4);
  for (; x + kWide <= end; x += kWide) AnyTile<kWide>(s, row, x, 0, s.kw);
  for (; x < end; ++x) AnyTile<1>(s, row, x, 0, s.kw);
}

// Kernel columns that a tile takes at a time, and pixels beside whose sums their weights fit.
constexpr int kWideColumns = 7;
constexpr int kWidePixels = std::min(kMaxPixels, 8);

alignas(64) constexpr float kZeros[16] = {};

// acc[r] += what column `first` + r + j of an input row is, zero outside the input, times weight j,
// for j < KW.
template <int KW, int R>
HWY_INLINE void AddColumns(const float* in, int64_t columns, int64_t first, const float* weights,
                           int lane, Vec (&acc)[R]) {
  const Tag d;
  Vec weight[KW];
  KINGLET_UNROLL
  for (int j = 0; j < KW; ++j) weight[j] = hn::Load(d, weights + j * 16);
  KINGLET_UNROLL
  for (int c = 0; c < R + KW - 1; ++c) {
    const int64_t column = first + c;
    const bool inside = column >= 0 && column < columns;
    const Vec value = hn::LoadU(d, inside ? in + column * 16 : kZeros + lane);
    KINGLET_UNROLL
    for (int j = 0; j < KW; ++j) {
      const int r = c - j;
      if (r >= 0 && r < R) acc[r] = hn::MulAdd(value, weight[j], acc[r]);
    }
  }
}

// `tiles` tiles of R pixels from x on, any kernel columns without stride.
template <int R>
HWY_NOINLINE void WideTiles(const ConvShape& s, const Row& row, int64_t x, int64_t tiles) {
  for (; tiles > 0; --tiles, x += R) {
    const int64_t first = x - s.pad_left;
    // The columns that some pixel of the tile reads inside the input.
    const int64_t before = std::max<int64_t>(-(first + R - 1), 0);
    const int64_t begin = std::min<int64_t>(CeilDiv(before, s.dw), s.kw);
    const int64_t until = std::max<int64_t>(s.iw - first, 0);
    const int64_t end = std::clamp<int64_t>(CeilDiv(until, s.dw), begin, s.kw);
    for (int lane = 0; lane < 16; lane += kLanes) {
      Vec acc[R];
      KINGLET_UNROLL
      for (int r = 0; r < R; ++r) acc[r] = InitPixel(row, x + r, lane);
      for (int64_t i = row.tap_begin; i < row.tap_end; ++i) {
        const float* in = row.in + (i - row.tap_begin) * s.dh * s.iw * 16 -
                          (i < row.wrap_tap ? 0 : row.wrap) + lane;
        const float* w = row.weights + i * s.kw * 16 + lane;
        int64_t j = begin;
        for (; s.dw == 1 && j + kWideColumns <= end; j += kWideColumns) {
          AddColumns<kWideColumns, R>(in, s.iw, first + j, w + j * 16, lane, acc);
        }
        for (; j < end; ++j) AddColumns<1, R>(in, s.iw, first + j * s.dw, w + j * 16, lane, acc);
      }
      StorePixels<R>(row, x, lane, acc);
    }
  }
}

using TilesFn = void (*)(const ConvShape&, const Row&, int64_t x, int64_t tiles);

template <int R>
TilesFn WideTilesOf(int64_t width) {
  if constexpr (R == 1) {
    return &WideTiles<1>;
  } else {
    return width == R ? &WideTiles<R> : WideTilesOf<R - 1>(width);
  }
}

template <int KW, int SW, int R>
TilesFn TilesOfWidth(int64_t width) {
  if constexpr (R == 1) {
    return &FixedTiles<KW, SW, 1>;
  } else {
    return width == R ? &FixedTiles<KW, SW, R> : TilesOfWidth<KW, SW, R - 1>(width);
  }
}

TilesFn FixedTilesOf(const ConvShape& s, int64_t width) {
  if (s.kw == 3 && s.sw == 1) return TilesOfWidth<3, 1, kMaxPixels>(width);
  if (s.kw == 3 && s.sw == 2) return TilesOfWidth<3, 2, kMaxPixels>(width);
  if (s.kw == 5 && s.sw == 1) return TilesOfWidth<5, 1, kMaxPixels>(width);
  return TilesOfWidth<5, 2, kMaxPixels>(width);
}

// How an output row is cut: `wider` tiles of width + 1 pixels, then the rest of `width`.
struct RowPlan {
  TilesFn tiles = nullptr;  // null: no fixed tiles for this shape
  TilesFn wider_tiles = nullptr;
  int64_t width = 0, wider = 0, count = 0;
};

RowPlan PlanRow(const ConvShape& s) {
  RowPlan plan;
  if (s.sw == 1 && (s.kw >= kWideColumns - 1 || s.dw > 1)) {
    plan.count = CeilDiv(s.ow, kWidePixels);
    plan.width = s.ow / plan.count;
    plan.wider = s.ow % plan.count;
    plan.tiles = WideTilesOf<kWidePixels>(plan.width);
    if (plan.wider > 0) plan.wider_tiles = WideTilesOf<kWidePixels>(plan.width + 1);
    return plan;
  }
  const bool known = (s.kw == 3 || s.kw == 5) && s.sw <= 2 && s.dw == 1;
  const int64_t overshoot = (s.ow - 1) * s.sw - s.pad_left + s.kw - s.iw;
  if (!known || s.pad_left > s.kw / 2 || overshoot > s.kw / 2) return plan;
  plan.count = CeilDiv(s.ow, kMaxPixels);
  plan.width = s.ow / plan.count;
  plan.wider = s.ow % plan.count;
  plan.tiles = FixedTilesOf(s, plan.width);
  if (plan.wider > 0) plan.wider_tiles = FixedTilesOf(s, plan.width + 1);
  return plan;
}

// Output columns whose window lies inside the input.
Range InsideColumns(const ConvShape& s) {
  const int64_t begin = std::min<int64_t>(CeilDiv(std::max(s.pad_left, 0), s.sw), s.ow);
  const int64_t room = s.iw + s.pad_left - int64_t{s.kw - 1} * s.dw;
  const int64_t end = room <= 0 ? 0 : CeilDiv(room, s.sw);
  return {begin, std::clamp<int64_t>(end, begin, s.ow)};
}

void RunRow(const ConvShape& s, const Row& row, const RowPlan& plan) {
  if (plan.tiles == nullptr) {
    const Range inside = InsideColumns(s);
    EdgePixels(s, row, 0, inside.begin);
    AnyTiles(s, row, inside.begin, inside.end);
    EdgePixels(s, row, inside.end, s.ow);
    return;
  }
  if (plan.wider > 0) plan.wider_tiles(s, row, 0, plan.wider);
  plan.tiles(s, row, plan.wider * (plan.width + 1), plan.count - plan.wider);
}

// The kernel rows of output row y that lie inside the input, and where they are.
void PlaceTaps(const ConvShape& s, const DepthwiseRows& r, const float* in, int64_t y, Row& row) {
  const int64_t y0 = y * s.sh - s.pad_top;
  const int64_t before = std::max<int64_t>(-y0, 0);
  const int64_t until = std::max<int64_t>(s.ih - y0, 0);
  // A division takes as long as several pixels of a row.
  const auto taps = [&s](int64_t rows) { return s.dh == 1 ? rows : CeilDiv(rows, s.dh); };
  row.tap_begin = std::min<int64_t>(taps(before), s.kh);
  row.tap_end = std::clamp<int64_t>(taps(until), row.tap_begin, s.kh);
  const int64_t first = row.tap_begin < row.tap_end ? y0 + row.tap_begin * s.dh : 0;
  const int64_t turn = first < r.in_rows ? 0 : first / r.in_rows * r.in_rows;
  row.in = in + (first - turn) * s.iw * kBlock;
  row.wrap_tap = taps(turn + r.in_rows - y0);
  row.wrap = r.in_rows * s.iw * kBlock;
}

void RunBlockRows(const ConvShape& s, const DepthwiseRows& r, const RowPlan& plan) {
  const Epilogue none;
  const Epilogue& clamp = IsClamp(r.epilogue) ? r.epilogue : none;
  const auto pixels = static_cast<size_t>(s.ow);
  Row row;
  row.low = ClampLow(clamp);
  row.high = ClampHigh(clamp);
  for (int64_t block = 0; block < r.blocks; ++block) {
    const float* in = r.in + block * r.in_block_stride;
    row.weights = r.weights + block * s.kh * s.kw * kBlock;
    row.bias = r.bias ? r.bias + block * kBlock : nullptr;
    const int64_t valid = block + 1 == r.blocks ? r.last_lanes : kBlock;
    int64_t at = block * r.out_block_stride;
    for (int64_t y = r.rows.begin; y < r.rows.end; ++y, at += s.ow * kBlock) {
      row.out = r.out + at;
      row.residual = r.residual ? r.residual + at : nullptr;
      PlaceTaps(s, r, in, y, row);
      RunRow(s, row, plan);
      if (!IsClamp(r.epilogue)) ActivateSpan(r.epilogue, row.out, pixels * kBlock);
      if (valid < kBlock) ZeroPadLanes(row.out, pixels, static_cast<size_t>(valid));
    }
  }
}

void RunUnit(const ConvShape& s, const ConvArgs& args, int64_t unit, int64_t parts,
             const RowPlan& plan) {
  const int64_t plane = unit / parts;
  const int64_t image = plane / BlockCount(s.ic);
  const int64_t block = plane % BlockCount(s.ic);
  DepthwiseRows r;
  r.rows = EvenPart(s.oh, parts, unit % parts);
  r.in = static_cast<const float*>(args.input) + plane * s.ih * s.iw * kBlock;
  r.in_rows = s.ih;
  r.weights = static_cast<const float*>(args.packed) + block * s.kh * s.kw * kBlock;
  r.bias = args.bias ? args.bias + block * kBlock : nullptr;
  const int64_t row = r.rows.begin * s.ow * kBlock;
  const int64_t out_plane = s.oh * s.ow * kBlock;
  r.out =
      static_cast<float*>(args.output) + image * OutputStride(s, args) + block * out_plane + row;
  r.residual =
      args.residual ? static_cast<const float*>(args.residual) + plane * out_plane + row : nullptr;
  r.last_lanes = std::min<int64_t>(kBlock, s.ic - block * kBlock);
  r.epilogue = args.epilogue;
  RunBlockRows(s, r, plan);
}

void RunDepthwise(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                  void*) noexcept {
  const int64_t parts = DepthwiseRowParts(s);
  const RowPlan plan = PlanRow(s);
  for (int64_t unit = begin; unit < end; ++unit) RunUnit(s, args, unit, parts, plan);
}

void RunDepthwiseRows(const ConvShape& s, const DepthwiseRows& r) noexcept {
  RunBlockRows(s, r, PlanRow(s));
}

}  // namespace

ConvRunFn GetRunDepthwise() { return &RunDepthwise; }

DepthwiseRowsFn GetRunDepthwiseRows() { return &RunDepthwiseRows; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Depthwise);

namespace {

HWY_EXPORT(GetRunDepthwise);
HWY_EXPORT(GetRunDepthwiseRows);

bool Supports(const ConvShape& s) { return s.groups == s.ic && s.ic == s.oc; }

// Kernel rows, or columns, that read inside the input, on average over `out` outputs. Of `together`
// neighbouring outputs all compute what any of them needs.
double InsideTaps(int64_t in, int64_t out, int64_t stride, int64_t dilation, int64_t pad,
                  int64_t taps, int64_t together) {
  int64_t sum = 0;
  for (int64_t i = 0; i < out; i += together) {
    const int64_t first = i * stride - pad;
    const int64_t before = std::max<int64_t>(-(first + (together - 1) * stride), 0);
    const int64_t begin = std::min(CeilDiv(before, dilation), taps);
    const int64_t until = std::max<int64_t>(in - first, 0);
    sum += std::clamp(CeilDiv(until, dilation), begin, taps) - begin;
  }
  return static_cast<double>(sum) / static_cast<double>(CeilDiv(out, together));
}

// Multiply-adds of a pixel. Only wide and dilated kernels leave many out.
double TapsOfPixel(const ConvShape& s) {
  constexpr int kWide = 6;
  constexpr int64_t kTogether = 8;
  if (s.kw < kWide && s.dw == 1) return static_cast<double>(s.kh) * s.kw;
  return InsideTaps(s.ih, s.oh, s.sh, s.dh, s.pad_top, s.kh, 1) *
         InsideTaps(s.iw, s.ow, s.sw, s.dw, s.pad_left, s.kw, kTogether);
}

Work WorkOf(const ConvShape& s, int threads) {
  // Pixels that are a stride apart share nothing that is loaded.
  const WorkKind kind = s.sw == 1 ? WorkKind::kDepthwise : WorkKind::kDepthwiseStrided;
  const double pixels = static_cast<double>(s.n) * static_cast<double>(s.oh * s.ow);
  WorkStage stage = ConvTraffic(s);
  stage.Add({.kind = kind,
             .count = 2 * pixels * static_cast<double>(RoundUpToBlock(s.oc)) * TapsOfPixel(s)});
  return SharedWork(stage, DepthwiseUnits(s), threads);
}

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(RoundUpToBlock(s.ic) * s.kh * s.kw) * sizeof(float);
}

// [channel block][tap][16]
void Pack(const ConvShape& s, const void* oihw, void* packed) {
  const auto* from = static_cast<const float*>(oihw);
  auto* to = static_cast<float*>(packed);
  const int64_t taps = int64_t{s.kh} * s.kw;
  for (int64_t block = 0; block < BlockCount(s.ic); ++block) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t lane = 0; lane < kBlock; ++lane) {
        const int64_t c = block * kBlock + lane;
        *to++ = c < s.ic ? from[c * taps + tap] : 0.0f;
      }
    }
  }
}

}  // namespace

DepthwiseRowsFn ResolveDepthwiseRows() { return KINGLET_RESOLVE(GetRunDepthwiseRows)(); }

ConvVariant DepthwiseConvF32() {
  return {.id = "conv/depthwise_f32",
          .input = kBlockedF32,
          .output = kBlockedF32,
          .supports = &Supports,
          .work = &WorkOf,
          .packed_format = [](const ConvShape& s) { return ConvFormat("depthwise", kBlock, s); },
          .packed_bytes = &PackedBytes,
          .pack = &Pack,
          .units = &DepthwiseUnits,
          .scratch_bytes = [](const ConvShape&) -> size_t { return 0; },
          .run = KINGLET_RESOLVE(GetRunDepthwise)()};
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
