#include "kernels/conv/gather_dots.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "kernels/conv/dot_conv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/gather_dots.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/unroll.h"
#include "kernels/conv/gather_dots-inl.h"
#include "kernels/conv/requantise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<int32_t, 16>;
using FloatTag = hn::Rebind<float, Tag>;
using Vec = hn::Vec<Tag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag()));
constexpr int kParts = 16 / kLanes;  // vectors in a block of 16 outputs

// Largest tile width for each number of blocks, and the bytes of weights that should stay in the
// first-level cache while pixels pass by.
#if HWY_TARGET == HWY_AVX3
constexpr int kMaxPixels[] = {0, 14, 12};
constexpr int64_t kPanelBytes = 256 << 10;
#elif HWY_TARGET == HWY_AVX2
constexpr int kMaxPixels[] = {0, 6};
constexpr int64_t kPanelBytes = 20 << 10;
#elif HWY_ARCH_ARM_A64
constexpr int kMaxPixels[] = {0, 4};
constexpr int64_t kPanelBytes = 20 << 10;
#else
constexpr int kMaxPixels[] = {0, 1};
constexpr int64_t kPanelBytes = 20 << 10;
#endif
constexpr int kMaxBlocks = static_cast<int>(std::size(kMaxPixels)) - 1;
constexpr int64_t kSumsOfPixel = 2 * kDotBlock;

// A range of steps over a group of blocks. Between passes the sums wait in g.sums.
struct Pass {
  const int64_t* step_offsets;
  int64_t full_steps, tail_steps;
  const int32_t* weights;  // of the first block, at the first step
  int64_t weights_stride;  // from block to block
  int64_t block;           // the first one
  bool first, last;

  // Where the sums of a pixel are in g.sums.
  int32_t* Sums(const GatherDots& g, int64_t pixel) const {
    return g.sums + pixel * kSumsOfPixel + block * kDotBlock % kSumsOfPixel;
  }
};

template <int R, int B>
HWY_INLINE void InitTile(const GatherDots& g, const Pass& pass, int64_t pixel,
                         Vec (&acc)[R][B * kParts]) {
  const Tag d;
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    const int32_t* from = pass.first ? g.bias + pass.block * 16 : pass.Sums(g, pixel + r);
    KINGLET_UNROLL
    for (int v = 0; v < B * kParts; ++v) acc[r][v] = hn::LoadU(d, from + v * kLanes);
  }
}

template <int R, int B>
HWY_INLINE void StoreTile(const GatherDots& g, const Pass& pass, int64_t pixel,
                          const CodeBounds& bounds, const Vec (&acc)[R][B * kParts]) {
  const Tag d;
  const FloatTag df;
  if (!pass.last) {
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      KINGLET_UNROLL
      for (int v = 0; v < B * kParts; ++v) {
        hn::StoreU(acc[r][v], d, pass.Sums(g, pixel + r) + v * kLanes);
      }
    }
    return;
  }
  uint8_t* out = g.out + pixel * 64 + pass.block * 16;
  const float* scales = g.scales + pass.block * 16;
  KINGLET_UNROLL
  for (int v = 0; v < B * kParts; ++v) {
    const auto scale = hn::LoadU(df, scales + v * kLanes);
#if HWY_TARGET == HWY_AVX2
    if (g.plain) {
      if (v % 2 == 1) continue;
      const hn::Vec<FloatTag> both[2] = {scale, hn::LoadU(df, scales + (v + 1) * kLanes)};
      KINGLET_UNROLL
      for (int r = 0; r < R; ++r) {
        const Vec sums[2] = {acc[r][v], acc[r][v + 1]};
        StoreCodes(d, sums, both, bounds, out + r * 64 + v * kLanes);
      }
      continue;
    }
#endif
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      uint8_t* to = out + r * 64 + v * kLanes;
      if (g.plain) {
        StoreCodes(d, acc[r][v], scale, bounds, to);
      } else {
        StoreAnyCodes(d, acc[r][v], scale, *g.epilogue, to);
      }
    }
  }
}

