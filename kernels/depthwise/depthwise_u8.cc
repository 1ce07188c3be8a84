// conv/depthwise_u8: a filter of its own for each channel (groups = ic = oc), codes in and out.
//
// Kernels of 3x3 and 5x5 without dilation: of two neighbouring input rows the values of a channel
// are brought side by side, as pairs of int16, and multiplied with pairs of weights, for all
// outputs that read the column. The values are codes with their zero point, whose product with all
// weights the sums begin without; so what lies outside the input is that of pixels that hold the
// zero point. All other kernels are computed tap by tap.
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
  const int16_t* pair_weights;
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

constexpr bool kComputesRows = false;
void PairedRows(const ConvShape&, const ConvArgs&, const Block&, const Range&, uint8_t*, uint8_t*) {
}

#else

constexpr bool kComputesRows = true;
using WideTag = hn::CappedTag<int16_t, 16>;
using PairTag = hn::Repartition<int32_t, WideTag>;
using Pairs = hn::Vec<PairTag>;
// Channels that are computed at a time.
constexpr int64_t kGroup = static_cast<int64_t>(hn::MaxLanes(WideTag()));

// What the rows of a unit share.
struct Filter {
  const int16_t* weights;            // as the pack function leaves them
  alignas(64) int32_t bias[kCodes];  // in their order, without the zero point of the input
  alignas(64) float scales[kCodes];
  int64_t groups;          // with channels in them
  const uint8_t* outside;  // as many pixels that hold the zero point as an input row has
};

void FillFilter(const ConvArgs& args, const Block& b, Filter& f) {
  const auto zero = static_cast<uint32_t>(args.input_zero_point);
  f.weights = b.pair_weights;
  f.groups = CeilDiv(b.valid, kGroup);
  for (int64_t c = 0; c < kCodes; ++c) {
    const auto at = static_cast<size_t>(c);
    const int64_t place = c / 16 * 16 + PlaceOf(c % 16);
    f.bias[place] = static_cast<int32_t>(static_cast<uint32_t>(b.bias[at]) -
                                         static_cast<uint32_t>(b.weight_sums[at]) * zero);
    f.scales[place] = b.scales[at];
  }
}

// Values of two rows side by side, of the channels in the lower and in the upper halves.
struct PairsOfRows {
  Pairs lower, upper;
};

HWY_INLINE PairsOfRows Interleaved(hn::Vec<WideTag> a, hn::Vec<WideTag> b) {
  const WideTag d;
  const PairTag dp;
  return {hn::BitCast(dp, hn::InterleaveLower(d, a, b)),
          hn::BitCast(dp, hn::InterleaveUpper(d, a, b))};
}

// Pair number `pair` of the rows of a column.
template <int K>
HWY_INLINE PairsOfRows LoadPair(const uint8_t* const (&rows)[K], int64_t offset, int pair) {
  const WideTag d;
  const hn::Rebind<uint8_t, WideTag> d8;
  const auto top = hn::PromoteTo(d, hn::LoadU(d8, rows[2 * pair] + offset));
  if (2 * pair + 1 == K) return Interleaved(top, hn::Zero(d));
  return Interleaved(top, hn::PromoteTo(d, hn::LoadU(d8, rows[2 * pair + 1] + offset)));
}

// Where every access is checked, a compiler takes minutes for all columns in one function.
#if HWY_IS_ASAN
#define KINGLET_COLUMN_INLINE HWY_NOINLINE
#else
#define KINGLET_COLUMN_INLINE HWY_INLINE
#endif

// sums[k] += what column `column` of the window of output -k adds, which begins at column 0.
template <int K, int S, int kLive>
KINGLET_COLUMN_INLINE void AddColumn(const uint8_t* const (&rows)[K], int64_t offset,
                                     const int16_t* weights, int column, Pairs (&sums)[kLive][2]) {
  const WideTag d;
  const PairTag dp;
  KINGLET_UNROLL
  for (int pair = 0; pair < (K + 1) / 2; ++pair) {
    const PairsOfRows x = LoadPair<K>(rows, offset, pair);
    KINGLET_UNROLL
    for (int k = 0; k < kLive; ++k) {
      const int tap = column + k * S;
      if (tap >= K) continue;
      const int16_t* w = weights + (pair * K + tap) * 32;
      sums[k][0] = AddPairs(dp, x.lower, hn::BitCast(dp, hn::LoadU(d, w)), sums[k][0]);
      sums[k][1] = AddPairs(dp, x.upper, hn::BitCast(dp, hn::LoadU(d, w + 16)), sums[k][1]);
    }
  }
}

