#include "kernels/gemm/gather_pairs.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/gather_pairs.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/common/pairs_bf16-inl.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = PairTag;
using Vec = PairVec;
using Tag16 = hn::Rebind<uint16_t, Tag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag()));
constexpr int kParts = 16 / kLanes;  // vectors in a block of 16 outputs

// A product of pairs: the largest tile width for each number of blocks, the number that is best
// where there are pixels enough, sums[i] + x[2i] * w[2i] + x[2i + 1] * w[2i + 1], and what is
// stored as bfloat16.
struct Widened {
  static constexpr int kMaxPixels[] = {0, 3, 2};
  static constexpr int kBestBlocks = 2;

  static HWY_INLINE Vec Dot(Vec sums, Vec x, Vec w) {
    const PairBits both = hn::BitCast(PairBitsTag(), x);
    const PairBits weights = hn::BitCast(PairBitsTag(), w);
    return hn::MulAdd(EvenOf(both), EvenOf(weights), hn::MulAdd(OddOf(both), OddOf(weights), sums));
  }
  static HWY_INLINE hn::Vec<Tag16> Narrow(Vec x) {
    return hn::DemoteTo(Tag16(), BFloat16Bits(Tag(), x));
  }
};

#if HWY_TARGET == HWY_AVX3
struct Hardware {
  static constexpr int kMaxPixels[] = {0, 24, 14, 9, 6};
  static constexpr int kBestBlocks = 4;

  static HWY_INLINE Vec Dot(Vec sums, Vec x, Vec w) {
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sums.raw) : "v"(x.raw), "v"(w.raw));
    return sums;
  }
  static HWY_INLINE hn::Vec<Tag16> Narrow(Vec x) {
    hn::Vec<Tag16> bits;
    __asm__("vcvtneps2bf16 %1, %0" : "=v"(bits.raw) : "v"(x.raw));
    return bits;
  }
};
#else
using Hardware = Widened;
#endif

// Floats, one at a time.
struct Floats {
#if HWY_TARGET == HWY_AVX3
  static constexpr int kMaxPixels[] = {0, 24, 14, 9, 6};
#elif HWY_TARGET == HWY_AVX2 || HWY_ARCH_ARM_A64
  static constexpr int kMaxPixels[] = {0, 6};
#else
  static constexpr int kMaxPixels[] = {0, 2};
#endif
  static constexpr int kBestBlocks = static_cast<int>(std::size(kMaxPixels)) - 1;

  static HWY_INLINE Vec Dot(Vec sums, Vec x, Vec w) { return hn::MulAdd(x, w, sums); }
  static HWY_INLINE hn::Vec<Tag16> Narrow(Vec x) { return Widened::Narrow(x); }
};

// As in kernels/gemm/gather_gemm.cc.
constexpr int64_t kMinPixelsToFetchAhead = 12;
constexpr int64_t kMinStepsToFetchInputs = 4;

// Blocks that are computed together.
struct Pass {
  int64_t block;           // the first one
  int64_t lanes;           // outputs of the last one
  bool zeros_beside;       // behind it, to the end of its pixel
  const float* weights;    // of the first one
  int64_t weights_stride;  // pairs from block to block
  const float* ahead;      // weights of the pass that follows, or null
  bool fetches_inputs;     // of the next tile
};

HWY_INLINE bool StoresHalves(const GatherGemm& g) {
  return g.epilogue.type == ElementType::kBFloat16;
}

// Bytes from the first block of a pixel to another one.
HWY_INLINE int64_t BlockBytes(const GatherGemm& g, int64_t block) {
  return StoresHalves(g) ? 2 * (block / 2 * g.out_block_stride + block % 2 * 16)
                         : 4 * block * g.out_block_stride;
}
HWY_INLINE int64_t PixelBytes(const GatherGemm& g) {
  return g.out_pixel_stride * (StoresHalves(g) ? 2 : 4);
}

HWY_INLINE Vec LoadStored(bool halves, const char* from) {
  const Tag d;
  if (!halves) return hn::LoadU(d, reinterpret_cast<const float*>(from));
  const auto bits = hn::LoadU(Tag16(), reinterpret_cast<const uint16_t*>(from));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(PairBitsTag(), bits)));
}

template <int R, int B>
HWY_INLINE void InitTile(const GatherGemm& g, const Pass& pass, int64_t pixel,
                         Vec (&acc)[R][B * kParts]) {
  const Tag d;
  KINGLET_UNROLL
  for (int v = 0; v < B * kParts; ++v) {
    const Vec bias =
        g.bias != nullptr ? hn::LoadU(d, g.bias + pass.block * 16 + v * kLanes) : hn::Zero(d);
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) acc[r][v] = bias;
  }
  if (g.residual == nullptr) return;
  const bool halves = StoresHalves(g);
  const int64_t lane_bytes = halves ? 2 : 4;
  KINGLET_UNROLL
  for (int b = 0; b < B; ++b) {
    const char* from = reinterpret_cast<const char*>(g.residual) + pixel * PixelBytes(g) +
                       BlockBytes(g, pass.block + b);
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r, from += PixelBytes(g)) {
      KINGLET_UNROLL
      for (int v = 0; v < kParts; ++v) {
        Vec& sum = acc[r][b * kParts + v];
        sum = hn::Add(sum, LoadStored(halves, from + v * kLanes * lane_bytes));
      }
    }
  }
}

