#include "kernels/gemm/gather_gemm.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>

#include "kernels/gemm/packed.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/gather_gemm.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/common/unroll.h"
#include "kernels/gemm/gather_gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag()));
constexpr int kParts = 16 / kLanes;  // vectors in a block of 16 outputs

// Largest tile width for each number of blocks, the number that is best where there are pixels
// enough, and the bytes of weights that should stay in cache while pixels pass by. Few pixels take
// more blocks at once, so that there are sums enough to hide the latency of multiply-adds.
#if HWY_TARGET == HWY_AVX3
constexpr int kMaxPixels[] = {0, 24, 14, 9, 6};
constexpr int kBestBlocks = 4;
constexpr int64_t kPanelBytes = 256 << 10;
#elif HWY_TARGET == HWY_AVX2
constexpr int kMaxPixels[] = {0, 6, 3, 2, 1};
constexpr int kBestBlocks = 1;
constexpr int64_t kPanelBytes = 18 << 10;
#elif HWY_ARCH_ARM_A64
constexpr int kMaxPixels[] = {0, 5, 2, 1};
constexpr int kBestBlocks = 1;
constexpr int64_t kPanelBytes = 18 << 10;
#else
constexpr int kMaxPixels[] = {0, 2};
constexpr int kBestBlocks = 1;
constexpr int64_t kPanelBytes = 18 << 10;
#endif
constexpr int kMaxBlocks = static_cast<int>(std::size(kMaxPixels)) - 1;
// With fewer, a step would fetch more lines than pass through the memory meanwhile. From 12 on it
// pays: Winograd at batch 1 has 16 tiles, and 7x7 maps have 49 pixels.
constexpr int64_t kMinPixelsToFetchAhead = 12;
// Nothing fetches the first panel of a call ahead. The fewer pixels follow, the more that costs, so
// that panel is smaller then.
constexpr int64_t kFewPixels = 128;
constexpr int64_t kFewPixelsPanelBytes = std::min<int64_t>(32 << 10, kPanelBytes);
// Wide vectors are through with 16 channels before a line that another core or the third-level
// cache has would arrive. With fewer steps a tile is over before its successor's inputs are there.
constexpr bool kFetchesInputs = HWY_TARGET == HWY_AVX3;
constexpr int64_t kMinStepsToFetchInputs = 8;
// Vectors that hold the outputs of a last block which is at most half full.
constexpr int kHalf = kParts / 2;
constexpr int kMaxHalfPixels = kParts == 2 ? 8 : kMaxPixels[1];

int64_t BlocksAtOnce(int64_t pixels) {
  for (int blocks = kMaxBlocks; blocks > kBestBlocks; --blocks) {
    if (pixels <= kMaxPixels[blocks]) return blocks;
  }
  return kBestBlocks;
}

// A range of steps over a group of blocks. Between passes the sums wait in `out`.
struct Pass {
  const int64_t* step_offsets;
  int64_t full_steps;
  int64_t tail_steps;
  const float* weights;    // of the first block, at the first step
  int64_t weights_stride;  // floats from block to block
  // The weights of the pass that follows, strides as here: all tiles together fetch them into the
  // second-level cache. Null: none do.
  const float* ahead;
  bool fetches_inputs;  // of the next tile, while they are read for the first time
  const float* bias;    // of the first block
  const float* residual;
  float* out;
  bool first;
  bool last;
  bool half;  // one block, of which the first half is computed
};

// Tiles have R pixels, B blocks and the first V vectors of each block.
template <int R, int B, int V>
HWY_INLINE void InitTile(const GatherGemm& g, const Pass& pass, int64_t pixel,
                         Vec (&acc)[R][B * V]) {
  const Tag d;
  const float* bias = pass.first ? pass.bias : nullptr;
  KINGLET_UNROLL
  for (int b = 0; b < B * V; ++b) {
    const Vec init = bias ? hn::Load(d, bias + b * kLanes) : hn::Zero(d);
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) acc[r][b] = init;
  }
  const float* add = pass.first ? pass.residual : pass.out;
  if (add == nullptr) return;
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    const float* row = add + (pixel + r) * g.out_pixel_stride;
    KINGLET_UNROLL
    for (int b = 0; b < B; ++b) {
      const float* from = row + b * g.out_block_stride;
      KINGLET_UNROLL
      for (int v = 0; v < V; ++v) {
        const Vec x = hn::LoadU(d, from + v * kLanes);
        Vec& a = acc[r][b * V + v];
        a = hn::Add(a, x);
      }
    }
  }
}

