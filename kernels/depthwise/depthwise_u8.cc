// conv/depthwise_u8: a filter of its own for each channel (groups = ic = oc), codes in and out.
//
// Kernels of 3 and 5 columns without dilation: of two neighbouring input rows the values of a
// channel are brought side by side, as pairs of int16, and multiplied with pairs of weights; tiles
// of neighbouring output pixels share them. The values are codes with their zero point, whose
// product with all weights the sums begin without; so windows that leave the input read the zero
// point from copies beside it. All other kernels are computed tap by tap.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/dot_conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise/depthwise_u8.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/unroll.h"
#include "kernels/conv/requantise-inl.h"
#include "kernels/depthwise/codes.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kCodes = kPixelBytes;  // channels of a block
using Tag = hn::CappedTag<int32_t, 16>;
using FloatTag = hn::Rebind<float, Tag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));

// What a unit knows of its channels.
struct Block {
  const uint8_t* in;       // the plane
  const int16_t* weights;  // [tap][64]
  const int16_t* tile_weights;
  const int32_t* weight_sums;
  std::array<int32_t, kCodes> bias;
  std::array<float, kCodes> scales;
  int64_t valid;  // channels
  bool plain;     // the epilogue is a multiplication by finite scales
};

// Stores the codes of 64 sums.
void StorePixel(const Block& b, const Epilogue& e, const uint32_t* sums, uint8_t* out) {
  const Tag d;
  const FloatTag df;
  const CodeBounds bounds(e);
  for (int64_t c = 0; c < kCodes; c += kLanes) {
    const auto acc = hn::BitCast(d, hn::LoadU(hn::RebindToUnsigned<Tag>(), sums + c));
    const auto scale = hn::LoadU(df, b.scales.data() + c);
    if (b.plain) {
      StoreCodes(d, acc, scale, bounds, out + c);
    } else {
      StoreAnyCodes(d, acc, scale, e, out + c);
    }
  }
}

// An output row, tap by tap.
void AnyRow(const ConvShape& s, const ConvArgs& args, const Block& b, int64_t y, uint8_t* out) {
  const auto zero = static_cast<uint32_t>(args.input_zero_point);
  for (int64_t x = 0; x < s.ow; ++x) {
    alignas(64) uint32_t sums[kCodes];
    for (size_t c = 0; c < kCodes; ++c) sums[c] = static_cast<uint32_t>(b.bias[c]);
    for (int64_t i = 0; i < s.kh; ++i) {
      const int64_t iy = y * s.sh - s.pad_top + i * s.dh;
      if (iy < 0 || iy >= s.ih) continue;
      for (int64_t j = 0; j < s.kw; ++j) {
        const int64_t ix = x * s.sw - s.pad_left + j * s.dw;
        if (ix < 0 || ix >= s.iw) continue;
        const uint8_t* in = b.in + (iy * s.iw + ix) * kCodes;
        const int16_t* w = b.weights + (i * s.kw + j) * kCodes;
        for (int64_t c = 0; c < kCodes; ++c) {
          sums[c] += (in[c] - zero) * static_cast<uint32_t>(int32_t{w[c]});
        }
      }
    }
    StorePixel(b, args.epilogue, sums, out + x * kCodes);
  }
}

#if HWY_TARGET == HWY_SCALAR

constexpr bool kComputesTiles = false;
void TiledRows(const ConvShape&, const ConvArgs&, const Block&, const Range&, uint8_t*) {}

#else

constexpr bool kComputesTiles = true;
using WideTag = hn::CappedTag<int16_t, 16>;
using PairTag = hn::Repartition<int32_t, WideTag>;
using Pairs = hn::Vec<PairTag>;
// Channels that a tile computes at a time.
constexpr int64_t kGroup = static_cast<int64_t>(hn::MaxLanes(WideTag()));
constexpr int64_t kGroups = kCodes / kGroup;

constexpr int64_t kMaxPairs = (kMaxTileKernel + 1) / 2;
#if HWY_TARGET == HWY_AVX3
constexpr int kMaxPixels = 12;
#elif HWY_TARGET == HWY_AVX2
constexpr int kMaxPixels = 6;
#else
constexpr int kMaxPixels = 4;
#endif
constexpr int64_t kMaxColumns = (kMaxPixels - 1) * 2 + kMaxTileKernel;

