// conv/depthwise_u8: a filter of its own for each channel (groups = ic = oc), codes in and out.
//
// Kernels of 3x3 and 5x5 without dilation: of two neighbouring input rows the values of a channel
// are brought side by side, as pairs of int16, and multiplied with pairs of weights. The values are
// codes with their zero point, whose product with all weights the sums begin without; so what lies
// outside the input is that of pixels that hold the zero point. Stride 1 and stride 2 have ways of
// their own; all other kernels are computed tap by tap.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/common/code_lanes.h"
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
#include "kernels/depthwise/rows_u8-inl.h"
#include "kernels/depthwise/strips_u8-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<int32_t, 16>;
using FloatTag = hn::Rebind<float, Tag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));

// Stores the codes of 64 sums.
void StorePixel(const CodeBlock& b, const Epilogue& e, const uint32_t* sums, uint8_t* out) {
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
void AnyRow(const ConvShape& s, const ConvArgs& args, const CodeBlock& b, int64_t y, uint8_t* out) {
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

// The rows of outputs by pairs of input rows; false where they are not computed so.
#if HWY_TARGET == HWY_SCALAR
bool PairedRows(const ConvShape&, const ConvArgs&, const CodeBlock&, const Range&, std::byte*,
                uint8_t*) {
  return false;
}
#else
bool PairedRows(const ConvShape& s, const ConvArgs& args, const CodeBlock& b, const Range& range,
                std::byte* scratch, uint8_t* out) {
  if (!b.plain || !HasPairs(s)) return false;
  (s.sw == 1 ? &strips::RunStrips : &rows::RunRows)(s, args, b, range, scratch, out);
  return true;
}
#endif

// What all rows of a plane share: block `block` of the channels.
CodeBlock BlockOf(const ConvShape& s, const ConvArgs& args, int64_t block) {
  const Requantisation& r = args.epilogue.requantisation;
  CodeBlock b;
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
  return b;
}

void RunPlane(const ConvShape& s, const ConvArgs& args, int64_t plane, const Range& rows,
              std::byte* scratch) {
  const int64_t blocks = BlockCount(s.ic, kCodes);
  const int64_t block = plane % blocks;
  CodeBlock b = BlockOf(s, args, block);
  b.in = static_cast<const uint8_t*>(args.input) + plane * s.ih * s.iw * kCodes;
  const int64_t out_plane = s.oh * s.ow * kCodes;
  const int64_t image = args.output_stride != 0 ? args.output_stride : blocks * out_plane;
  uint8_t* out = static_cast<uint8_t*>(args.output) + plane / blocks * image + block * out_plane +
                 rows.begin * s.ow * kCodes;
  if (!PairedRows(s, args, b, rows, scratch, out)) {
    for (int64_t y = rows.begin; y < rows.end; ++y) {
      AnyRow(s, args, b, y, out + (y - rows.begin) * s.ow * kCodes);
    }
  } else if (s.sw == 1) {
    return;  // pad lanes are zero
  }
  ZeroCodeLanes(out, (rows.end - rows.begin) * s.ow, b.valid);
}

// Units of one plane that follow one another are one range of rows.
void RunDepthwise(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                  void* scratch) noexcept {
  const int64_t parts = CodeRowParts(s);
  while (begin < end) {
    const int64_t plane = begin / parts;
    const int64_t last = std::min(end, (plane + 1) * parts) - 1;
    const Range rows = {EvenPart(s.oh, parts, begin % parts).begin,
                        EvenPart(s.oh, parts, last % parts).end};
    RunPlane(s, args, plane, rows, static_cast<std::byte*>(scratch));
    begin = last + 1;
  }
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
  // Bringing pairs together and storing codes takes what multiplying them saves: no faster than
  // float32.
  stage.Add({.kind = kind,
             .count = 2 * pixels * static_cast<double>(RoundUpToBlock(s.oc)) * s.kh * s.kw});
  return SharedWork(stage, CodeDepthwiseUnits(s), threads);
}

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(BlockCount(s.ic, kPixelBytes) * PackedBlockBytes(s));
}

// Writes the weight of a tap of channel `c` of a block for pairs of rows: for stride 1 [32
// channels][pair of rows][column][row of outputs][place][row of the pair], for stride 2 [16
// channels][pair of rows][column][place][row of the pair].
void PackPairs(const ConvShape& s, int64_t c, int64_t i, int64_t j, int16_t weight, int16_t* to) {
  if (s.sw == 1) {
    to += c / kPairedChannels * PairedWeights(s.kh);
    for (int64_t row = 0; row < 2; ++row) {
      const int64_t below = i + row;  // the upper row of the first pair
      int16_t* tap = to + (below / 2 * s.kw + j) * kTapWeights + row * kRowWeights;
      tap[PlaceOf(c % kPairedChannels) * 2 + below % 2] = weight;
    }
  } else {
    const int64_t tap = (c / 16 * RowPairs(s) + i / 2) * s.kw + j;
    to[(tap * 16 + RowPlaceOf(c % 16)) * 2 + i % 2] = weight;
  }
}

// Of a block of 64 channels: [tap][64], then those for pairs of rows and the sums of weights.
void Pack(const ConvShape& s, const void* oihw, void* packed) {
  const auto* from = static_cast<const int16_t*>(oihw);
  auto* to = static_cast<std::byte*>(packed);
  const int64_t taps = int64_t{s.kh} * s.kw;
  std::memset(packed, 0, PackedBytes(s));
  for (int64_t channel = 0; channel < s.ic; ++channel) {
    std::byte* block = to + channel / kPixelBytes * PackedBlockBytes(s);
    auto* plain = reinterpret_cast<int16_t*>(block);
    const int64_t c = channel % kPixelBytes;
    uint32_t sum = 0;
    for (int64_t i = 0; i < s.kh; ++i) {
      for (int64_t j = 0; j < s.kw; ++j) {
        const int16_t w = from[channel * taps + i * s.kw + j];
        plain[(i * s.kw + j) * kPixelBytes + c] = w;
        sum += static_cast<uint32_t>(int32_t{w});
        if (HasPairs(s)) PackPairs(s, c, i, j, w, plain + taps * kPixelBytes);
      }
    }
    if (HasPairs(s)) {
      auto* sums = reinterpret_cast<int32_t*>(block + PackedBlockBytes(s)) - kPixelBytes;
      sums[c] = static_cast<int32_t>(sum);
    }
  }
}

PackedFormat Format(const ConvShape& s) {
  const char* variant = !HasPairs(s) ? "depthwise"
                        : s.sw == 1  ? "depthwise-pairs"
                                     : "depthwise-rows";
  PackedFormat format = ConvFormat(variant, kPixelBytes, s);
  format.type = ElementType::kInt16;
  format.revision = 2;
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
          .scratch_bytes = &PairedScratch,
          .run = KINGLET_RESOLVE(GetRunDepthwiseU8)(),
          .revision = 2};
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
