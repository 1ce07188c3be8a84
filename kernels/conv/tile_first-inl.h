// Units of a first layer on matrix tiles, from planes of at most four channels.
//
// The rows that a strip of outputs needs are copied as pixels of four channels, borders around the
// picture. The inputs of a kernel row are then consecutive values, and those of the next output
// pixel lie a stride of pixels further: tile loads read them as they lie, a step for each kernel
// row, and K is as many values as the kernel row has. Include kernels/common/dispatch.h first.
#if defined(KINGLET_CONV_TILE_FIRST_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_CONV_TILE_FIRST_INL_H_
#undef KINGLET_CONV_TILE_FIRST_INL_H_
#else
#define KINGLET_CONV_TILE_FIRST_INL_H_
#endif

#include <algorithm>
#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/conv/first_window.h"
#include "kernels/conv/tile_job.h"
#include "kernels/conv/tile_loop-inl.h"
#include "kernels/tiles/tile.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

// `Sums` as in kernels/conv/tile_runner-inl.h. Pixels::Interleave(planes, plane, channels, count,
// to) writes `count` neighbours of planes that lie `plane` elements of Pixels::Input apart as
// pixels of four channels, zeros where there is no channel.
template <class Tiles, class Sums, class Pixels>
class TileFirstRunner {
 public:
  TileFirstRunner(const ConvShape& s, const ConvArgs& args, void* scratch)
      : s_(s),
        args_(args),
        window_(s, kPixel, Sums::kChannelBytes),
        scratch_(static_cast<char*>(scratch)) {}

  void Run(int64_t begin, int64_t end) {
    tiles_.Configure(TileConfig(static_cast<int>(s_.kw * kPixel)));
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t image = unit / window_.parts;
      const Range rows = EvenPart(s_.oh, window_.parts, unit % window_.parts);
      Copy(image, rows);
      Multiply(image, rows);
    }
    tiles_.Release();
  }

 private:
  static constexpr int64_t kPixel = kFirstChannels * kPixelBytes / Sums::kBlock;

  void Copy(int64_t image, const Range& rows) {
    using Input = typename Pixels::Input;
    const int64_t plane = s_.ih * s_.iw;
    const Input* planes = static_cast<const Input*>(args_.input) + image * s_.ic * plane;
    const int64_t count = window_.Rows(rows.end - rows.begin);
    const int64_t left = std::clamp<int64_t>(s_.pad_left, 0, window_.pitch);
    const int64_t skipped = std::max<int64_t>(-s_.pad_left, 0);
    const int64_t inside = std::clamp<int64_t>(s_.iw - skipped, 0, window_.pitch - left);
    char* to = scratch_ + window_.pixels_at;
    for (int64_t r = 0; r < count; ++r, to += window_.pitch * kPixel) {
      const int64_t y = rows.begin * s_.sh - s_.pad_top + r;
      if (y < 0 || y >= s_.ih) {
        Frame(to, window_.pitch);
        continue;
      }
      Frame(to, left);
      Pixels::Interleave(planes + y * s_.iw + skipped, plane, s_.ic, inside, to + left * kPixel);
      Frame(to + (left + inside) * kPixel, window_.pitch - left - inside);
    }
    // What tiles read behind the last row.
    std::memset(to, 0, static_cast<size_t>(window_.slack_bytes));
  }

  void Frame(char* to, int64_t pixels) const {
    std::memset(to, Sums::Border(args_), static_cast<size_t>(pixels * kPixel));
  }

  void Multiply(int64_t image, const Range& rows) {
    auto* steps = reinterpret_cast<int64_t*>(scratch_ + window_.steps_at);
    for (int64_t i = 0; i < s_.kh; ++i) steps[i] = i * s_.dh * window_.pitch * kPixel;
    auto* tile_in = reinterpret_cast<int64_t*>(scratch_ + window_.tile_in_at);
    auto* tile_out = reinterpret_cast<int32_t*>(scratch_ + window_.tile_out_at);
    int64_t tiles = 0;
    for (int64_t y = 0; y < rows.end - rows.begin; ++y) {
      for (int64_t x = 0; x < s_.ow; x += kTileRows, ++tiles) {
        tile_in[tiles] = (y * s_.sh * window_.pitch + x * s_.sw) * kPixel;
        for (int64_t i = 0; i < kTileRows; ++i) {
          tile_out[tiles * kTileRows + i] =
              x + i < s_.ow ? static_cast<int32_t>(y * s_.ow + x + i) : -1;
        }
      }
    }
    TileJob job;
    job.input = scratch_ + window_.pixels_at;
    job.step_offsets = steps;
    job.steps = s_.kh;
    job.pixel_stride = s_.sw * kPixel;
    job.tile_in = tile_in;
    job.tile_out = tile_out;
    job.tiles = tiles;
    job.out_blocks = BlockCount(s_.oc, kTileChannels);
    job.sums = scratch_;
    Sums::AddWeights(s_, args_, job.steps, 0, job);
    const TilePlace place{
        .image = image, .first = 0, .blocks = job.out_blocks, .pixel = rows.begin * s_.ow};
    const Sums sums(s_, args_, place, job, scratch_ + window_.channels_at);
    TileLoop<true, Tiles, Sums>(tiles_, job, sums).Run();
  }

  const ConvShape& s_;
  const ConvArgs& args_;
  const FirstWindow window_;
  char* const scratch_;
  Tiles tiles_;
};

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_CONV_TILE_FIRST_INL_H_
