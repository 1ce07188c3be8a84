// conv/tiles_bf16 and conv/tiles_bf16_f32: convolutions of bfloat16 on matrix tiles, 1x1, kxk,
// strided, dilated and in wide groups by one loop; what is stored is bfloat16, or float32.
//
// A tile holds 16 pixels x 32 channels as they lie in memory. A rectifier or clip from 0 on is a
// clamp of the stored bits, whose order as integers is that of the floats: it makes a negative NaN
// 0 and another one the upper bound. Denormals count as zero.
#include "kernels/common/blocked.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/tile_scratch.h"
#include "kernels/conv/tile_window.h"
#include "kernels/conv/variants.h"
#include "kernels/conv/weights_bf16.h"
#include "kernels/tiles/mode.h"
#include "kernels/tiles/tile.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/tiles_bf16.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/conv/sums_bf16-inl.h"
#include "kernels/conv/tile_runner-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

template <ElementType kOut>
void RunTiles(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
              void* scratch) noexcept {
#if HWY_TARGET == HWY_AVX3
  if (ActiveTiles(CpuFeature::kAmxBf16) == TileMode::kHardware) {
    TileRunner<HardwareTiles, SumsBf16<HardwareTiles, kOut>>(s, args, scratch).Run(begin, end);
    return;
  }
#endif
  TileRunner<EmulatedTiles, SumsBf16<EmulatedTiles, kOut>>(s, args, scratch).Run(begin, end);
}

ConvRunFn GetRunTiles(ElementType output) {
  return output == ElementType::kBFloat16 ? &RunTiles<ElementType::kBFloat16>
                                          : &RunTiles<ElementType::kFloat32>;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(TilesBf16);
HWY_EXPORT(GetRunTiles);

namespace {

bool Supports(const ConvShape& s) {
  return HasWideGroups(s, kBlockBf16) && ActiveTiles(CpuFeature::kAmxBf16) != TileMode::kOff;
}

TileWindow WindowOf(const ConvShape& s) {
  return TileWindow(s, kBlockBf16, kBlockBf16, kPixelBytes, false);
}

int64_t Units(const ConvShape& s) { return s.n * WindowOf(s).units().count(); }

size_t ScratchBytes(const ConvShape& s) { return TileScratch(WindowOf(s), kPixelBytes).bytes(); }

template <ElementType kOut>
Work WorkOf(const ConvShape& s, int threads) {
  const TileWindow window = WindowOf(s);
  const double blocks = static_cast<double>(s.groups * window.out_blocks());
  const double outputs = static_cast<double>(s.n * s.oh * s.ow) * blocks * kBlockBf16;
  WorkStage stage = ConvTrafficOf(s, ElementType::kBFloat16, kOut, PackedBytesBf16(s));
  stage.Add({.kind = WorkKind::kTile,
             .type = ElementType::kBFloat16,
             .family = InstructionFamily::kMatrix,
             .count = 2 * outputs * static_cast<double>(window.steps()) * kBlockBf16});
  Work work = SharedWork(stage, Units(s), threads);
  work.weight_parts = s.n > 1 ? 1 : s.groups * window.units().block_parts;
  return work;
}

template <ElementType kOut>
ConvVariant Variant(const char* id) {
  return {.id = id,
          .input = kBlockedBF16,
          .output = {kOut, Layout::kBlocked},
          .supports = &Supports,
          .work = &WorkOf<kOut>,
          .packed_format = &FormatBf16,
          .packed_bytes = &PackedBytesBf16,
          .pack = &PackBf16,
          .units = &Units,
          .scratch_bytes = &ScratchBytes,
          .run = KINGLET_RESOLVE(GetRunTiles)(kOut)};
}

}  // namespace

ConvVariant TilesConvBf16() { return Variant<ElementType::kBFloat16>("conv/tiles_bf16"); }
ConvVariant TilesConvBf16F32() { return Variant<ElementType::kFloat32>("conv/tiles_bf16_f32"); }

}  // namespace kinglet::kernels
#endif
