#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/common/aligned.h"
#include "kernels/common/cpu.h"
#include "kernels/conv/dot_conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"
#include "kernels/winograd/codes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd/winograd_u8.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/unroll.h"
#include "kernels/conv/gather_dots-inl.h"
#include "kernels/conv/requantise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kCodes = kPixelBytes;
constexpr int64_t kSums = 2 * kDotBlock;  // between the sums of neighbouring tiles
using WideTag = hn::CappedTag<int16_t, 16>;
using Wide = hn::Vec<WideTag>;
using Tag = hn::CappedTag<int32_t, 16>;
using Sum = hn::Vec<Tag>;

// Where a worker's scratch keeps its parts.
struct Scratch {
  int16_t* inputs;  // [point][tile][channel], transformed
  int32_t* sums;    // [point][tile][32]
  int64_t* offsets;
};

// b[0..4) = B^T d of four values that lie `step` apart.
template <class V>
HWY_INLINE void TransformFour(V (&d)[16], int first, int step) {
  const V a = d[first], b = d[first + step], c = d[first + 2 * step], e = d[first + 3 * step];
  d[first] = hn::Sub(a, c);
  d[first + step] = hn::Add(b, c);
  d[first + 2 * step] = hn::Sub(c, b);
  d[first + 3 * step] = hn::Sub(b, e);
}

// The pixels under a tile, those outside the input being `outside`.
void FindPixels(const ConvShape& s, const uint8_t* in, int64_t y0, int64_t x0,
                const uint8_t* outside, const uint8_t* (&pixels)[16]) {
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t y = y0 + i;
    for (int64_t j = 0; j < 4; ++j) {
      const int64_t x = x0 + j;
      const bool inside = y >= 0 && y < s.ih && x >= 0 && x < s.iw;
      pixels[i * 4 + j] = inside ? in + (y * s.iw + x) * kCodes : outside;
    }
  }
}

// `channels` channels, a multiple of 16, of one tile. Points lie `point_stride` apart.
void TransformInput(const uint8_t* const (&pixels)[16], int64_t channels, int32_t zero_point,
                    int16_t* to, int64_t point_stride) {
  const WideTag d;
  const hn::Rebind<uint8_t, WideTag> d8;
  const Wide zero = hn::Set(d, static_cast<int16_t>(zero_point));
  for (int64_t c = 0; c < channels; c += static_cast<int64_t>(hn::Lanes(d))) {
    Wide v[16];
    KINGLET_UNROLL
    for (int p = 0; p < 16; ++p) {
      v[p] = hn::Sub(hn::PromoteTo(d, hn::LoadU(d8, pixels[p] + c)), zero);
    }
    KINGLET_UNROLL
    for (int i = 0; i < 4; ++i) TransformFour(v, i, 4);
    KINGLET_UNROLL
    for (int i = 0; i < 4; ++i) TransformFour(v, i * 4, 1);
    KINGLET_UNROLL
    for (int p = 0; p < 16; ++p) hn::StoreU(v[p], d, to + p * point_stride + c);
  }
}

// What a strip's outputs of 16 channels are made with.
struct Outputs {
  alignas(64) int32_t bias[kCodes];
  alignas(64) float scales[kCodes];
  bool plain;
};

class Runner {
 public:
  Runner(const ConvShape& s, const ConvArgs& args, void* scratch)
      : s_(s), args_(args), cut_(CutCodeTiles(s)), bounds_(args.epilogue) {
    auto* at = static_cast<std::byte*>(scratch);
    scratch_.inputs = reinterpret_cast<int16_t*>(at);
    at += kCodePoints * cut_.strip * cut_.channels * 2;
    scratch_.sums = reinterpret_cast<int32_t*>(at);
    at += kCodePoints * cut_.strip * kSums * 4;
    scratch_.offsets = reinterpret_cast<int64_t*>(at);
    for (int64_t t = 0; t < cut_.strip; ++t) scratch_.offsets[t] = t * cut_.channels * 2;
    std::memset(outside_, args.input_zero_point, sizeof(outside_));
    job_.pixel_offsets = scratch_.offsets;
    job_.step_offsets = &kStep;
    job_.tail_steps = 1;
    job_.tail_groups = CeilDiv(s.ic, 2);
    job_.bias = kNoBias;
    job_.blocks = 1;
    job_.raw = true;
    job_.epilogue = &args.epilogue;
  }

