// GatherDots of quads, written once for vectors of any width. Each file that includes it is
// compiled for instructions of its own, so all is local to it, and nothing is called that other
// files might share. `Ops` has:
//   Int, Float            vectors of kLanes int32 and float
//   Load, Store, Set      of int32; LoadFloat, SetFloat
//   Dot(sums, x, w)       sums + the products of the four unsigned bytes of x and signed ones of w
//   Limits                made of the bounds and the zero point of the codes
//   StoreCodes(sums, scales, limits, to)
//                         the codes of V vectors of sums, which are rounded to even when they have
//                         been multiplied and clamped
#include <cstddef>
#include <cstdint>

#include "kernels/common/unroll.h"
#include "kernels/conv/gather_dots.h"

namespace kinglet::kernels {
namespace {

template <class Ops>
struct QuadDots {
  static constexpr int kParts = 16 / Ops::kLanes;  // vectors in a block of 16 outputs
  using Int = typename Ops::Int;

  // Blocks [block, block + B).
  struct Pass {
    int64_t block;
    const int32_t* weights;
    const int32_t* rest;  // of halves
    int64_t weights_stride;
    typename Ops::Limits limits;
  };

  static int32_t GroupAt(const std::byte* from) {
    int32_t group;
    __builtin_memcpy(&group, from, sizeof(group));
    return group;
  }

  template <int R, int B>
  static void StoreTile(const GatherDots& g, const Pass& pass, int64_t pixel,
                        const Int (&sums)[R][B * kParts]) {
    uint8_t* out = g.out + pixel * 64 + pass.block * 16;
    typename Ops::Float scales[B * kParts];
    KINGLET_UNROLL
    for (int v = 0; v < B * kParts; ++v) {
      scales[v] = Ops::LoadFloat(g.scales + pass.block * 16 + v * Ops::kLanes);
    }
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) Ops::StoreCodes(sums[r], scales, pass.limits, out + r * 64);
  }