// Sums of R pixels, one after the other, of which all but a clamp is left to do. Once for all
// tiles: it has every activation in it.
HWY_NOINLINE void StoreAny(const GatherGemm& g, const Pass& pass, int64_t pixel, int64_t pixels,
                           int64_t blocks, const float* sums) {
  const Tag d;
  Epilogue plain;
  plain.type = g.epilogue.type;
  const int64_t lane_bytes = StoresHalves(g) ? 2 : 4;
  for (int64_t r = 0; r < pixels; ++r) {
    char* row = reinterpret_cast<char*>(g.out) + (pixel + r) * PixelBytes(g);
    for (int64_t b = 0; b < blocks; ++b) {
      char* to = row + BlockBytes(g, pass.block + b);
      for (int64_t lane = 0; lane < 16; lane += kLanes, sums += kLanes) {
        const int64_t left = (b + 1 == blocks ? pass.lanes : 16) - lane;
        const auto valid = hn::FirstN(d, static_cast<size_t>(std::clamp<int64_t>(left, 0, kLanes)));
        const Vec value = hn::IfThenElseZero(valid, ActivateVec(d, hn::LoadU(d, sums), g.epilogue));
        StoreVec(d, value, plain, 0, to + lane * lane_bytes);
      }
    }
  }
}

template <class Op, int R, int B>
HWY_INLINE void StoreTile(const GatherGemm& g, const Pass& pass, int64_t pixel,
                          const Vec (&acc)[R][B * kParts]) {
  const Tag d;
  if (!IsClamp(g.epilogue)) {
    HWY_ALIGN float sums[R * B * 16];
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      KINGLET_UNROLL
      for (int v = 0; v < B * kParts; ++v) {
        hn::Store(acc[r][v], d, sums + r * B * 16 + v * kLanes);
      }
    }
    StoreAny(g, pass, pixel, R, B, sums);
    return;
  }
  const Vec low = hn::Set(d, ClampLow(g.epilogue));
  const Vec high = hn::Set(d, ClampHigh(g.epilogue));
  const bool halves = StoresHalves(g);
  KINGLET_UNROLL
  for (int v = 0; v < B * kParts; ++v) {
    const int b = v / kParts;
    const int lane = v % kParts * kLanes;
    const int64_t left = b + 1 == B ? pass.lanes - lane : kLanes;
    const auto valid = hn::FirstN(d, static_cast<size_t>(std::clamp<int64_t>(left, 0, kLanes)));
    char* to = reinterpret_cast<char*>(g.out) + pixel * PixelBytes(g) +
               BlockBytes(g, pass.block + b) + lane * (halves ? 2 : 4);
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r, to += PixelBytes(g)) {
      const Vec value = hn::IfThenElseZero(valid, ClampVec(acc[r][v], low, high));
      if (halves) {
        hn::StoreU(Op::Narrow(value), Tag16(), reinterpret_cast<uint16_t*>(to));
      } else {
        hn::StoreU(value, d, reinterpret_cast<float*>(to));
      }
    }
  }
}

// acc[r] += x[at[r]] * w for one pair of inputs.
template <class Op, int R, int B>
HWY_INLINE void Accumulate(const float* x, const int64_t (&at)[R], const float* w, int64_t stride,
                           Vec (&acc)[R][B * kParts]) {
  const Tag d;
  Vec weight[B * kParts];
  KINGLET_UNROLL
  for (int v = 0; v < B * kParts; ++v) {
    weight[v] = hn::LoadU(d, w + v / kParts * stride + v % kParts * kLanes);
  }
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    const Vec in = hn::Set(d, x[at[r]]);
    KINGLET_UNROLL
    for (int v = 0; v < B * kParts; ++v) acc[r][v] = Op::Dot(acc[r][v], in, weight[v]);
  }
}