template <int R, int B, int V>
HWY_INLINE void StoreTile(const GatherGemm& g, const Pass& pass, int64_t pixel,
                          const Vec (&acc)[R][B * V]) {
  const Tag d;
  const Epilogue none;
  const Epilogue& e = pass.last && IsClamp(g.epilogue) ? g.epilogue : none;
  const Vec low = hn::Set(d, ClampLow(e));
  const Vec high = hn::Set(d, ClampHigh(e));
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    float* row = pass.out + (pixel + r) * g.out_pixel_stride;
    KINGLET_UNROLL
    for (int b = 0; b < B; ++b) {
      float* to = row + b * g.out_block_stride;
      KINGLET_UNROLL
      for (int v = 0; v < V; ++v) {
        hn::StoreU(ClampVec(acc[r][b * V + v], low, high), d, to + v * kLanes);
      }
    }
  }
}

// acc[r] += x[at[r]] * w for one input channel.
template <int R, int B, int V>
HWY_INLINE void Accumulate(const float* x, const int64_t (&at)[R], const float* w,
                           int64_t weights_stride, Vec (&acc)[R][B * V]) {
  const Tag d;
  Vec weight[B * V];
  KINGLET_UNROLL
  for (int b = 0; b < B; ++b) {
    KINGLET_UNROLL
    for (int v = 0; v < V; ++v) {
      weight[b * V + v] = hn::Load(d, w + b * weights_stride + v * kLanes);
    }
  }
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    const Vec in = hn::Set(d, x[at[r]]);
    KINGLET_UNROLL
    for (int b = 0; b < B * V; ++b) acc[r][b] = hn::MulAdd(in, weight[b], acc[r][b]);
  }
}

// `tiles` tiles of R consecutive pixels and B blocks.
template <int R, int B, int V>
HWY_NOINLINE void RunTiles(const GatherGemm& g, const Pass& pass, int64_t pixel, int64_t tiles) {
  // Lines of each block for each step.
  const int64_t lines_ahead = pass.ahead == nullptr ? 0 : (16 * R + g.pixels - 1) / g.pixels;
  for (; tiles > 0; --tiles, pixel += R) {
    Vec acc[R][B * V];
    InitTile<R, B, V>(g, pass, pixel, acc);
    const float* w = pass.weights;
    const int64_t stride = pass.weights_stride;
    int64_t at[R];
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) at[r] = g.pixel_offsets[pixel + r];
    // Lines; where there are no steps that fetch, no division.
    const int64_t fetched = pass.full_steps == 0 ? 0 : 16 * pass.full_steps * pixel / g.pixels;
    const float* ahead = lines_ahead == 0 ? nullptr : pass.ahead + fetched * 16;
    [[maybe_unused]] int64_t next[R] = {};
    if (kFetchesInputs && pass.fetches_inputs) {
      KINGLET_UNROLL
      for (int r = 0; r < R; ++r) next[r] = g.pixel_offsets[std::min(pixel + R + r, g.pixels - 1)];
    }
    for (int64_t s = 0; s < pass.full_steps; ++s, w += 16 * 16) {
      for (int64_t i = 0; i < lines_ahead; ++i, ahead += 16) {
        KINGLET_UNROLL
        for (int b = 0; b < B; ++b) __builtin_prefetch(ahead + b * stride, 0, 2);
      }
      const float* x = g.in + pass.step_offsets[s];
      if constexpr (kFetchesInputs) {
        if (pass.fetches_inputs) {
          KINGLET_UNROLL
          for (int r = 0; r < R; ++r) __builtin_prefetch(x + next[r], 0, 2);
        }
      }
      KINGLET_UNROLL_BY_4
      for (int64_t c = 0; c < 16; ++c) Accumulate<R, B, V>(x + c, at, w + c * 16, stride, acc);
    }
    for (int64_t s = 0; s < pass.tail_steps; ++s) {
      const float* x = g.in + pass.step_offsets[pass.full_steps + s];
      for (int64_t c = 0; c < g.tail_channels; ++c, w += 16) {
        Accumulate<R, B, V>(x + c, at, w, stride, acc);
      }
    }
    StoreTile<R, B, V>(g, pass, pixel, acc);
  }
}

