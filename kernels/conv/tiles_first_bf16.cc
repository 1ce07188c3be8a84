// conv/tiles_first_bf16: the first layer on matrix tiles, from planes of at most four float32
// channels to blocks of bfloat16.
//
// The rows that a strip of outputs needs are copied as pixels of four bfloat16, zeros where there
// is no channel and around the picture. The inputs of a kernel row are then up to 8 x 4 consecutive
// values, and those of the next output pixel lie a stride of pixels further: tile loads read them
// as they lie, a step for each kernel row, and K is as many values as the kernel row has. What
// kernels/ conv/tiles_bf16.cc says of clamps and denormals counts here too.
#include <algorithm>
#include <cstring>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
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
#include "kernels/conv/first_window.h"
#include "kernels/conv/sums_bf16-inl.h"
#include "kernels/conv/tile_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// `count` neighbours of four planes, of which `channels` are there, as pixels of four bfloat16.
void Interleave(const float* planes, int64_t plane, int64_t channels, int64_t count, uint16_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
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
      for (int64_t c = 0; c < kFirstChannels; ++c) to[(i + k) * kFirstChannels + c] = narrow[c][k];
    }
  }
}

template <class Tiles>
class Runner {
 public:
  Runner(const ConvShape& s, const ConvArgs& args, void* scratch)
      : s_(s), args_(args), window_(s), scratch_(static_cast<char*>(scratch)) {}

  void Run(int64_t begin, int64_t end) {
    tiles_.Configure(TileConfig(static_cast<int>(s_.kw * kFirstPixelBytes)));
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t image = unit / window_.parts;
      const Range rows = EvenPart(s_.oh, window_.parts, unit % window_.parts);
      Copy(image, rows);
      Multiply(image, rows);
    }
    tiles_.Release();
  }

 private:
  void Copy(int64_t image, const Range& rows) {
    const int64_t plane = s_.ih * s_.iw;
    const float* planes = static_cast<const float*>(args_.input) + image * s_.ic * plane;
    const int64_t count = window_.Rows(rows.end - rows.begin);
    const int64_t left = std::clamp<int64_t>(s_.pad_left, 0, window_.pitch);
    const int64_t skipped = std::max<int64_t>(-s_.pad_left, 0);
    const int64_t inside = std::clamp<int64_t>(s_.iw - skipped, 0, window_.pitch - left);
    char* to = scratch_ + window_.pixels_at;
    for (int64_t r = 0; r < count; ++r, to += window_.pitch * kFirstPixelBytes) {
      const int64_t y = rows.begin * s_.sh - s_.pad_top + r;
      if (y < 0 || y >= s_.ih) {
        std::memset(to, 0, static_cast<size_t>(window_.pitch * kFirstPixelBytes));
        continue;
      }
      std::memset(to, 0, static_cast<size_t>(left * kFirstPixelBytes));
      Interleave(planes + y * s_.iw + skipped, plane, s_.ic, inside,
                 reinterpret_cast<uint16_t*>(to + left * kFirstPixelBytes));
      std::memset(to + (left + inside) * kFirstPixelBytes, 0,
                  static_cast<size_t>((window_.pitch - left - inside) * kFirstPixelBytes));
    }
    // What tiles read behind the last row.
    std::memset(to, 0, static_cast<size_t>(window_.slack_bytes));
  }

  void Multiply(int64_t image, const Range& rows) {
    auto* steps = reinterpret_cast<int64_t*>(scratch_ + window_.steps_at);
    for (int64_t i = 0; i < s_.kh; ++i) steps[i] = i * s_.dh * window_.pitch * kFirstPixelBytes;
    auto* tile_in = reinterpret_cast<int64_t*>(scratch_ + window_.tile_in_at);
    auto* tile_out = reinterpret_cast<int32_t*>(scratch_ + window_.tile_out_at);
    int64_t tiles = 0;
    for (int64_t y = 0; y < rows.end - rows.begin; ++y) {
      for (int64_t x = 0; x < s_.ow; x += kTileRows, ++tiles) {
        tile_in[tiles] = (y * s_.sh * window_.pitch + x * s_.sw) * kFirstPixelBytes;
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
    job.pixel_stride = s_.sw * kFirstPixelBytes;
    job.tile_in = tile_in;
    job.tile_out = tile_out;
    job.tiles = tiles;
    job.weights = static_cast<const char*>(args_.packed);
    job.out_blocks = BlockCount(s_.oc, kBlockBf16);
    job.sums = scratch_;
    using Sums = SumsBf16<Tiles, ElementType::kBFloat16>;
    const Sums product(s_, args_, image, 0, job.out_blocks, rows.begin * s_.ow,
                       reinterpret_cast<float*>(scratch_ + window_.bias_at));
    TileLoop<true, Tiles, Sums>(tiles_, job, product).Run();
  }

  const ConvShape& s_;
  const ConvArgs& args_;
  const FirstWindow window_;
  char* const scratch_;
  Tiles tiles_;
};

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

bool Supports(const ConvShape& s) {
  constexpr int kMostColumns = 8;
  return s.groups == 1 && s.ic <= kFirstChannels && s.kw <= kMostColumns && s.dw == 1 &&
         ActiveTiles(CpuFeature::kAmxBf16) != TileMode::kOff;
}

int64_t Units(const ConvShape& s) { return s.n * FirstWindow(s).parts; }

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
        const InStep at = PlaceInStep(i);
        const int64_t channel = at.in % kFirstChannels;
        const int64_t column = at.in / kFirstChannels;
        const bool there = o + at.out < s.oc && channel < s.ic && column < s.kw;
        const int64_t from = (((o + at.out) * s.ic + channel) * s.kh + row) * s.kw + column;
        *to++ = there ? ToBFloat16(weights[from]) : BFloat16{0};
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
          .scratch_bytes = [](const ConvShape& s) { return FirstWindow(s).scratch_bytes; },
          .run = KINGLET_RESOLVE(GetRunTilesFirst)()};
}

}  // namespace kinglet::kernels
#endif