struct Tiles {
  const int16_t* weights;            // as TileWeights has them
  alignas(64) int32_t bias[kCodes];  // in their order, without the zero point of the input
  alignas(64) float scales[kCodes];
  int64_t pairs;
  int64_t groups;  // with channels in them
};

void FillTiles(const ConvShape& s, const ConvArgs& args, const Block& b, Tiles& t) {
  const auto zero = static_cast<uint32_t>(args.input_zero_point);
  t.weights = b.tile_weights;
  t.pairs = TileRowPairs(s);
  t.groups = CeilDiv(b.valid, kGroup);
  for (int64_t c = 0; c < kCodes; ++c) {
    const auto at = static_cast<size_t>(c);
    const int64_t place = c / 16 * 16 + PlaceOf(c % 16);
    t.bias[place] = static_cast<int32_t>(static_cast<uint32_t>(b.bias[at]) -
                                         static_cast<uint32_t>(b.weight_sums[at]) * zero);
    t.scales[place] = b.scales[at];
  }
}

// The rows of a window from its first column on, an even number of them.
using Rows = std::array<const uint8_t*, 2 * kMaxPairs>;

// R pixels side by side at `out`.
template <int KW, int SW, int R>
HWY_NOINLINE void RunTile(const Tiles& t, const Rows& rows, const CodeBounds& bounds,
                          uint8_t* out) {
  const WideTag d;
  const PairTag dp;
  const hn::Rebind<uint8_t, WideTag> d8;
  const hn::Rebind<float, PairTag> df;
  const int64_t pairs = t.pairs;
  const int64_t groups = t.groups;
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t first = group * kGroup / 16 * 16 + group * kGroup % 16 / 2;  // its place
    const int32_t* bias = t.bias + first;
    const int16_t* w = t.weights + group * kGroup / 16 * pairs * KW * 32 + group * kGroup % 16;
    Pairs acc[R][2];
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      acc[r][0] = hn::Load(dp, bias);
      acc[r][1] = hn::Load(dp, bias + 8);
    }
    for (int64_t p = 0; p < pairs; ++p, w += KW * 32) {
      const uint8_t* top = rows[static_cast<size_t>(2 * p)] + group * kGroup;
      const uint8_t* bottom = rows[static_cast<size_t>(2 * p + 1)] + group * kGroup;
      constexpr int kColumns = (R - 1) * SW + KW;
      KINGLET_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        const auto a = hn::PromoteTo(d, hn::LoadU(d8, top + c * kCodes));
        const auto b = hn::PromoteTo(d, hn::LoadU(d8, bottom + c * kCodes));
        const Pairs lower = hn::BitCast(dp, hn::InterleaveLower(d, a, b));
        const Pairs upper = hn::BitCast(dp, hn::InterleaveUpper(d, a, b));
        KINGLET_UNROLL
        for (int j = 0; j < KW; ++j) {
          const int r = (c - j) / SW;
          if ((c - j) % SW != 0 || c < j || r >= R) continue;
          const int16_t* at = w + j * 32;
          acc[r][0] = AddPairs(dp, lower, hn::BitCast(dp, hn::Load(d, at)), acc[r][0]);
          acc[r][1] = AddPairs(dp, upper, hn::BitCast(dp, hn::Load(d, at + 16)), acc[r][1]);
        }
      }
    }
    const auto low_scales = hn::Load(df, t.scales + first);
    const auto high_scales = hn::Load(df, t.scales + first + 8);
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      const auto codes = hn::ReorderDemote2To(d, CodesOfSums(dp, acc[r][0], low_scales, bounds),
                                              CodesOfSums(dp, acc[r][1], high_scales, bounds));
      hn::StoreU(hn::DemoteTo(d8, codes), d8, out + r * kCodes + group * kGroup);
    }
  }
}

using TileFn = void (*)(const Tiles&, const Rows&, const CodeBounds&, uint8_t*);

template <int KW, int SW, int R>
TileFn TileOfWidth(int64_t width) {
  if constexpr (R == 1) {
    return &RunTile<KW, SW, 1>;
  } else {
    return width == R ? &RunTile<KW, SW, R> : TileOfWidth<KW, SW, R - 1>(width);
  }
}

TileFn TileOf(const ConvShape& s, int64_t width) {
  if (s.kw == 3 && s.sw == 1) return TileOfWidth<3, 1, kMaxPixels>(width);
  if (s.kw == 3 && s.sw == 2) return TileOfWidth<3, 2, kMaxPixels>(width);
  if (s.kw == 5 && s.sw == 1) return TileOfWidth<5, 1, kMaxPixels>(width);
  return TileOfWidth<5, 2, kMaxPixels>(width);
}