// The same where every step has kTaps inputs: the columns of a kernel row of a first convolution.
template <int R, int B, int V, int kTaps>
HWY_NOINLINE void RunRowTiles(const GatherGemm& g, const Pass& pass, int64_t pixel, int64_t tiles) {
  for (; tiles > 0; --tiles, pixel += R) {
    Vec acc[R][B * V];
    InitTile<R, B, V>(g, pass, pixel, acc);
    const float* w = pass.weights;
    int64_t at[R];
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) at[r] = g.pixel_offsets[pixel + r];
    for (int64_t s = 0; s < pass.tail_steps; ++s, w += kTaps * 16) {
      const float* x = g.in + pass.step_offsets[s];
      KINGLET_UNROLL
      for (int c = 0; c < kTaps; ++c) {
        Accumulate<R, B, V>(x + c, at, w + c * 16, pass.weights_stride, acc);
      }
    }
    StoreTile<R, B, V>(g, pass, pixel, acc);
  }
}

using TilesFn = void (*)(const GatherGemm&, const Pass&, int64_t pixel, int64_t tiles);

template <int B, int V, int R>
TilesFn TilesOfWidth(int64_t width) {
  if constexpr (R == 1) {
    return &RunTiles<1, B, V>;
  } else {
    return width == R ? &RunTiles<R, B, V> : TilesOfWidth<B, V, R - 1>(width);
  }
}

// For the kernels of first convolutions, and the widths that nearly all tiles have; null: neither.
template <int B, int V, int R>
TilesFn RowTilesOfWidth(int64_t taps, int64_t width) {
  if (width != R && width != R - 1) return nullptr;
  if (taps == 3) return width == R ? &RunRowTiles<R, B, V, 3> : &RunRowTiles<R - 1, B, V, 3>;
  if (taps == 4) return width == R ? &RunRowTiles<R, B, V, 4> : &RunRowTiles<R - 1, B, V, 4>;
  if (taps == 7) return width == R ? &RunRowTiles<R, B, V, 7> : &RunRowTiles<R - 1, B, V, 7>;
  return nullptr;
}

// As many blocks as are best, or fewer.
template <int B>
TilesFn RowTilesOf(int64_t taps, int64_t blocks, int64_t width) {
  if (blocks == B) return RowTilesOfWidth<B, kParts, kMaxPixels[B]>(taps, width);
  if constexpr (B > 1) return RowTilesOf<B - 1>(taps, blocks, width);
  return nullptr;
}

template <int B>
TilesFn TilesOf(int64_t blocks, int64_t width) {
  if constexpr (B == 1) {
    return TilesOfWidth<1, kParts, kMaxPixels[1]>(width);
  } else {
    return blocks == B ? TilesOfWidth<B, kParts, kMaxPixels[B]>(width)
                       : TilesOf<B - 1>(blocks, width);
  }
}

TilesFn TilesOf(const GatherGemm& g, const Pass& pass, int64_t blocks, int64_t width) {
  const int64_t taps = g.full_steps == 0 ? g.tail_channels : 0;
  if constexpr (kHalf > 0) {
    if (pass.half) {
      const TilesFn rows = RowTilesOfWidth<1, kHalf, kMaxHalfPixels>(taps, width);
      return rows != nullptr ? rows : TilesOfWidth<1, kHalf, kMaxHalfPixels>(width);
    }
  }
  const TilesFn rows = RowTilesOf<kBestBlocks>(taps, blocks, width);
  return rows != nullptr ? rows : TilesOf<kMaxBlocks>(blocks, width);
}

void RunPass(const GatherGemm& g, const Pass& pass, int64_t blocks) {
  const int64_t widest = pass.half ? kMaxHalfPixels : kMaxPixels[blocks];
  const int64_t tiles = (g.pixels + widest - 1) / widest;
  const int64_t width = g.pixels / tiles;
  const int64_t wider = g.pixels % tiles;
  if (wider > 0) TilesOf(g, pass, blocks, width + 1)(g, pass, 0, wider);
  TilesOf(g, pass, blocks, width)(g, pass, wider * (width + 1), tiles - wider);
}