// acc[r] += in[at[r]] * w for one group of inputs.
template <int R, int B>
HWY_INLINE void Accumulate(const std::byte* in, const int64_t (&at)[R], const int32_t* w,
                           int64_t weights_stride, Vec (&acc)[R][B * kParts]) {
  const Tag d;
  Vec weight[B * kParts];
  KINGLET_UNROLL
  for (int b = 0; b < B; ++b) {
    KINGLET_UNROLL
    for (int v = 0; v < kParts; ++v) {
      weight[b * kParts + v] = hn::Load(d, w + b * weights_stride + v * kLanes);
    }
  }
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    int32_t group;
    std::memcpy(&group, in + at[r], sizeof(group));
    const Vec x = hn::Set(d, group);
    KINGLET_UNROLL
    for (int v = 0; v < B * kParts; ++v) acc[r][v] = AddPairs(d, x, weight[v], acc[r][v]);
  }
}

// `tiles` tiles of R consecutive pixels and B blocks.
template <int R, int B>
HWY_NOINLINE void RunTiles(const GatherDots& job, const Pass& of_job, int64_t pixel,
                           int64_t tiles) {
  // Copies: bytes that are stored might be theirs.
  const GatherDots g = job;
  const Pass pass = of_job;
  const CodeBounds bounds(*g.epilogue);
  for (; tiles > 0; --tiles, pixel += R) {
    Vec acc[R][B * kParts];
    InitTile<R, B>(g, pass, pixel, acc);
    const int32_t* w = pass.weights;
    int64_t at[R];
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) at[r] = g.pixel_offsets[pixel + r];
    const int64_t steps = pass.full_steps + pass.tail_steps;
    for (int64_t s = 0; s < steps; ++s) {
      const std::byte* in = g.in + pass.step_offsets[s];
      const int64_t groups = s < pass.full_steps ? g.full_groups : g.tail_groups;
      KINGLET_UNROLL_BY_4
      for (int64_t k = 0; k < groups; ++k, w += 16) {
        Accumulate<R, B>(in + k * 4, at, w, pass.weights_stride, acc);
      }
    }
    StoreTile<R, B>(g, pass, pixel, bounds, acc);
  }
}

using TilesFn = void (*)(const GatherDots&, const Pass&, int64_t pixel, int64_t tiles);

template <int B, int R>
TilesFn TilesOfWidth(int64_t width) {
  if constexpr (R == 1) {
    return &RunTiles<1, B>;
  } else {
    return width == R ? &RunTiles<R, B> : TilesOfWidth<B, R - 1>(width);
  }
}

template <int B>
TilesFn TilesOf(int64_t blocks, int64_t width) {
  if constexpr (B == 1) {
    return TilesOfWidth<1, kMaxPixels[1]>(width);
  } else {
    return blocks == B ? TilesOfWidth<B, kMaxPixels[B]>(width) : TilesOf<B - 1>(blocks, width);
  }
}

void RunPass(const GatherDots& g, const Pass& pass, int64_t blocks) {
  const int64_t widest = kMaxPixels[blocks];
  const int64_t tiles = (g.pixels + widest - 1) / widest;
  const int64_t width = g.pixels / tiles;
  const int64_t wider = g.pixels % tiles;
  if (wider > 0) TilesOf<kMaxBlocks>(blocks, width + 1)(g, pass, 0, wider);
  TilesOf<kMaxBlocks>(blocks, width)(g, pass, wider * (width + 1), tiles - wider);
}

void RunBlocks(const GatherDots& g, int64_t block, int64_t blocks) {
  const int64_t steps = g.full_steps + g.tail_steps;
  const int64_t groups = g.GroupsOfBlock();
  const int64_t panel_bytes = blocks * groups * kDotBlock * 4;
  const int64_t passes = std::clamp<int64_t>((panel_bytes + kPanelBytes - 1) / kPanelBytes, 1,
                                             std::max<int64_t>(steps, 1));
  Pass pass;
  pass.weights_stride = groups * kDotBlock;
  pass.block = block;
  for (int64_t i = 0; i < passes; ++i) {
    const int64_t begin = steps * i / passes;
    const int64_t end = steps * (i + 1) / passes;
    const int64_t full_begin = std::min(begin, g.full_steps);
    const int64_t full_end = std::min(end, g.full_steps);
    pass.step_offsets = g.step_offsets + begin;
    pass.full_steps = full_end - full_begin;
    pass.tail_steps = (end - full_end) - (begin - full_begin);
    pass.weights = g.weights + block * pass.weights_stride +
                   (full_begin * g.full_groups + (begin - full_begin) * g.tail_groups) * kDotBlock;
    pass.first = i == 0;
    pass.last = i + 1 == passes && !g.raw;
    RunPass(g, pass, blocks);
  }
}

}  // namespace