#undef KINGLET_COLUMN_INLINE

// Column `kColumn` of a step whose first one is column `first` of the input.
template <int K, int S, int kLive, int kColumn>
HWY_INLINE void AddStepColumn(int64_t first, int64_t columns, const uint8_t* const (&inside)[K],
                              const uint8_t* const (&outside)[K], const int16_t* weights,
                              Pairs (&sums)[kLive][2]) {
  const int64_t at = first + kColumn;
  if (at >= 0 && at < columns) {
    AddColumn<K, S, kLive>(inside, at * kCodes, weights, kColumn, sums);
  } else {
    AddColumn<K, S, kLive>(outside, 0, weights, kColumn, sums);
  }
}

// An output row of a K x K kernel with stride S: column after column, each for all outputs that
// read it, of which kLive are under way.
template <int K, int S>
HWY_NOINLINE void RunRow(const ConvShape& s, const Filter& f, const uint8_t* const (&rows)[K],
                         const CodeBounds& of_unit, uint8_t* out) {
  static_assert(S == 1 || S == 2);
  constexpr int kLive = (K - 1) / S + 1;
  const WideTag d;
  const PairTag dp;
  const hn::Rebind<uint8_t, WideTag> d8;
  const hn::Rebind<float, PairTag> df;
  const CodeBounds bounds = of_unit;
  const int64_t columns = s.iw, pad = s.pad_left, steps = s.ow + kLive - 1;
  for (int64_t group = 0; group < f.groups; ++group) {
    const int64_t channel = group * kGroup;
    const int64_t place = channel / 16 * 16 + channel % 16 / 2;
    const Pairs bias[2] = {hn::LoadU(dp, f.bias + place), hn::LoadU(dp, f.bias + place + 8)};
    const auto low_scales = hn::LoadU(df, f.scales + place);
    const auto high_scales = hn::LoadU(df, f.scales + place + 8);
    const int16_t* weights = f.weights + channel / 16 * ((K + 1) / 2) * K * 32 + channel % 16;
    const uint8_t* inside[K];
    const uint8_t* outside[K];
    KINGLET_UNROLL
    for (int i = 0; i < K; ++i) {
      inside[i] = rows[i] + channel;
      outside[i] = f.outside + channel;
    }
    Pairs sums[kLive][2];
    KINGLET_UNROLL
    for (int k = 0; k < kLive; ++k) {
      sums[k][0] = bias[0];
      sums[k][1] = bias[1];
    }
    uint8_t* to = out + channel - (kLive - 1) * kCodes;
    for (int64_t step = 0; step < steps; ++step, to += kCodes) {
      AddStepColumn<K, S, kLive, 0>(step * S - pad, columns, inside, outside, weights, sums);
      if (step >= kLive - 1) {
        const auto codes =
            hn::ReorderDemote2To(d, CodesOfSums(dp, sums[kLive - 1][0], low_scales, bounds),
                                 CodesOfSums(dp, sums[kLive - 1][1], high_scales, bounds));
        hn::StoreU(hn::DemoteTo(d8, codes), d8, to);
      }
      if constexpr (S == 2) {
        AddStepColumn<K, S, kLive, 1>(step * S - pad, columns, inside, outside, weights, sums);
      }
      KINGLET_UNROLL
      for (int k = kLive - 1; k > 0; --k) {
        sums[k][0] = sums[k - 1][0];
        sums[k][1] = sums[k - 1][1];
      }
      sums[0][0] = bias[0];
      sums[0][1] = bias[1];
    }
  }
}

