// conv/tiles_first_bf16: the first layer on matrix tiles, from planes of at most four float32
// channels to blocks of bfloat16.
//
// What kernels/conv/tiles_bf16.cc says of clamps and denormals counts here too.
#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/conv/first_window.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/tile_job.h"
#include "kernels/conv/variants.h"
#include "kernels/conv/weights_bf16.h"
#include "kernels/tiles/mode.h"
#include "kernels/tiles/tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/tiles_first_bf16.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/conv/sums_bf16-inl.h"
#include "kernels/conv/tile_first-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// Planes of float32 as pixels of four bfloat16.
struct Pixels {
  using Input = float;

  static void Interleave(const float* planes, int64_t plane, int64_t channels, int64_t count,
                         char* pixels) {
    namespace hn = hwy::HWY_NAMESPACE;
    auto* to = reinterpret_cast<uint16_t*>(pixels);
    const hn::CappedTag<float, 16> d;
    const hn::Rebind<uint16_t, decltype(d)> d16;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    alignas(64) uint16_t narrow[kFirstChannels][16] = {};
    for (int64_t i = 0; i < count; i += lanes) {
      const int64_t now = std::min(lanes, count - i);
      for (int64_t c = 0; c < channels; ++c) {
        const float* from = planes + c * plane + i;
        if (now == lanes) {
          hn::Store(TileBFloat16(d, hn::LoadU(d, from)), d16, narrow[c]);
        } else {
          for (int64_t k = 0; k < now; ++k) {
            narrow[c][k] = ToBFloat16(EmulatedTiles::Flush(from[k])).bits;
          }
        }
      }
      for (int64_t k = 0; k < now; ++k) {
        for (const auto& channel : narrow) *to++ = channel[k];
      }
    }
  }
};

template <class Tiles>
using Runner = TileFirstRunner<Tiles, SumsBf16<Tiles, ElementType::kBFloat16>, Pixels>;

void RunTilesFirst(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                   void* scratch) noexcept {
#if HWY_TARGET == HWY_AVX3
  if (ActiveTiles(CpuFeature::kAmxBf16) == TileMode::kHardware) {
    Runner<HardwareTiles>(s, args, scratch).Run(begin, end);
    return;
  }
#endif
  Runner<EmulatedTiles>(s, args, scratch).Run(begin, end);
}

ConvRunFn GetRunTilesFirst() { return &RunTilesFirst; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(TilesFirstBf16);
HWY_EXPORT(GetRunTilesFirst);

namespace {

constexpr int64_t kPixelBytesBf16 = kFirstChannels * sizeof(BFloat16);

FirstWindow WindowOf(const ConvShape& s) { return FirstWindow(s, kPixelBytesBf16, sizeof(float)); }

bool Supports(const ConvShape& s) {
  constexpr int kMostColumns = 8;
  return s.groups == 1 && s.ic <= kFirstChannels && s.kw <= kMostColumns && s.dw == 1 &&
         FirstWindow::Fits(s, kPixelBytesBf16) &&
         ActiveTiles(CpuFeature::kAmxBf16) != TileMode::kOff;
}

int64_t Units(const ConvShape& s) { return s.n * WindowOf(s).parts; }

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(BlockCount(s.oc, kBlockBf16) * s.kh * kTileStepBytes);
}

// [oc / 32][kernel row][2][16 pairs of (column, channel of four)][16 oc][2].
void Pack(const ConvShape& s, const void* oihw, void* packed) {
  const auto* weights = static_cast<const float*>(oihw);
  auto* to = static_cast<BFloat16*>(packed);
  for (int64_t o = 0; o < s.oc; o += kBlockBf16) {
    for (int64_t row = 0; row < s.kh; ++row) {
      for (int64_t i = 0; i < kBlockBf16 * kBlockBf16; ++i) {
        const int64_t from = FirstWeightIndex(s, o, row, PlaceInStep(i, 2));
        *to++ = from >= 0 ? ToBFloat16(weights[from]) : BFloat16{0};
      }
    }
  }
}

Work WorkOf(const ConvShape& s, int threads) {
  WorkStage stage = ConvTrafficOf(s, ElementType::kFloat32, ElementType::kBFloat16, PackedBytes(s));
  const double outputs = static_cast<double>(s.n * s.oh * s.ow) *
                         static_cast<double>(RoundUpToBlock(s.oc, kBlockBf16));
  stage.Add({.kind = WorkKind::kTile,
             .type = ElementType::kBFloat16,
             .family = InstructionFamily::kMatrix,
             .count = 2 * outputs * s.kh * kBlockBf16});
  return SharedWork(stage, Units(s), threads);
}

}  // namespace

ConvVariant TilesFirstConvBf16() {
  return {.id = "conv/tiles_first_bf16",
          .input = kPlainF32,
          .output = kBlockedBF16,
          .supports = &Supports,
          .work = &WorkOf,
          .packed_format =
              [](const ConvShape& s) {
                PackedFormat format = ConvFormat("rows_of_four", kBlockBf16, s);
                format.type = ElementType::kBFloat16;
                return format;
              },
          .packed_bytes = &PackedBytes,
          .pack = &Pack,
          .units = &Units,
          .scratch_bytes = [](const ConvShape& s) { return WindowOf(s).scratch_bytes; },
          .run = KINGLET_RESOLVE(GetRunTilesFirst)()};
}

}  // namespace kinglet::kernels
#endif