// `tiles` tiles of R consecutive pixels and B blocks.
template <class Op, int R, int B>
HWY_NOINLINE void RunTiles(const GatherGemm& g, const Pass& pass, int64_t pixel, int64_t tiles) {
  // Lines of each block for each step.
  const int64_t lines_ahead = pass.ahead == nullptr ? 0 : (16 * R + g.pixels - 1) / g.pixels;
  for (; tiles > 0; --tiles, pixel += R) {
    Vec acc[R][B * kParts];
    InitTile<R, B>(g, pass, pixel, acc);
    const float* w = pass.weights;
    const int64_t stride = pass.weights_stride;
    int64_t at[R];
    int64_t next[R];
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      at[r] = g.pixel_offsets[pixel + r];
      next[r] = g.pixel_offsets[std::min(pixel + R + r, g.pixels - 1)];
    }
    const int64_t fetched = 16 * g.full_steps * pixel / g.pixels;  // lines
    const float* ahead = lines_ahead == 0 ? nullptr : pass.ahead + fetched * 16;
    for (int64_t s = 0; s < g.full_steps; ++s, w += 16 * 16) {
      for (int64_t i = 0; i < lines_ahead; ++i, ahead += 16) {
        KINGLET_UNROLL
        for (int b = 0; b < B; ++b) __builtin_prefetch(ahead + b * stride, 0, 2);
      }
      const float* x = g.in + g.step_offsets[s];
      if (pass.fetches_inputs) {
        KINGLET_UNROLL
        for (int r = 0; r < R; ++r) __builtin_prefetch(x + next[r], 0, 2);
      }
      KINGLET_UNROLL_BY_4
      for (int64_t c = 0; c < 16; ++c) Accumulate<Op, R, B>(x + c, at, w + c * 16, stride, acc);
    }
    for (int64_t s = 0; s < g.tail_steps; ++s) {
      const float* x = g.in + g.step_offsets[g.full_steps + s];
      for (int64_t c = 0; c < g.tail_channels; ++c, w += 16) {
        Accumulate<Op, R, B>(x + c, at, w, stride, acc);
      }
    }
    StoreTile<Op, R, B>(g, pass, pixel, acc);
    if (pass.zeros_beside) {
      char* to = reinterpret_cast<char*>(g.out) + pixel * PixelBytes(g) +
                 BlockBytes(g, pass.block + B - 1);
      for (int r = 0; r < R; ++r, to += PixelBytes(g)) std::memset(to + 32, 0, 32);
    }
  }
}

using TilesFn = void (*)(const GatherGemm&, const Pass&, int64_t pixel, int64_t tiles);

template <class Op, int B, int R>
TilesFn TilesOfWidth(int64_t width) {
  if constexpr (R == 1) {
    return &RunTiles<Op, 1, B>;
  } else {
    return width == R ? &RunTiles<Op, R, B> : TilesOfWidth<Op, B, R - 1>(width);
  }
}

template <class Op, int B>
TilesFn TilesOf(int64_t blocks, int64_t width) {
  if constexpr (B == 1) {
    return TilesOfWidth<Op, 1, Op::kMaxPixels[1]>(width);
  } else {
    return blocks == B ? TilesOfWidth<Op, B, Op::kMaxPixels[B]>(width)
                       : TilesOf<Op, B - 1>(blocks, width);
  }
}

template <class Op>
void RunGatherPairs(const GatherGemm& g) noexcept {
  if (g.pixels == 0 || g.blocks == 0) return;
  constexpr int kMaxBlocks = static_cast<int>(std::size(Op::kMaxPixels)) - 1;
  Pass pass;
  pass.weights_stride = (g.full_steps * 16 + g.tail_steps * g.tail_channels) * 16;
  const int64_t groups = (g.blocks + Op::kBestBlocks - 1) / Op::kBestBlocks;
  for (int64_t i = 0; i < groups; ++i) {
    pass.block = g.blocks * i / groups;
    const int64_t end = g.blocks * (i + 1) / groups;
    const int64_t blocks = end - pass.block;
    const bool last = end == g.blocks;
    pass.lanes = last ? g.last_lanes : 16;
    pass.zeros_beside = last && StoresHalves(g) && g.blocks % 2 != 0;
    pass.weights = g.weights + pass.block * pass.weights_stride;
    pass.ahead = last || g.pixels < kMinPixelsToFetchAhead
                     ? nullptr
                     : pass.weights + blocks * pass.weights_stride;
    pass.fetches_inputs = i == 0 && g.full_steps >= kMinStepsToFetchInputs;
    const int64_t widest = Op::kMaxPixels[blocks];
    const int64_t tiles = (g.pixels + widest - 1) / widest;
    const int64_t width = g.pixels / tiles;
    const int64_t wider = g.pixels % tiles;
    if (wider > 0) TilesOf<Op, kMaxBlocks>(blocks, width + 1)(g, pass, 0, wider);
    TilesOf<Op, kMaxBlocks>(blocks, width)(g, pass, wider * (width + 1), tiles - wider);
  }
}

GatherGemmFn GetProduct(GatherProduct product) {
  switch (product) {
    case GatherProduct::kPairs:
      return &RunGatherPairs<Hardware>;
    case GatherProduct::kWidenedPairs:
      return &RunGatherPairs<Widened>;
    case GatherProduct::kFloats:
      break;
  }
  return &RunGatherPairs<Floats>;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(GatherPairs);
HWY_EXPORT(GetProduct);

GatherGemmFn ResolveGatherProduct(GatherProduct product) {
  return KINGLET_RESOLVE(GetProduct)(product);
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
