#include "kernels/conv/row_product.h"

#include <algorithm>
#include <array>

#include "kernels/conv/columns.h"
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
// Of the first-level cache: weights of one tile of outputs, and inputs of the vectors that all
// tiles go over together.
constexpr int64_t kWeightBytes = 18 << 10;
constexpr int64_t kInputBytes = 18 << 10;
constexpr int64_t kTilesTogether = 2;  // of vectors

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

// Places vectors row by row.
class Places {
 public:
  explicit Places(const RowProduct& g) : g_(g) {}
  void Take(int64_t count, Place* to) {
    for (int64_t v = 0; v < count; ++v) {
      to[v] = {row_ * g_.in_row_stride + col_, row_ * g_.out_row_stride + col_,
               std::min(kLanes, g_.cols - col_)};
      col_ += kLanes;
      if (col_ < g_.cols) continue;
      col_ = 0;
      ++row_;
    }
  }

 private:
  const RowProduct& g_;
  int64_t row_ = 0, col_ = 0;
};

// The steps [begin, end) for all vectors and outputs.
void RunSteps(const RowProduct& g, const Range& steps) {
  const int64_t vectors = g.rows * CeilDiv(g.cols, kLanes);
  const Range all = {RowTile(g.outputs, g.tiles.begin).begin,
                     RowTile(g.outputs, g.tiles.end - 1).end};
  // The first tile has as many outputs as the narrowest one.
  const Range narrowest = RowTile(g.outputs, 0);
  const int64_t together = kTilesTogether * kMaxVectors[narrowest.end - narrowest.begin];
  const bool first = steps.begin == 0;
  const Epilogue none;
  const Epilogue& e = steps.end == g.step_count ? g.epilogue : none;
  Pass pass;
  pass.steps = g.steps + steps.begin;
  pass.count = steps.end - steps.begin;
  pass.low = ClampLow(e);
  pass.high = ClampHigh(e);
  std::array<Place, kTilesTogether * kMostVectors> places{};
  Places next(g);
  for (int64_t v = 0; v < vectors; v += together) {
    const int64_t count = std::min(together, vectors - v);
    next.Take(count, places.data());
    for (int64_t t = g.tiles.begin; t < g.tiles.end; ++t) {
      const Range outputs = RowTile(g.outputs, t);
      const int64_t m = outputs.end - outputs.begin;
      const int64_t o = outputs.begin - all.begin;
      pass.weights = g.weights + outputs.begin * g.depth + (g.first_step + steps.begin) * m;
      pass.bias = first && g.bias != nullptr ? g.bias + o : nullptr;
      pass.out = g.out + o * g.out_stride;
      pass.add = !first                  ? pass.out
                 : g.residual != nullptr ? g.residual + o * g.out_stride
                                         : nullptr;
      const int64_t tiles = CeilDiv(count, kMaxVectors[m]);
      for (int64_t i = 0; i < tiles; ++i) {
        const Range tile = EvenPart(count, tiles, i);
        TileOf<kRowOutputs>(m, tile.end - tile.begin)(g, pass, places.data() + tile.begin);
      }
    }
  }
}

void RunRowProduct(const RowProduct& g) noexcept {
  if (g.rows == 0 || g.cols == 0) return;
  constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
  const Range narrowest = RowTile(g.outputs, 0);
  const int64_t m = narrowest.end - narrowest.begin;
  int64_t at_once = kWeightBytes / (m * kFloat);
  // A single tile reads every vector once.
  if (g.tiles.end - g.tiles.begin > 1) {
    const int64_t of_step = kTilesTogether * kMaxVectors[m] * kLanes * kFloat;
    at_once = std::min(at_once, kInputBytes / of_step * g.shared);
  }
  const int64_t passes = std::max<int64_t>(1, CeilDiv(g.step_count, at_once));
  for (int64_t i = 0; i < passes; ++i) RunSteps(g, EvenPart(g.step_count, passes, i));
}

void RunVolume(const VolumeShape& s, const ConvArgs& args, int64_t begin, int64_t end,
               void* scratch) noexcept {
  VolumeRun(s, &RunRowProduct, args, begin, end, scratch);
}

void RunColumns(const VolumeShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                void* scratch) noexcept {
  ColumnsRun(s, &RunRowProduct, args, begin, end, scratch);
}

void RunPlanes(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
               void* scratch) noexcept {
  VolumeRun(VolumeOf(s), &RunRowProduct, args, begin, end, scratch);
}

}  // namespace

VolumeRunFn GetRunVolume() { return &RunVolume; }

VolumeRunFn GetRunColumns() { return &RunColumns; }

ConvRunFn GetRunPlanes() { return &RunPlanes; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(RowProduct);
HWY_EXPORT(GetRunVolume);
HWY_EXPORT(GetRunColumns);
HWY_EXPORT(GetRunPlanes);

VolumeRunFn ResolveVolumeRun() { return KINGLET_RESOLVE(GetRunVolume)(); }

VolumeRunFn ResolveColumns() { return KINGLET_RESOLVE(GetRunColumns)(); }

ConvRunFn ResolvePlanesConv() { return KINGLET_RESOLVE(GetRunPlanes)(); }

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