  void RunUnit(int64_t image, int64_t unit) {
    const int64_t tiles = cut_.rows * cut_.cols;
    const Range part = EvenPart(tiles, cut_.tile_parts, unit % cut_.tile_parts);
    const Range blocks =
        EvenPart(BlockCount(s_.oc, kCodes), cut_.block_parts, unit / cut_.tile_parts);
    const int64_t planes = BlockCount(s_.ic, kCodes);
    const uint8_t* in =
        static_cast<const uint8_t*>(args_.input) + image * planes * s_.ih * s_.iw * kCodes;
    const int64_t out_plane = s_.oh * s_.ow * kCodes;
    const int64_t out_image =
        args_.output_stride != 0 ? args_.output_stride : BlockCount(s_.oc, kCodes) * out_plane;
    uint8_t* out = static_cast<uint8_t*>(args_.output) + image * out_image;
    for (int64_t begin = part.begin; begin < part.end; begin += cut_.strip) {
      const Range strip = {begin, std::min(part.end, begin + cut_.strip)};
      TransformStrip(in, strip);
      for (int64_t b = blocks.begin; b < blocks.end; ++b) {
        RunBlock(b, strip, out + b * out_plane);
      }
    }
  }

 private:
  void TransformStrip(const uint8_t* in, const Range& strip) {
    const int64_t plane = s_.ih * s_.iw * kCodes;
    const int64_t point_stride = cut_.strip * cut_.channels;
    for (int64_t t = strip.begin; t < strip.end; ++t) {
      const int64_t y0 = t / cut_.cols * 2 - s_.pad_top;
      const int64_t x0 = t % cut_.cols * 2 - s_.pad_left;
      int16_t* to = scratch_.inputs + (t - strip.begin) * cut_.channels;
      for (int64_t c = 0; c < cut_.channels; c += kCodes) {
        const uint8_t* pixels[16];
        FindPixels(s_, in + c / kCodes * plane, y0, x0, outside_, pixels);
        TransformInput(pixels, std::min(kCodes, cut_.channels - c), args_.input_zero_point, to + c,
                       point_stride);
      }
    }
  }

  // 64 output channels of a strip.
  void RunBlock(int64_t b, const Range& strip, uint8_t* out) {
    Outputs outputs;
    std::memset(&outputs, 0, sizeof(outputs));
    const Requantisation& r = args_.epilogue.requantisation;
    const int64_t channel = b * kCodes;
    const int64_t valid = std::min(kCodes, s_.oc - channel);
    outputs.plain = args_.epilogue.activation == Activation::kNone;
    for (int64_t i = 0; i < valid; ++i) {
      if (args_.integer_bias != nullptr) outputs.bias[i] = args_.integer_bias[channel + i];
      outputs.scales[i] = r.scales != nullptr ? r.scales[channel + i] : r.scale;
      outputs.plain = outputs.plain && std::isfinite(outputs.scales[i]);
    }
    const int64_t groups = CodePointGroups(s_);
    job_.pixels = strip.end - strip.begin;
    for (int64_t lane = 0; lane < valid; lane += kDotBlock) {
      const int32_t* weights = static_cast<const int32_t*>(args_.packed) +
                               (channel + lane) / kDotBlock * kCodePoints * groups;
      for (int64_t p = 0; p < kCodePoints; ++p) {
        job_.in =
            reinterpret_cast<const std::byte*>(scratch_.inputs + p * cut_.strip * cut_.channels);
        job_.weights = weights + p * groups;
        job_.sums = scratch_.sums + p * cut_.strip * kSums;
        RunGatherDots(job_);
      }
      for (int64_t t = strip.begin; t < strip.end; ++t) {
        StoreTile(outputs, lane, scratch_.sums + (t - strip.begin) * kSums, t, out + lane);
      }
    }
    if (valid == kCodes) return;
    for (int64_t t = strip.begin; t < strip.end; ++t) {
      ForOutputs(t, [&](int64_t at, int) {
        std::memset(out + at + valid, 0, static_cast<size_t>(kCodes - valid));
      });
    }
  }

  // f(offset of the pixel, number in the tile) for the outputs of a tile that are there.
  template <typename F>
  void ForOutputs(int64_t tile, F&& f) const {
    const int64_t y = tile / cut_.cols * 2;
    const int64_t x = tile % cut_.cols * 2;
    for (int i = 0; i < 2 && y + i < s_.oh; ++i) {
      for (int j = 0; j < 2 && x + j < s_.ow; ++j) {
        f(((y + i) * s_.ow + x + j) * kCodes, i * 2 + j);
      }
    }
  }