template <int K, int S>
void RunRows(const ConvShape& s, const ConvArgs& args, const Filter& f, const uint8_t* in,
             const Range& range, uint8_t* out) {
  const CodeBounds bounds(args.epilogue);
  const uint8_t* rows[K];
  for (int64_t y = range.begin; y < range.end; ++y, out += s.ow * kCodes) {
    for (int i = 0; i < K; ++i) {
      const int64_t row = y * s.sh - s.pad_top + i;
      rows[i] = row >= 0 && row < s.ih ? in + row * s.iw * kCodes : f.outside;
    }
    RunRow<K, S>(s, f, rows, bounds, out);
  }
}

void PairedRows(const ConvShape& s, const ConvArgs& args, const Block& b, const Range& range,
                uint8_t* outside, uint8_t* out) {
  Filter f;
  FillFilter(args, b, f);
  std::memset(outside, args.input_zero_point, static_cast<size_t>(s.iw * kCodes));
  f.outside = outside;
  const auto run = s.kw == 3 ? (s.sw == 1 ? &RunRows<3, 1> : &RunRows<3, 2>)
                             : (s.sw == 1 ? &RunRows<5, 1> : &RunRows<5, 2>);
  run(s, args, f, b.in, range, out);
}

#endif

void RunUnit(const ConvShape& s, const ConvArgs& args, int64_t unit, uint8_t* outside) {
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
  b.pair_weights = b.weights + s.kh * s.kw * kCodes;
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
  if (kComputesRows && b.plain && HasPairs(s)) {
    PairedRows(s, args, b, rows, outside, out);
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
                  void* scratch) noexcept {
  auto* outside = static_cast<uint8_t*>(scratch);
  for (int64_t unit = begin; unit < end; ++unit) RunUnit(s, args, unit, outside);
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
  // Bringing pairs together takes what multiplying them saves: no faster than float32.
  stage.Add({.kind = kind,
             .count = 2 * pixels * static_cast<double>(RoundUpToBlock(s.oc)) * s.kh * s.kw});
  return SharedWork(stage, CodeDepthwiseUnits(s), threads);
}

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(BlockCount(s.ic, kPixelBytes) * PackedBlockBytes(s));
}

// Of a block of 64 channels: [tap][64], and where pairs
// of rows are multiplied [16 channels][pair of rows][column][place of the channel][row of the
// pair].
void Pack(const ConvShape& s, const void* oihw, void* packed) {
  const auto* from = static_cast<const int16_t*>(oihw);
  auto* to = static_cast<std::byte*>(packed);
  const int64_t taps = int64_t{s.kh} * s.kw;
  std::memset(packed, 0, PackedBytes(s));
  for (int64_t channel = 0; channel < s.ic; ++channel) {
    std::byte* block = to + channel / kPixelBytes * PackedBlockBytes(s);
    auto* plain = reinterpret_cast<int16_t*>(block);
    int16_t* paired = plain + taps * kPixelBytes;
    const int64_t c = channel % kPixelBytes;
    uint32_t sum = 0;
    for (int64_t i = 0; i < s.kh; ++i) {
      for (int64_t j = 0; j < s.kw; ++j) {
        const int16_t w = from[channel * taps + i * s.kw + j];
        plain[(i * s.kw + j) * kPixelBytes + c] = w;
        sum += static_cast<uint32_t>(int32_t{w});
        if (!HasPairs(s)) continue;
        const int64_t column = (c / 16 * RowPairs(s) + i / 2) * s.kw + j;
        paired[(column * 16 + PlaceOf(c % 16)) * 2 + i % 2] = w;
      }
    }
    if (HasPairs(s)) {
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
  return {
      .id = "conv/depthwise_u8",
      .input = kBlockedU8,
      .output = kBlockedU8,
      .weights = ElementType::kInt16,
      .supports = [](const ConvShape& s) { return s.groups == s.ic && s.ic == s.oc; },
      .work = &WorkOf,
      .packed_format = &Format,
      .packed_bytes = &PackedBytes,
      .pack = &Pack,
      .units = &CodeDepthwiseUnits,
      .scratch_bytes = [](const ConvShape& s) { return static_cast<size_t>(s.iw * kPixelBytes); },
      .run = KINGLET_RESOLVE(GetRunDepthwiseU8)()};
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