// What clamping in registers leaves: other activations, and pad lanes that must be zero although
// the activation or an infinite input made something of them. The first `parts` vectors of the
// block were computed.
void FinishBlock(const GatherGemm& g, float* out, int64_t lanes, int parts) {
  const Tag d;
  if (!IsClamp(g.epilogue)) {
    for (int64_t p = 0; p < g.pixels; ++p) {
      float* at = out + p * g.out_pixel_stride;
      for (int v = 0; v < parts; ++v) {
        const Vec x = hn::LoadU(d, at + v * kLanes);
        hn::StoreU(ActivateVec(d, x, g.epilogue), d, at + v * kLanes);
      }
    }
  }
  if (lanes == 16 || !g.store_pad_lanes) return;
  if (g.out_pixel_stride == 16) {
    ZeroPadLanes(out, static_cast<size_t>(g.pixels), static_cast<size_t>(lanes));
    return;
  }
  for (int64_t p = 0; p < g.pixels; ++p) {
    ZeroPadLanes(out + p * g.out_pixel_stride, 1, static_cast<size_t>(lanes));
  }
}

void RunBlocks(const GatherGemm& g, int64_t block, int64_t blocks, int64_t floats_per_block) {
  const bool has_last = block + blocks == g.blocks;
  const int64_t steps = g.full_steps + g.tail_steps;
  const int64_t panel_bytes = blocks * floats_per_block * static_cast<int64_t>(sizeof(float));
  const int64_t most = g.pixels < kFewPixels ? kFewPixelsPanelBytes : kPanelBytes;
  const int64_t passes =
      std::clamp<int64_t>((panel_bytes + most - 1) / most, 1, std::max<int64_t>(steps, 1));
  Pass pass;
  pass.weights_stride = floats_per_block;
  pass.bias = g.bias ? g.bias + block * 16 : nullptr;
  pass.residual = g.residual ? g.residual + block * g.out_block_stride : nullptr;
  pass.out = g.out + block * g.out_block_stride;
  pass.half = blocks == 1 && has_last && g.last_lanes <= kHalf * kLanes;
  const float* behind = has_last && g.weights_after != nullptr
                            ? g.weights_after
                            : g.weights + (block + blocks) * floats_per_block;
  for (int64_t i = 0; i < passes; ++i) {
    const int64_t begin = steps * i / passes;
    const int64_t end = steps * (i + 1) / passes;
    const int64_t full_begin = std::min(begin, g.full_steps);
    const int64_t full_end = std::min(end, g.full_steps);
    pass.step_offsets = g.step_offsets + begin;
    pass.full_steps = full_end - full_begin;
    pass.tail_steps = (end - full_end) - (begin - full_begin);
    pass.weights = g.weights + block * floats_per_block + full_begin * 16 * 16 +
                   (begin - full_begin) * g.tail_channels * 16;
    pass.first = i == 0;
    pass.last = i + 1 == passes;
    pass.ahead = nullptr;
    if (g.pixels >= kMinPixelsToFetchAhead) {
      const int64_t channels = pass.full_steps * 16 + pass.tail_steps * g.tail_channels;
      pass.ahead = pass.last ? behind : pass.weights + channels * 16;
    }
    pass.fetches_inputs = block == 0 && g.full_steps >= kMinStepsToFetchInputs;
    RunPass(g, pass, blocks);
  }
  const bool no_pad_lanes = !has_last || g.last_lanes == 16 || !g.store_pad_lanes;
  if (IsClamp(g.epilogue) && no_pad_lanes) return;
  for (int64_t b = 0; b < blocks; ++b) {
    const bool is_last = block + b + 1 == g.blocks;
    FinishBlock(g, pass.out + b * g.out_block_stride, is_last ? g.last_lanes : 16,
                pass.half ? kHalf : kParts);
  }
}