  // 16 channels of a tile, from the sums at its points.
  void StoreTile(const Outputs& outputs, int64_t lane, const int32_t* sums, int64_t tile,
                 uint8_t* out) const {
    const Tag d;
    const hn::Rebind<float, Tag> df;
    const int64_t point = cut_.strip * kSums;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    for (int64_t c = 0; c < kDotBlock; c += lanes) {
      Sum rows[2][4];
      KINGLET_UNROLL
      for (int j = 0; j < 4; ++j) {
        const int32_t* at = sums + j * point + c;
        const Sum m0 = hn::LoadU(d, at), m1 = hn::LoadU(d, at + 4 * point);
        const Sum m2 = hn::LoadU(d, at + 8 * point), m3 = hn::LoadU(d, at + 12 * point);
        rows[0][j] = hn::Add(hn::Add(m0, m1), m2);
        rows[1][j] = hn::Sub(hn::Sub(m1, m2), m3);
      }
      const Sum bias = hn::LoadU(d, outputs.bias + lane + c);
      const auto scale = hn::LoadU(df, outputs.scales + lane + c);
      Sum y[4];
      KINGLET_UNROLL
      for (int i = 0; i < 2; ++i) {
        const Sum left = hn::Add(hn::Add(rows[i][0], rows[i][1]), rows[i][2]);
        const Sum right = hn::Sub(hn::Sub(rows[i][1], rows[i][2]), rows[i][3]);
        y[2 * i] = hn::Add(hn::ShiftRight<2>(left), bias);
        y[2 * i + 1] = hn::Add(hn::ShiftRight<2>(right), bias);
      }
      ForOutputs(tile, [&](int64_t at, int k) HWY_ATTR {
        if (outputs.plain) {
          StoreCodes(d, y[k], scale, bounds_, out + at + c);
        } else {
          StoreAnyCodes(d, y[k], scale, args_.epilogue, out + at + c);
        }
      });
    }
  }

  static constexpr int64_t kStep = 0;
  alignas(64) static constexpr int32_t kNoBias[kDotBlock] = {};

  const ConvShape& s_;
  const ConvArgs& args_;
  const CodeTiles cut_;
  const CodeBounds bounds_;
  Scratch scratch_;
  GatherDots job_;
  alignas(64) uint8_t outside_[kCodes];
};

void RunWinograd(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                 void* scratch) noexcept {
  Runner runner(s, args, scratch);
  const CodeTiles cut = CutCodeTiles(s);
  const int64_t per_image = cut.tile_parts * cut.block_parts;
  for (int64_t unit = begin; unit < end; ++unit) {
    runner.RunUnit(unit / per_image, unit % per_image);
  }
}

}  // namespace

