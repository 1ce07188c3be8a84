#include "kernels/conv/row_product.h"

#include <algorithm>
#include <array>

#include "kernels/conv/conv.h"
#include "kernels/conv/volume.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/row_product.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));
static_assert(kLanes <= kRowSlack + 1);

// Vectors of a tile, for each number of outputs: as many sums as hide the latency of a multiply-add
// and fit the registers beside weights and inputs.
#if HWY_TARGET == HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kMaxVectors[] = {0, 8, 8, 6, 6, 5, 4};
#elif HWY_TARGET == HWY_AVX2
constexpr int kMaxVectors[] = {0, 8, 6, 4, 3, 2, 2};
#else
constexpr int kMaxVectors[] = {0, 4, 4, 3, 2, 2, 2};
#endif
constexpr int kMostVectors = 8;
static_assert(std::size(kMaxVectors) == kRowOutputs + 1);
// Weights that stay in the first-level cache while the pixels pass by.
constexpr int64_t kPanelBytes = 18 << 10;

// Where a vector lies, and how many of its lanes are pixels.
struct Place {
  int64_t in, out, lanes;
};

// Steps of one tile of outputs. Between passes the sums wait in `out`.
struct Pass {
  const int64_t* steps;
  int64_t count;
  const float* weights;
  const float* bias;
  const float* add;  // what the sums begin with beside the bias; null for nothing
  float* out;
  float low, high;
};

HWY_INLINE Vec LoadLanes(const float* from, int64_t lanes) {
  const Tag d;
  if (lanes == kLanes) return hn::LoadU(d, from);
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(lanes)), d, from);
#else
  HWY_ALIGN float lane[kLanes] = {};
  std::copy_n(from, lanes, lane);
  return hn::Load(d, lane);
#endif
}

HWY_INLINE void StoreLanes(Vec x, int64_t lanes, float* to) {
  const Tag d;
  if (lanes == kLanes) {
    hn::StoreU(x, d, to);
    return;
  }
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  hn::BlendedStore(x, hn::FirstN(d, static_cast<size_t>(lanes)), d, to);
#else
  HWY_ALIGN float lane[kLanes];
  hn::Store(x, d, lane);
  std::copy_n(lane, lanes, to);
#endif
}

// A tile of M outputs and V vectors.
template <int M, int V>
HWY_NOINLINE void RunTile(const RowProduct& g, const Pass& pass, const Place* at) {
  const Tag d;
  Vec acc[M][V];
  int64_t x[V];
  KINGLET_UNROLL
  for (int v = 0; v < V; ++v) x[v] = at[v].in;
  KINGLET_UNROLL
  for (int m = 0; m < M; ++m) {
    const Vec init = pass.bias ? hn::Set(d, pass.bias[m]) : hn::Zero(d);
    KINGLET_UNROLL
    for (int v = 0; v < V; ++v) acc[m][v] = init;
  }
  if (pass.add != nullptr) {
    KINGLET_UNROLL
    for (int m = 0; m < M; ++m) {
      KINGLET_UNROLL
      for (int v = 0; v < V; ++v) {
        const Vec more = LoadLanes(pass.add + m * g.out_stride + at[v].out, at[v].lanes);
        acc[m][v] = hn::Add(acc[m][v], more);
      }
    }
  }
  const float* w = pass.weights;
  for (int64_t s = 0; s < pass.count; ++s, w += M) {
    const float* in = g.in + pass.steps[s];
    // What there is less of stays in registers.
    if constexpr (M <= V) {
      Vec weight[M];
      KINGLET_UNROLL
      for (int m = 0; m < M; ++m) weight[m] = hn::Set(d, w[m]);
      KINGLET_UNROLL
      for (int v = 0; v < V; ++v) {
        const Vec value = hn::LoadU(d, in + x[v]);
        KINGLET_UNROLL
        for (int m = 0; m < M; ++m) acc[m][v] = hn::MulAdd(value, weight[m], acc[m][v]);
      }
    } else {
      Vec value[V];
      KINGLET_UNROLL
      for (int v = 0; v < V; ++v) value[v] = hn::LoadU(d, in + x[v]);
      KINGLET_UNROLL
      for (int m = 0; m < M; ++m) {
        const Vec weight = hn::Set(d, w[m]);
        KINGLET_UNROLL
        for (int v = 0; v < V; ++v) acc[m][v] = hn::MulAdd(value[v], weight, acc[m][v]);
      }
    }
  }
  const Vec low = hn::Set(d, pass.low);
  const Vec high = hn::Set(d, pass.high);
  KINGLET_UNROLL
  for (int m = 0; m < M; ++m) {
    KINGLET_UNROLL
    for (int v = 0; v < V; ++v) {
      StoreLanes(ClampVec(acc[m][v], low, high), at[v].lanes,
                 pass.out + m * g.out_stride + at[v].out);
    }
  }
}