  // What the epilogue says where it is more than a multiplication by finite scales.
  template <int R, int B>
  static void StoreAny(const GatherDots& g, const Pass& pass, int64_t pixel,
                       const Int (&sums)[R][B * kParts]) {
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < B * kParts; ++v) {
        int32_t lanes[Ops::kLanes];
        Ops::Store(sums[r][v], lanes);
        for (int i = 0; i < Ops::kLanes; ++i) {
          const int64_t o = pass.block * 16 + v * Ops::kLanes + i;
          g.store_any(*g.epilogue, lanes[i], g.scales[o], g.out + (pixel + r) * 64 + o);
        }
      }
    }
  }

  template <int R, int B>
  static void StoreSums(const GatherDots& g, const Pass& pass, int64_t pixel,
                        const Int (&sums)[R][B * kParts]) {
    int32_t* to = g.sums + pixel * 32 + pass.block % 2 * 16;
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      KINGLET_UNROLL
      for (int v = 0; v < B * kParts; ++v) Ops::Store(sums[r][v], to + r * 32 + v * Ops::kLanes);
    }
  }

  template <int R, int B>
  static inline __attribute__((always_inline)) void AddSteps(const GatherDots& g, const int32_t* w,
                                                             int64_t weights_stride,
                                                             const int64_t (&at)[R],
                                                             Int (&sums)[R][B * kParts]) {
    for (int64_t s = 0; s < g.full_steps + g.tail_steps; ++s) {
      const std::byte* in = g.in + g.step_offsets[s];
      const int64_t groups = s < g.full_steps ? g.full_groups : g.tail_groups;
      for (int64_t k = 0; k < groups; ++k, w += 16, in += 4) {
        Int weight[B * kParts];
        KINGLET_UNROLL
        for (int v = 0; v < B * kParts; ++v) {
          weight[v] = Ops::Load(w + v / kParts * weights_stride + v % kParts * Ops::kLanes);
        }
        KINGLET_UNROLL
        for (int r = 0; r < R; ++r) {
          const Int x = Ops::Set(GroupAt(in + at[r]));
          KINGLET_UNROLL
          for (int v = 0; v < B * kParts; ++v) sums[r][v] = Ops::Dot(sums[r][v], x, weight[v]);
        }
      }
    }
  }

  template <int R, int B>
  static void AddExtras(const GatherDots& g, const Pass& pass, const int64_t (&at)[R],
                        Int (&sums)[R][B * kParts]) {
    for (int b = 0; b < B; ++b) {
      const int32_t* begin = g.extra_begin + pass.block + b;
      for (int64_t e = begin[0]; e < begin[1]; ++e) {
        const int32_t* entry = g.extras + e * 32;
        const std::byte* in = g.in + g.step_offsets[entry[0]] + int64_t{entry[1]} * 4;
        KINGLET_UNROLL
        for (int v = 0; v < kParts; ++v) {
          const Int w = Ops::Load(entry + 16 + v * Ops::kLanes);
          KINGLET_UNROLL
          for (int r = 0; r < R; ++r) {
            Int& sum = sums[r][b * kParts + v];
            sum = Ops::Dot(sum, Ops::Set(GroupAt(in + at[r])), w);
          }
        }
      }
    }
  }

  template <int R, int B>
  static __attribute__((noinline)) void RunTiles(const GatherDots& job, const Pass& of_job,
                                                 int64_t pixel, int64_t tiles) {
    // Copies: bytes that are stored might be theirs.
    const GatherDots g = job;
    const Pass pass = of_job;
    const bool has_extras =
        g.rest == nullptr && g.extra_begin[pass.block] != g.extra_begin[pass.block + B];
    for (; tiles > 0; --tiles, pixel += R) {
      Int sums[R][B * kParts];
      int64_t at[R];
      KINGLET_UNROLL
      for (int r = 0; r < R; ++r) {
        at[r] = g.pixel_offsets[pixel + r];
        KINGLET_UNROLL
        for (int v = 0; v < B * kParts; ++v) {
          sums[r][v] = Ops::Load(g.bias + pass.block * 16 + v * Ops::kLanes);
        }
      }
      // Halves count twice.
      const int sweeps = g.rest == nullptr ? 1 : 3;
      for (int i = 0; i < sweeps; ++i) {
        AddSteps<R, B>(g, i < 2 ? pass.weights : pass.rest, pass.weights_stride, at, sums);
      }
      if (has_extras) AddExtras<R, B>(g, pass, at, sums);
      if (g.raw) {
        StoreSums<R, B>(g, pass, pixel, sums);
      } else if (g.plain) {
        StoreTile<R, B>(g, pass, pixel, sums);
      } else {
        StoreAny<R, B>(g, pass, pixel, sums);
      }
    }
  }

  using TilesFn = void (*)(const GatherDots&, const Pass&, int64_t, int64_t);

  template <int B, int R>
  static TilesFn TilesOfWidth(int64_t width) {
    if constexpr (R == 1) {
      return &RunTiles<1, B>;
    } else {
      return width == R ? &RunTiles<R, B> : TilesOfWidth<B, R - 1>(width);
    }
  }

  template <int B, int kWidest>
  static void RunBlocks(const GatherDots& g, const Pass& pass) {
    const int64_t tiles = (g.pixels + kWidest - 1) / kWidest;
    const int64_t width = g.pixels / tiles;
    const int64_t wider = g.pixels % tiles;
    if (wider > 0) TilesOfWidth<B, kWidest>(width + 1)(g, pass, 0, wider);
    TilesOfWidth<B, kWidest>(width)(g, pass, wider * (width + 1), tiles - wider);
  }

  static void Run(const GatherDots& g) noexcept {
    if (g.pixels == 0) return;
    Pass pass = {
        .block = 0,
        .weights = nullptr,
        .rest = nullptr,
        .weights_stride = g.GroupsOfBlock() * 16,
        .limits = typename Ops::Limits(g.low, g.high, g.epilogue->requantisation.zero_point)};
    for (pass.block = 0; pass.block < g.blocks;) {
      pass.weights = g.weights + pass.block * pass.weights_stride;
      pass.rest = g.rest == nullptr ? nullptr : g.rest + pass.block * pass.weights_stride;
      if (Ops::kMaxBlocks >= 4 && g.blocks - pass.block >= 4) {
        RunBlocks<Ops::kMaxBlocks >= 4 ? 4 : 1, Ops::kMaxSums / 4>(g, pass);
        pass.block += 4;
      } else if (Ops::kMaxBlocks >= 2 && g.blocks - pass.block >= 2) {
        RunBlocks<Ops::kMaxBlocks >= 2 ? 2 : 1, Ops::kMaxSums / 2>(g, pass);
        pass.block += 2;
      } else {
        RunBlocks<1, Ops::kMaxOfOne>(g, pass);
        pass.block += 1;
      }
    }
  }
};

}  // namespace
}  // namespace kinglet::kernels
