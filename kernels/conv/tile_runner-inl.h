// Units of a convolution on matrix tiles whose inputs are pixels of 64 bytes, whatever their type
// (kernels/conv/tile_window.h, kernels/conv/tile_loop-inl.h). Include kernels/common/dispatch.h
// first.
#if defined(KINGLET_CONV_TILE_RUNNER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_CONV_TILE_RUNNER_INL_H_
#undef KINGLET_CONV_TILE_RUNNER_INL_H_
#else
#define KINGLET_CONV_TILE_RUNNER_INL_H_
#endif

#include <algorithm>
#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/tile_job.h"
#include "kernels/conv/tile_loop-inl.h"
#include "kernels/conv/tile_scratch.h"
#include "kernels/conv/tile_window.h"
#include "kernels/tiles/tile.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

// Copies the window of a part of the map, bytes of `border` around the input.
inline void CopyTileWindow(const ConvShape& s, const TileWindow& window, const TileUnit& unit,
                           const void* input, int border, char* to) {
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
        std::memset(pixels, border, static_cast<size_t>(count * kPixelBytes));
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

// `Sums` multiplies and finishes (TileLoop), and says what differs between types:
//   kBlock           channels of an input pixel, and those of the outputs that units share
//   kChannelBytes    what it keeps for each output channel
//   kTakesRows       whether it takes rows of images (kernels/conv/tile_window.h)
//   Border(args)     the bytes around the input
//   AddWeights(s, args, steps, block, job)
//                    points the job at those of the outputs from block `block` of 32 on
//   Sums(s, args, place, job, channels)
template <class Tiles, class Sums>
class TileRunner {
 public:
  TileRunner(const ConvShape& s, const ConvArgs& args, void* scratch)
      : row_of_images_(Sums::kTakesRows && IsRowOfImages(s)),
        s_(row_of_images_ ? RowOfImages(s) : s),
        args_(args),
        window_(s_, Sums::kBlock, Sums::kBlock, kPixelBytes, false),
        layout_(window_, kPixelBytes, Sums::kBlock * Sums::kChannelBytes),
        scratch_(scratch) {
    if (!args.again) TileScratch::Forget(scratch);
  }

  void Run(int64_t begin, int64_t end) {
    constexpr int64_t kElementBytes = kPixelBytes / Sums::kBlock;
    const int64_t ic = std::min(s_.ic / s_.groups, Sums::kBlock);
    const int64_t pixels = s_.oh * s_.ow;
    tiles_.Configure(
        TileConfig(static_cast<int>(CeilDiv(ic * kElementBytes, 4) * 4),
                   static_cast<int>(window_.copies() ? kTileRows : std::min(pixels, kTileRows))));
    ForTileUnits(window_, begin, end, [&](const TileUnit& unit) HWY_ATTR { RunUnit(unit); });
    tiles_.Release();
  }

 private:
  void RunUnit(const TileUnit& unit) {
    constexpr int64_t kHalves = Sums::kBlock / kTileChannels;
    const Range part = window_.PartOf(unit.part);
    if (!TileScratch::Holds(scratch_, unit)) Hold(unit, part);
    const int64_t group_blocks = BlockCount(s_.oc / s_.groups, kTileChannels);
    const int64_t first = unit.blocks.begin * kHalves;
    const int64_t block = unit.group * group_blocks + first;
    TileJob job;
    job.input = window_.copies() ? layout_.Pixels(scratch_) : InputOf(unit);
    job.step_offsets = layout_.Steps(scratch_);
    job.steps = window_.steps();
    job.pixel_stride = PixelStride();
    job.tile_in = layout_.TileIn(scratch_);
    job.tile_out = layout_.TileOut(scratch_);
    job.tiles = window_.Tiles(part);
    job.out_blocks = std::min(unit.blocks.end * kHalves, group_blocks) - first;
    job.sums = layout_.Sums(scratch_);
    Sums::AddWeights(s_, args_, job.steps, block, job);
    const TilePlace place{.image = unit.image,
                          .first = block * kTileChannels,
                          .blocks = job.out_blocks,
                          .pixel = window_.copies() ? part.begin * s_.ow : part.begin,
                          .row_of_images = row_of_images_};
    const Sums sums(s_, args_, place, job, layout_.Channels(scratch_));
    if (window_.copies()) {
      TileLoop<false, Tiles, Sums>(tiles_, job, sums).Run();
    } else {
      TileLoop<true, Tiles, Sums>(tiles_, job, sums).Run();
    }
  }

  // Bytes from one input pixel to the next.
  int64_t PixelStride() const {
    return row_of_images_ ? window_.in_blocks() * kPixelBytes : kPixelBytes;
  }

  const char* InputOf(const TileUnit& unit) const {
    const int64_t block = (unit.image * s_.groups + unit.group) * window_.in_blocks();
    return static_cast<const char*>(args_.input) + block * s_.ih * s_.iw * kPixelBytes;
  }

  void Hold(const TileUnit& unit, const Range& part) {
    const int64_t rows = part.end - part.begin;
    const int64_t plane = row_of_images_ ? 1 : s_.ih * s_.iw;
    int64_t* steps = layout_.Steps(scratch_);
    for (int64_t block = 0; block < window_.in_blocks(); ++block) {
      for (int i = 0; i < s_.kh; ++i) {
        for (int j = 0; j < s_.kw; ++j) {
          const int64_t pixels =
              window_.copies() ? window_.StepPixels(rows, block, i, j) : block * plane;
          *steps++ = pixels * kPixelBytes;
        }
      }
    }
    int64_t* tile_in = layout_.TileIn(scratch_);
    window_.FillTiles(part, tile_in, layout_.TileOut(scratch_));
    const int64_t tiles = window_.Tiles(part);
    for (int64_t t = 0; t < tiles; ++t) tile_in[t] *= PixelStride();
    if (!window_.copies()) return;
    CopyTileWindow(s_, window_, unit, args_.input, Sums::Border(args_), layout_.Pixels(scratch_));
  }

  const bool row_of_images_;
  const ConvShape s_;
  const ConvArgs& args_;
  const TileWindow window_;
  const TileScratch layout_;
  void* const scratch_;
  Tiles tiles_;
};

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_CONV_TILE_RUNNER_INL_H_
