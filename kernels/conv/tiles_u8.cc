// conv/tiles_u8: convolutions of codes on matrix tiles, 1x1, kxk, strided, dilated and in wide
// groups by one loop: exact, uint8 by int8.
//
// A tile holds 16 pixels x 64 channels as they lie in memory. Windows that are copied hold the zero
// point around the input, and the bias takes the zero point off all inputs. Pad lanes meet weights
// that are zero.
#include "kernels/common/blocked.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/tile_scratch.h"
#include "kernels/conv/tile_weights.h"
#include "kernels/conv/tile_window.h"
#include "kernels/conv/variants.h"
#include "kernels/conv/weights_u8.h"
#include "kernels/tiles/mode.h"
#include "kernels/tiles/tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/tiles_u8.cc"
#include "kernels/common/dispatch.h"
#include "kernels/conv/sums_u8-inl.h"
#include "kernels/conv/tile_runner-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

void RunTiles(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
              void* scratch) noexcept {
#if HWY_TARGET == HWY_AVX3
  if (ActiveTiles(CpuFeature::kAmxInt8) == TileMode::kHardware) {
    TileRunner<HardwareTiles, SumsU8<HardwareTiles>>(s, args, scratch).Run(begin, end);
    return;
  }
#endif
  TileRunner<EmulatedTiles, SumsU8<EmulatedTiles>>(s, args, scratch).Run(begin, end);
}

ConvRunFn GetRunTiles() { return &RunTiles; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(TilesU8);
HWY_EXPORT(GetRunTiles);

namespace {

TileWindow WindowOf(const ConvShape& s) {
  return TileWindow(s, kBlockU8, kBlockU8, kPixelBytes, false);
}

bool Supports(const ConvShape& s) {
  return HasWideGroups(s, kBlockU8) && TileWindow::Fits(s, kBlockU8, kPixelBytes) &&
         ActiveTiles(CpuFeature::kAmxInt8) != TileMode::kOff;
}

int64_t Units(const ConvShape& whole) {
  const ConvShape s = RowOfImages(whole);
  return s.n * WindowOf(s).units().count();
}

size_t ScratchBytes(const ConvShape& whole) {
  constexpr int64_t kBiasAndScale = 8;
  const ConvShape s = RowOfImages(whole);
  return TileScratch(WindowOf(s), kPixelBytes, kBlockU8 * kBiasAndScale).bytes();
}

Work WorkOf(const ConvShape& whole, int threads) {
  const ConvShape s = RowOfImages(whole);
  const TileWindow window = WindowOf(s);
  const int64_t blocks = TileBlocks(s);
  const auto weights = static_cast<size_t>(blocks * window.steps() * kTileStepBytes);
  const auto outputs = static_cast<double>(s.n * blocks * kTileChannels);
  // Of tiles, with those that are nobody's.
  const auto pixels = static_cast<double>(window.units().pixel_parts * window.MostTiles()) *
                      static_cast<double>(kTileRows);
  WorkStage stage = ConvTrafficOf(s, ElementType::kUInt8, ElementType::kUInt8, weights);
  stage.Add({.kind = WorkKind::kTile,
             .type = ElementType::kInt8,
             .family = InstructionFamily::kMatrix,
             .count = 2 * outputs * pixels * static_cast<double>(window.steps() * kBlockU8)});
  stage.Add({.kind = WorkKind::kTileEdge, .count = outputs * static_cast<double>(s.oh * s.ow)});
  Work work = SharedWork(stage, Units(whole), threads);
  work.weight_parts = s.n > 1 ? 1 : s.groups * window.units().block_parts;
  return work;
}

}  // namespace

ConvVariant TilesConvU8() {
  return {.id = "conv/tiles_u8",
          .input = kBlockedU8,
          .output = kBlockedU8,
          .weights = ElementType::kInt16,
          .supports = &Supports,
          .work = &WorkOf,
          .packed_format = &TileFormatU8,
          .packed_bytes = &TilePackedBytesU8,
          .pack = &TilePackU8,
          .units = &Units,
          .scratch_bytes = &ScratchBytes,
          .run = KINGLET_RESOLVE(GetRunTiles)()};
}

}  // namespace kinglet::kernels
#endif
