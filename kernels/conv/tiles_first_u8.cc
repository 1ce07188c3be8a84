// conv/tiles_first_u8: the first layer on matrix tiles, from planes of at most four channels of
// codes to blocks of them: exact, uint8 by int8 (kernels/conv/tile_first-inl.h).
#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/conv/first_window.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"
#include "kernels/conv/weights_u8.h"
#include "kernels/tiles/mode.h"
#include "kernels/tiles/tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/tiles_first_u8.cc"
#include "kernels/common/dispatch.h"
#include "kernels/conv/sums_u8-inl.h"
#include "kernels/conv/tile_first-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// Planes of codes as pixels of four.
struct Pixels {
  using Input = uint8_t;

  static void Interleave(const uint8_t* planes, int64_t plane, int64_t channels, int64_t count,
                         char* pixels) {
    namespace hn = hwy::HWY_NAMESPACE;
    auto* to = reinterpret_cast<uint8_t*>(pixels);
    const hn::CappedTag<uint8_t, 64> d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    const auto codes = [&](int64_t c, int64_t i) HWY_ATTR {
      return c < channels ? hn::LoadU(d, planes + c * plane + i) : hn::Zero(d);
    };
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      hn::StoreInterleaved4(codes(0, i), codes(1, i), codes(2, i), codes(3, i), d,
                            to + i * kFirstChannels);
    }
    for (; i < count; ++i) {
      for (int64_t c = 0; c < kFirstChannels; ++c) {
        to[i * kFirstChannels + c] = c < channels ? planes[c * plane + i] : uint8_t{0};
      }
    }
  }
};

template <class Tiles>
using Runner = TileFirstRunner<Tiles, SumsU8<Tiles>, Pixels>;

void RunTilesFirst(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                   void* scratch) noexcept {
#if HWY_TARGET == HWY_AVX3
  if (ActiveTiles(CpuFeature::kAmxInt8) == TileMode::kHardware) {
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

KINGLET_EXPORT_TARGET(TilesFirstU8);
HWY_EXPORT(GetRunTilesFirst);

namespace {

constexpr int64_t kPixelBytesU8 = kFirstChannels;

FirstWindow WindowOf(const ConvShape& s) {
  constexpr int64_t kBiasAndScale = 8;
  return FirstWindow(s, kPixelBytesU8, kBiasAndScale);
}

bool Supports(const ConvShape& s) {
  constexpr int kMostColumns = 16;
  return s.groups == 1 && s.ic <= kFirstChannels && s.kw <= kMostColumns && s.dw == 1 &&
         FirstWindow::Fits(s, kPixelBytesU8) && ActiveTiles(CpuFeature::kAmxInt8) != TileMode::kOff;
}

int64_t Units(const ConvShape& s) { return s.n * WindowOf(s).parts; }

// [oc / 32][kernel row][2][16 columns][16 oc][four channels], and more where weights are beyond
// int8.
void Pack(const ConvShape& s, const void* oihw, void* packed) {
  const auto* weights = static_cast<const int16_t*>(oihw);
  const int64_t blocks = TileBlocks(s);
  TilePackerU8 packer(packed, blocks, s.kh);
  for (int64_t block = 0; block < blocks; ++block) {
    for (int64_t row = 0; row < s.kh; ++row) {
      int16_t of_row[kStepWeights];
      for (int64_t i = 0; i < kStepWeights; ++i) {
        const int64_t from =
            FirstWeightIndex(s, block * kTileChannels, row, PlaceInStep(i, kFirstChannels));
        of_row[i] = from >= 0 ? weights[from] : int16_t{0};
      }
      packer.Add(block, row, of_row);
    }
  }
}

Work WorkOf(const ConvShape& s, int threads) {
  const int64_t blocks = TileBlocks(s);
  const auto weights = static_cast<size_t>(blocks * s.kh * kTileStepBytes);
  const auto outputs = static_cast<double>(s.n * blocks * kTileChannels);
  const auto pixels = static_cast<double>(s.oh * s.ow);
  const auto in_tiles = static_cast<double>(s.oh * RoundUpToBlock(s.ow, kTileRows));
  WorkStage stage = ConvTrafficOf(s, ElementType::kUInt8, ElementType::kUInt8, weights);
  stage.Add({.kind = WorkKind::kTile,
             .type = ElementType::kInt8,
             .family = InstructionFamily::kMatrix,
             .count = 2 * outputs * in_tiles * static_cast<double>(s.kh * kBlockU8)});
  // What is copied costs an eighth of what a tile stores.
  const auto copied = static_cast<double>(s.n * s.ic * s.ih * s.iw) / 8;
  stage.Add({.kind = WorkKind::kTileEdge, .count = outputs * pixels + copied});
  return SharedWork(stage, Units(s), threads);
}

}  // namespace

ConvVariant TilesFirstConvU8() {
  return {
      .id = "conv/tiles_first_u8",
      .input = kPlainU8,
      .output = kBlockedU8,
      .weights = ElementType::kInt16,
      .supports = &Supports,
      .work = &WorkOf,
      .packed_format =
          [](const ConvShape& s) {
            PackedFormat format = ConvFormat("rows_of_four", kTileChannels, s);
            format.type = ElementType::kInt8;
            return format;
          },
      .packed_bytes = [](const ConvShape& s) { return TileWeightsU8::Bytes(TileBlocks(s), s.kh); },
      .pack = &Pack,
      .units = &Units,
      .scratch_bytes = [](const ConvShape& s) { return WindowOf(s).scratch_bytes; },
      .run = KINGLET_RESOLVE(GetRunTilesFirst)()};
}

}  // namespace kinglet::kernels
#endif