// Rows of a window that leaves the input: copies, with the zero point around.
class Window {
 public:
  Window(const ConvShape& s, const ConvArgs& args) : s_(s), zero_(args.input_zero_point) {
    std::memset(outside_, zero_, sizeof(outside_));
  }

  // `columns` columns from x on of the rows from y on.
  void Find(const uint8_t* in, int64_t y, int64_t x, int64_t columns, Rows& rows) {
    const bool inside = x >= 0 && x + columns <= s_.iw;
    const int64_t left = std::clamp<int64_t>(-x, 0, columns);
    const int64_t right = std::clamp<int64_t>(s_.iw - x, left, columns);
    for (size_t i = 0; i < rows.size(); ++i) {
      const int64_t row = y + static_cast<int64_t>(i);
      if (row < 0 || row >= s_.ih || static_cast<int>(i) >= s_.kh || left == right) {
        rows[i] = outside_;
      } else if (inside) {
        rows[i] = in + (row * s_.iw + x) * kCodes;
      } else {
        uint8_t* to = copies_[i];
        std::memset(to, zero_, static_cast<size_t>(left * kCodes));
        std::memcpy(to + left * kCodes, in + (row * s_.iw + x + left) * kCodes,
                    static_cast<size_t>((right - left) * kCodes));
        std::memset(to + right * kCodes, zero_, static_cast<size_t>((columns - right) * kCodes));
        rows[i] = to;
      }
    }
  }

 private:
  const ConvShape& s_;
  const int zero_;
  alignas(64) uint8_t outside_[kMaxColumns * kCodes];
  alignas(64) uint8_t copies_[2 * kMaxPairs][kMaxColumns * kCodes];
};

void TiledRows(const ConvShape& s, const ConvArgs& args, const Block& b, const Range& range,
               uint8_t* out) {
  Tiles tiles;
  FillTiles(s, args, b, tiles);
  Window window(s, args);
  const CodeBounds bounds(args.epilogue);
  const int64_t count = CeilDiv(s.ow, kMaxPixels);
  const int64_t width = s.ow / count;
  const int64_t wider = s.ow % count;
  const TileFn tile = TileOf(s, width);
  const TileFn wider_tile = wider > 0 ? TileOf(s, width + 1) : nullptr;
  Rows rows;
  for (int64_t y = range.begin; y < range.end; ++y) {
    int64_t x = 0;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t pixels = width + (i < wider ? 1 : 0);
      window.Find(b.in, y * s.sh - s.pad_top, x * s.sw - s.pad_left, (pixels - 1) * s.sw + s.kw,
                  rows);
      (i < wider ? wider_tile : tile)(tiles, rows, bounds, out);
      out += pixels * kCodes;
      x += pixels;
    }
  }
}

#endif

void RunUnit(const ConvShape& s, const ConvArgs& args, int64_t unit) {
  const int64_t parts = CodeRowParts(s);
  const int64_t plane = unit / parts;
  const int64_t blocks = BlockCount(s.ic, kCodes);
  const int64_t block = plane % blocks;
  const Range rows = EvenPart(s.oh, parts, unit % parts);
  const Requantisation& r = args.epilogue.requantisation;
  Block b;
  b.in = static_cast<const uint8_t*>(args.input) + plane * s.ih * s.iw * kCodes;
  const auto* packed = static_cast<const std::byte*>(args.packed) + block * PackedBlockBytes(s);
  b.weights = reinterpret_cast<const int16_t*>(packed);
  b.tile_weights = b.weights + s.kh * s.kw * kCodes;
  b.weight_sums = reinterpret_cast<const int32_t*>(packed + PackedBlockBytes(s)) - kCodes;
  b.valid = std::min(kCodes, s.ic - block * kCodes);
  b.bias.fill(0);
  b.scales.fill(0);
  b.plain = args.epilogue.activation == Activation::kNone;
  for (int64_t c = 0; c < b.valid; ++c) {
    const auto at = static_cast<size_t>(c);
    if (args.integer_bias != nullptr) b.bias[at] = args.integer_bias[block * kCodes + c];
    b.scales[at] = r.scales != nullptr ? r.scales[block * kCodes + c] : r.scale;
    b.plain = b.plain && std::isfinite(b.scales[at]);
  }
  const int64_t out_plane = s.oh * s.ow * kCodes;
  const int64_t image = args.output_stride != 0 ? args.output_stride : blocks * out_plane;
  uint8_t* out = static_cast<uint8_t*>(args.output) + plane / blocks * image + block * out_plane +
                 rows.begin * s.ow * kCodes;
  if (kComputesTiles && b.plain && HasTiles(s)) {
    TiledRows(s, args, b, rows, out);
  } else {
    for (int64_t y = rows.begin; y < rows.end; ++y) {
      AnyRow(s, args, b, y, out + (y - rows.begin) * s.ow * kCodes);
    }
  }
  if (b.valid == kCodes) return;
  for (int64_t p = 0; p < (rows.end - rows.begin) * s.ow; ++p) {
    std::memset(out + p * kCodes + b.valid, 0, static_cast<size_t>(kCodes - b.valid));
  }
}