// The first `blocks`, all full: each half from the steps that it has weights for.
void RunHalves(const GatherGemm& g, int64_t blocks, int64_t floats_per_block) {
  for (int64_t block = 0; block < blocks; ++block) {
    for (int64_t half = 0; half < 2; ++half) {
      const int64_t before = half * g.first_half_steps;
      const int64_t lane = half * kHalf * kLanes;
      GatherGemm part = g;
      part.step_offsets += before;
      part.tail_steps = half == 0 ? g.first_half_steps : g.tail_steps - g.first_half_steps;
      part.weights += block * floats_per_block + before * g.tail_channels * 16 + lane;
      part.bias = g.bias ? g.bias + block * 16 + lane : nullptr;
      part.out += block * g.out_block_stride + lane;
      part.residual = g.residual ? g.residual + block * g.out_block_stride + lane : nullptr;
      part.blocks = 1;
      part.last_lanes = kHalf * kLanes;
      part.store_pad_lanes = false;  // they are those of the other half
      RunBlocks(part, 0, 1, floats_per_block);
    }
  }
}

// A last block whose pad lanes must not be stored is computed beside the output.
void RunPartialBlock(const GatherGemm& g, int64_t floats_per_block) {
  constexpr int64_t kPixels = 64;
  alignas(64) float beside[kPixels * 16];
  if (g.residual != nullptr) std::fill_n(beside, kPixels * 16, 0.0f);
  const int64_t last = g.blocks - 1;
  const auto bytes = static_cast<size_t>(g.last_lanes) * sizeof(float);
  GatherGemm part = g;
  part.weights = g.weights + last * floats_per_block;
  part.bias = g.bias ? g.bias + last * 16 : nullptr;
  part.residual = g.residual ? beside : nullptr;
  part.out = beside;
  part.out_pixel_stride = 16;
  part.blocks = 1;
  part.store_pad_lanes = true;
  for (int64_t begin = 0; begin < g.pixels; begin += kPixels) {
    const int64_t offset = begin * g.out_pixel_stride + last * g.out_block_stride;
    part.pixels = std::min(kPixels, g.pixels - begin);
    part.pixel_offsets = g.pixel_offsets + begin;
    for (int64_t p = 0; g.residual != nullptr && p < part.pixels; ++p) {
      std::memcpy(beside + p * 16, g.residual + offset + p * g.out_pixel_stride, bytes);
    }
    RunBlocks(part, 0, 1, floats_per_block);
    for (int64_t p = 0; p < part.pixels; ++p) {
      std::memcpy(g.out + offset + p * g.out_pixel_stride, beside + p * 16, bytes);
    }
  }
}

}  // namespace

void RunGatherGemm(const GatherGemm& g) noexcept {
  if (g.pixels == 0 || g.blocks == 0) return;
  const int64_t floats_per_block = (g.full_steps * 16 + g.tail_steps * g.tail_channels) * 16;
  const bool partial = !g.store_pad_lanes && g.last_lanes < 16;
  GatherGemm whole = g;
  if (partial) {
    whole.blocks -= 1;
    whole.last_lanes = 16;
  }
  if (kHalf > 0 && g.first_half_steps > 0) {
    const int64_t full = whole.last_lanes == 16 ? whole.blocks : whole.blocks - 1;
    RunHalves(whole, full, floats_per_block);
    if (full < whole.blocks) RunBlocks(whole, full, 1, floats_per_block);
    if (partial) RunPartialBlock(g, floats_per_block);
    return;
  }
  const int64_t at_once = BlocksAtOnce(g.pixels);
  const int64_t groups = (whole.blocks + at_once - 1) / at_once;
  for (int64_t i = 0; i < groups; ++i) {
    const int64_t begin = whole.blocks * i / groups;
    const int64_t end = whole.blocks * (i + 1) / groups;
    RunBlocks(whole, begin, end - begin, floats_per_block);
  }
  if (partial) RunPartialBlock(g, floats_per_block);
}

GatherGemmFn GetRunGatherGemm() { return &RunGatherGemm; }

void RunPackedGemm(const GemmShape& s, const GemmArgs& args, int64_t begin, int64_t end,
                   void* scratch) noexcept {
  PackedGemmRun(s, &RunGatherGemm, args, begin, end, scratch);
}

GemmRunFn GetRunPackedGemm() { return &RunPackedGemm; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(GatherGemm);
HWY_EXPORT(GetRunGatherGemm);
HWY_EXPORT(GetRunPackedGemm);

GatherGemmFn ResolveGatherGemm() { return KINGLET_RESOLVE(GetRunGatherGemm)(); }

GemmRunFn ResolvePackedGemm() { return KINGLET_RESOLVE(GetRunPackedGemm)(); }

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