ConvRunFn GetRunWinogradU8() { return &RunWinograd; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(WinogradU8);

namespace {

HWY_EXPORT(GetRunWinogradU8);

bool Supports(const ConvShape& s) {
  // Four times the sum fits int32: 4 * 9 * 255 * 255 * IC < 2^31.
  constexpr int64_t kMostChannels = 917;
  return s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1 &&
         s.groups == 1 && s.ic <= kMostChannels;
}

int64_t UnitsOf(const ConvShape& s) {
  const CodeTiles cut = CutCodeTiles(s);
  return s.n * cut.tile_parts * cut.block_parts;
}

size_t ScratchBytes(const ConvShape& s) {
  const CodeTiles cut = CutCodeTiles(s);
  return static_cast<size_t>(cut.strip *
                             (kCodePoints * (cut.channels * 2 + 2 * kDotBlock * 4) + 8));
}

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(BlockCount(s.oc, kDotBlock) * kCodePoints * CodePointGroups(s)) *
         sizeof(int32_t);
}

// (2 G) w of three values.
std::array<int, 4> TransformThree(int a, int b, int c) {
  return {2 * a, a + b + c, a - b + c, 2 * c};
}

void Pack(const ConvShape& s, const void* oihw, void* packed) {
  const auto* from = static_cast<const int16_t*>(oihw);
  auto* to = static_cast<uint32_t*>(packed);
  std::memset(packed, 0, PackedBytes(s));
  for (int64_t o = 0; o < s.oc; ++o) {
    for (int64_t i = 0; i < s.ic; ++i) {
      const int16_t* w = from + (o * s.ic + i) * 9;
      std::array<std::array<int, 4>, 3> columns;  // of each column of the kernel
      for (size_t j = 0; j < 3; ++j) columns[j] = TransformThree(w[j], w[3 + j], w[6 + j]);
      for (int64_t p = 0; p < kCodePoints; ++p) {
        const auto row = static_cast<size_t>(p / 4);
        const auto all = TransformThree(columns[0][row], columns[1][row], columns[2][row]);
        const auto value = static_cast<uint16_t>(all[static_cast<size_t>(p % 4)]);
        const int64_t point = (o / kDotBlock * kCodePoints + p) * CodePointGroups(s);
        to[point + i / 2 * kDotBlock + o % kDotBlock] |= uint32_t{value} << (16 * (i % 2));
      }
    }
  }
}

Work WorkOf(const ConvShape& s, int threads) {
  const CodeTiles cut = CutCodeTiles(s);
  const double tiles = static_cast<double>(s.n) * static_cast<double>(cut.rows * cut.cols);
  const auto oc = static_cast<double>(RoundUpToBlock(s.oc, kDotBlock));
  WorkStage stage = CodeTraffic(s, 2);
  stage.weight_bytes *= 16.0 / 9;
  stage.Add({.kind = WorkKind::kWinograd,
             .type = ElementType::kInt16,
             .count = 2 * tiles * kCodePoints * oc * static_cast<double>(RoundUpToBlock(s.ic, 2))});
  // All parts of the channels transform the inputs of their tiles.
  const double there = tiles * kCodePoints * static_cast<double>(cut.channels * cut.block_parts);
  stage.Add({.kind = WorkKind::kWinogradTransform, .count = tiles * kCodePoints * oc + there / 4});
  Work work = SharedWork(stage, UnitsOf(s), threads);
  work.weight_parts = s.n > 1 ? 1 : cut.block_parts;
  return work;
}

PackedFormat Format(const ConvShape& s) {
  PackedFormat format = ConvFormat("winograd2", kDotBlock, s);
  format.type = ElementType::kInt16;
  return format;
}

}  // namespace

CodeTiles CutCodeTiles(const ConvShape& s) {
  constexpr double kMinUnitMultiplyAdds = 800e3;
  constexpr int64_t kEnoughUnits = 64;
  constexpr int64_t kMinTiles = 24, kMostTiles = 96;
  constexpr int64_t kLeastBytes = 128 << 10, kWeightBytes = 64 << 10;
  CodeTiles cut;
  cut.rows = CeilDiv(s.oh, 2);
  cut.cols = CeilDiv(s.ow, 2);
  cut.channels = RoundUpToBlock(s.ic, kDotBlock);
  const int64_t tiles = cut.rows * cut.cols;
  const auto worthwhile = static_cast<int64_t>(
      std::min(MultiplyAdds(s) / kMinUnitMultiplyAdds, static_cast<double>(kEnoughUnits)));
  const int64_t wanted = std::max<int64_t>(worthwhile, 1);
  cut.tile_parts = std::clamp<int64_t>(tiles / kMinTiles, 1, wanted);
  cut.block_parts =
      std::clamp<int64_t>(CeilDiv(wanted, cut.tile_parts), 1, BlockCount(s.oc, kPixelBytes));
  const int64_t cache =
      std::max(static_cast<int64_t>(ActiveCpu().caches.l2_bytes) / 2 - kWeightBytes, kLeastBytes);
  const int64_t fitting = cache / (kCodePoints * cut.channels * 2);
  const int64_t part = CeilDiv(tiles, cut.tile_parts);
  const int64_t most = std::clamp(fitting, kMinTiles, kMostTiles);
  cut.strip = CeilDiv(part, CeilDiv(part, most));
  return cut;
}

ConvVariant Winograd2ConvU8() {
  return {.id = "conv/winograd2_u8",
          .input = kBlockedU8,
          .output = kBlockedU8,
          .weights = ElementType::kInt16,
          .supports = &Supports,
          .work = &WorkOf,
          .packed_format = &Format,
          .packed_bytes = &PackedBytes,
          .pack = &Pack,
          .units = &UnitsOf,
          .scratch_bytes = &ScratchBytes,
          .run = KINGLET_RESOLVE(GetRunWinogradU8)()};
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