void RunDepthwise(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                  void*) noexcept {
  for (int64_t unit = begin; unit < end; ++unit) RunUnit(s, args, unit);
}

}  // namespace

ConvRunFn GetRunDepthwiseU8() { return &RunDepthwise; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(DepthwiseU8);

namespace {

HWY_EXPORT(GetRunDepthwiseU8);

Work WorkOf(const ConvShape& s, int threads) {
  const WorkKind kind = s.sw == 1 ? WorkKind::kDepthwise : WorkKind::kDepthwiseStrided;
  const double pixels = static_cast<double>(s.n) * static_cast<double>(s.oh * s.ow);
  WorkStage stage = CodeTraffic(s, 2);
  stage.Add({.kind = kind,
             .type = ElementType::kInt16,
             .count = 2 * pixels * static_cast<double>(RoundUpToBlock(s.oc)) * s.kh * s.kw});
  return SharedWork(stage, CodeDepthwiseUnits(s), threads);
}

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(BlockCount(s.ic, kPixelBytes) * PackedBlockBytes(s));
}

// Of a block of 64 channels: [tap][64], and where there are tiles
// [16 channels][pair of rows][column][place of the channel][row of the pair].
void Pack(const ConvShape& s, const void* oihw, void* packed) {
  const auto* from = static_cast<const int16_t*>(oihw);
  auto* to = static_cast<std::byte*>(packed);
  const int64_t taps = int64_t{s.kh} * s.kw;
  std::memset(packed, 0, PackedBytes(s));
  for (int64_t channel = 0; channel < s.ic; ++channel) {
    std::byte* block = to + channel / kPixelBytes * PackedBlockBytes(s);
    auto* plain = reinterpret_cast<int16_t*>(block);
    int16_t* tiles = plain + taps * kPixelBytes;
    const int64_t c = channel % kPixelBytes;
    uint32_t sum = 0;
    for (int64_t i = 0; i < s.kh; ++i) {
      for (int64_t j = 0; j < s.kw; ++j) {
        const int16_t w = from[channel * taps + i * s.kw + j];
        plain[(i * s.kw + j) * kPixelBytes + c] = w;
        sum += static_cast<uint32_t>(int32_t{w});
        if (!HasTiles(s)) continue;
        const int64_t column = (c / 16 * TileRowPairs(s) + i / 2) * s.kw + j;
        tiles[(column * 16 + PlaceOf(c % 16)) * 2 + i % 2] = w;
      }
    }
    if (HasTiles(s)) {
      auto* sums = reinterpret_cast<int32_t*>(block + PackedBlockBytes(s)) - kPixelBytes;
      sums[c] = static_cast<int32_t>(sum);
    }
  }
}

PackedFormat Format(const ConvShape& s) {
  PackedFormat format = ConvFormat("depthwise", kPixelBytes, s);
  format.type = ElementType::kInt16;
  return format;
}

}  // namespace

ConvVariant DepthwiseConvU8() {
  return {.id = "conv/depthwise_u8",
          .input = kBlockedU8,
          .output = kBlockedU8,
          .weights = ElementType::kInt16,
          .supports = [](const ConvShape& s) { return s.groups == s.ic && s.ic == s.oc; },
          .work = &WorkOf,
          .packed_format = &Format,
          .packed_bytes = &PackedBytes,
          .pack = &Pack,
          .units = &CodeDepthwiseUnits,
          .scratch_bytes = [](const ConvShape&) -> size_t { return 0; },
          .run = KINGLET_RESOLVE(GetRunDepthwiseU8)()};
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