using TileFn = void (*)(const RowProduct&, const Pass&, const Place*);

template <int M, int V>
TileFn TileOfVectors(int64_t vectors) {
  if constexpr (V == 1) {
    return &RunTile<M, 1>;
  } else {
    return vectors == V ? &RunTile<M, V> : TileOfVectors<M, V - 1>(vectors);
  }
}

template <int M>
TileFn TileOf(int64_t outputs, int64_t vectors) {
  if constexpr (M == 1) {
    return TileOfVectors<1, kMaxVectors[1]>(vectors);
  } else {
    return outputs == M ? TileOfVectors<M, kMaxVectors[M]>(vectors)
                        : TileOf<M - 1>(outputs, vectors);
  }
}

// All vectors, row by row, in tiles of nearly equal width.
void RunPass(const RowProduct& g, const Pass& pass, int64_t outputs) {
  const int64_t in_row = CeilDiv(g.cols, kLanes);
  const int64_t vectors = g.rows * in_row;
  const int64_t tiles = CeilDiv(vectors, kMaxVectors[outputs]);
  const int64_t width = vectors / tiles;
  const int64_t wider = vectors % tiles;
  const TileFn wide = wider > 0 ? TileOf<kRowOutputs>(outputs, width + 1) : nullptr;
  const TileFn narrow = TileOf<kRowOutputs>(outputs, width);
  std::array<Place, kMostVectors> places{};
  int64_t row = 0;
  int64_t col = 0;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t count = tile < wider ? width + 1 : width;
    for (int64_t v = 0; v < count; ++v) {
      places[static_cast<size_t>(v)] = {row * g.in_row_stride + col, row * g.out_row_stride + col,
                                        std::min(kLanes, g.cols - col)};
      col += kLanes;
      if (col < g.cols) continue;
      col = 0;
      ++row;
    }
    (tile < wider ? wide : narrow)(g, pass, places.data());
  }
}

void RunRowProduct(const RowProduct& g) noexcept {
  if (g.rows == 0 || g.cols == 0) return;
  const int64_t first = RowTile(g.outputs, g.tiles.begin).begin;
  for (int64_t t = g.tiles.begin; t < g.tiles.end; ++t) {
    const Range outputs = RowTile(g.outputs, t);
    const int64_t count = outputs.end - outputs.begin;
    const int64_t fitting = kPanelBytes / (count * static_cast<int64_t>(sizeof(float)));
    const int64_t passes = std::max<int64_t>(1, CeilDiv(g.step_count, fitting));
    const float* weights = g.weights + outputs.begin * g.depth + g.first_step * count;
    const int64_t at = (outputs.begin - first) * g.out_stride;
    for (int64_t i = 0; i < passes; ++i) {
      const Range steps = EvenPart(g.step_count, passes, i);
      const Epilogue none;
      const Epilogue& e = i + 1 == passes ? g.epilogue : none;
      Pass pass;
      pass.steps = g.steps + steps.begin;
      pass.count = steps.end - steps.begin;
      pass.weights = weights + steps.begin * count;
      pass.bias = i == 0 && g.bias != nullptr ? g.bias + (outputs.begin - first) : nullptr;
      pass.out = g.out + at;
      pass.add = i > 0 ? pass.out : g.residual != nullptr ? g.residual + at : nullptr;
      pass.low = ClampLow(e);
      pass.high = ClampHigh(e);
      RunPass(g, pass, count);
    }
  }
}

void RunVolume(const VolumeShape& s, const ConvArgs& args, int64_t begin, int64_t end,
               void* scratch) noexcept {
  VolumeRun(s, &RunRowProduct, args, begin, end, scratch);
}

void RunPlanes(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
               void* scratch) noexcept {
  VolumeRun(VolumeOf(s), &RunRowProduct, args, begin, end, scratch);
}

}  // namespace

VolumeRunFn GetRunVolume() { return &RunVolume; }

ConvRunFn GetRunPlanes() { return &RunPlanes; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(RowProduct);
HWY_EXPORT(GetRunVolume);
HWY_EXPORT(GetRunPlanes);

VolumeRunFn ResolveVolumeRun() { return KINGLET_RESOLVE(GetRunVolume)(); }

ConvRunFn ResolvePlanesConv() { return KINGLET_RESOLVE(GetRunPlanes)(); }

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
