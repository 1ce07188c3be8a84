// conv/tiles_bf16 and conv/tiles_bf16_f32: convolutions of bfloat16 on matrix tiles, 1x1, kxk,
// strided, dilated and in wide groups by one loop; what is stored is bfloat16, or float32.
//
// A tile holds 16 pixels x 32 channels as they lie in memory. A rectifier or clip from 0 on is a
// clamp of the stored bits, whose order as integers is that of the floats: it makes a negative NaN
// 0 and another one the upper bound. Denormals count as zero.
#include <algorithm>
#include <cstring>

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
#include "kernels/conv/tile_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// Copies the window of a part of the map, pixels of 64 bytes.
void CopyWindow(const ConvShape& s, const TileWindow& window, const TileUnit& unit,
                const void* input, char* to) {
  const Range rows = window.PartOf(unit.part);
  const int64_t blocks = window.in_blocks();
  const int64_t plane = s.ih * s.iw * kPixelBytes;
  const char* from =
      static_cast<const char*>(input) + (unit.image * s.groups + unit.group) * blocks * plane;
  const int64_t block_bytes = window.BlockPixels(rows.end - rows.begin) * kPixelBytes;
  for (int64_t b = 0; b < blocks; ++b, from += plane, to += block_bytes) {
    window.ForPixels(rows, [&](int64_t at, int64_t y, int64_t x, int64_t count) {
      char* pixels = to + at * kPixelBytes;
      if (y < 0) {
        std::memset(pixels, 0, static_cast<size_t>(count * kPixelBytes));
      } else if (s.sw == 1) {
        std::memcpy(pixels, from + (y * s.iw + x) * kPixelBytes,
                    static_cast<size_t>(count * kPixelBytes));
      } else {
        for (int64_t i = 0; i < count; ++i) {
          std::memcpy(pixels + i * kPixelBytes, from + (y * s.iw + x + i * s.sw) * kPixelBytes,
                      kPixelBytes);
        }
      }
    });
  }
}

template <class Tiles, ElementType kOut>
class Runner {
 public:
  Runner(const ConvShape& s, const ConvArgs& args, void* scratch)
      : s_(s),
        args_(args),
        window_(s, kBlockBf16, kBlockBf16, kPixelBytes, false),
        layout_(window_, kPixelBytes),
        scratch_(scratch) {
    if (!args.again) TileScratch::Forget(scratch);
  }

  void Run(int64_t begin, int64_t end) {
    const int64_t ic = std::min(s_.ic / s_.groups, kBlockBf16);
    const int64_t pixels = s_.oh * s_.ow;
    tiles_.Configure(
        TileConfig(static_cast<int>((ic + 1) / 2 * 4),
                   static_cast<int>(window_.copies() ? kTileRows : std::min(pixels, kTileRows))));
    ForTileUnits(window_, begin, end, [&](const TileUnit& unit) HWY_ATTR { RunUnit(unit); });
    tiles_.Release();
  }

 private:
  void RunUnit(const TileUnit& unit) {
    const Range part = window_.PartOf(unit.part);
    if (!TileScratch::Holds(scratch_, unit)) Hold(unit, part);
    const int64_t group_blocks = window_.out_blocks();
    const int64_t first = unit.group * group_blocks + unit.blocks.begin;
    TileJob job;
    job.input = window_.copies() ? layout_.Pixels(scratch_) : InputOf(unit);
    job.step_offsets = layout_.Steps(scratch_);
    job.steps = window_.steps();
    job.tile_in = layout_.TileIn(scratch_);
    job.tile_out = layout_.TileOut(scratch_);
    job.tiles = window_.Tiles(part);
    job.weights = static_cast<const char*>(args_.packed) + first * job.steps * kTileStepBytes;
    job.out_blocks = unit.blocks.end - unit.blocks.begin;
    job.sums = layout_.Sums(scratch_);
    const int64_t pixel = window_.copies() ? part.begin * s_.ow : part.begin;
    const SumsBf16<Tiles, kOut> product(s_, args_, unit.image, first * kBlockBf16, job.out_blocks,
                                        pixel, reinterpret_cast<float*>(layout_.Bias(scratch_)));
    if (window_.copies()) {
      TileLoop<false, Tiles, SumsBf16<Tiles, kOut>>(tiles_, job, product).Run();
    } else {
      TileLoop<true, Tiles, SumsBf16<Tiles, kOut>>(tiles_, job, product).Run();
    }
  }

  const char* InputOf(const TileUnit& unit) const {
    const int64_t block = (unit.image * s_.groups + unit.group) * window_.in_blocks();
    return static_cast<const char*>(args_.input) + block * s_.ih * s_.iw * kPixelBytes;
  }

  void Hold(const TileUnit& unit, const Range& part) {
    const int64_t rows = part.end - part.begin;
    int64_t* steps = layout_.Steps(scratch_);
    for (int64_t block = 0; block < window_.in_blocks(); ++block) {
      for (int i = 0; i < s_.kh; ++i) {
        for (int j = 0; j < s_.kw; ++j) {
          const int64_t pixels =
              window_.copies() ? window_.StepPixels(rows, block, i, j) : block * s_.ih * s_.iw;
          *steps++ = pixels * kPixelBytes;
        }
      }
    }
    int64_t* tile_in = layout_.TileIn(scratch_);
    window_.FillTiles(part, tile_in, layout_.TileOut(scratch_));
    const int64_t tiles = window_.Tiles(part);
    for (int64_t t = 0; t < tiles; ++t) tile_in[t] *= kPixelBytes;
    if (window_.copies()) CopyWindow(s_, window_, unit, args_.input, layout_.Pixels(scratch_));
  }

  const ConvShape& s_;
  const ConvArgs& args_;
  const TileWindow window_;
  const TileScratch layout_;
  void* const scratch_;
  Tiles tiles_;
};

template <ElementType kOut>
void RunTiles(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
              void* scratch) noexcept {
#if HWY_TARGET == HWY_AVX3
  if (ActiveTiles(CpuFeature::kAmxBf16) == TileMode::kHardware) {
    Runner<HardwareTiles, kOut>(s, args, scratch).Run(begin, end);
    return;
  }
#endif
  Runner<EmulatedTiles, kOut>(s, args, scratch).Run(begin, end);
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