void RunGatherDots(const GatherDots& g) noexcept {
  if (g.pixels == 0) return;
  for (int64_t block = 0; block < g.blocks; block += kMaxBlocks) {
    RunBlocks(g, block, std::min<int64_t>(kMaxBlocks, g.blocks - block));
  }
}

namespace {

using WideTag = hn::CappedTag<int16_t, 16>;

HWY_INLINE hn::Vec<WideTag> LoadWide(const uint8_t* from, int32_t zero_point) {
  const WideTag d;
  const hn::Rebind<uint8_t, WideTag> d8;
  const auto zero = hn::Set(d, static_cast<int16_t>(zero_point));
  return hn::Sub(hn::PromoteTo(d, hn::LoadU(d8, from)), zero);
}

void Widen(const uint8_t* from, int64_t step, int64_t count, int64_t channels, int32_t zero_point,
           void* to) noexcept {
  const WideTag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto* wide = static_cast<int16_t*>(to);
  for (int64_t i = 0; i < count; ++i, from += step * 64, wide += 64) {
    for (int64_t c = 0; c < channels; c += lanes) {
      hn::StoreU(LoadWide(from + c, zero_point), d, wide + c);
    }
  }
}

void Interleave(const uint8_t* from, int64_t plane_stride, int64_t channels, int64_t count,
                int32_t zero_point, void* to) noexcept {
  const WideTag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto* wide = static_cast<int16_t*>(to);
  int64_t i = 0;
  for (; channels == 3 && i + lanes <= count; i += lanes) {
    hn::StoreInterleaved3(LoadWide(from + i, zero_point),
                          LoadWide(from + plane_stride + i, zero_point),
                          LoadWide(from + 2 * plane_stride + i, zero_point), d, wide + i * 3);
  }
  for (; i < count; ++i) {
    for (int64_t c = 0; c < channels; ++c) {
      wide[i * channels + c] = static_cast<int16_t>(from[c * plane_stride + i] - zero_point);
    }
  }
}

void InterleaveBytes(const uint8_t* from, int64_t plane_stride, int64_t channels, int64_t count,
                     int32_t /*zero_point*/, void* to) noexcept {
  const hn::CappedTag<uint8_t, 64> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto* bytes = static_cast<uint8_t*>(to);
  int64_t i = 0;
  for (; channels == 3 && i + lanes <= count; i += lanes) {
    hn::StoreInterleaved3(hn::LoadU(d, from + i), hn::LoadU(d, from + plane_stride + i),
                          hn::LoadU(d, from + 2 * plane_stride + i), d, bytes + i * 3);
  }
  for (; i < count; ++i) {
    for (int64_t c = 0; c < channels; ++c) bytes[i * channels + c] = from[c * plane_stride + i];
  }
}

template <bool kPlanes>
void RunDotConv(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                void* scratch) noexcept {
  DotRun(s, kPlanes ? kPairPlanes : kPairBlocks, {&RunGatherDots, &Widen, &Interleave}, args, begin,
         end, scratch);
}

}  // namespace

ConvRunFn GetRunDotConv(bool planes) { return planes ? &RunDotConv<true> : &RunDotConv<false>; }
InterleaveFn GetInterleaveBytes() { return &InterleaveBytes; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(GatherDots);
HWY_EXPORT(GetRunDotConv);
HWY_EXPORT(GetInterleaveBytes);

InterleaveFn ResolveInterleaveBytes() { return KINGLET_RESOLVE(GetInterleaveBytes)(); }
ConvRunFn ResolveDotConv(bool planes) { return KINGLET_RESOLVE(GetRunDotConv)(planes); }

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
