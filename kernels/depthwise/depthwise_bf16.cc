// conv/depthwise_bf16: a filter of its own for each channel (groups = ic = oc), stored as bfloat16,
// computed in float32, weights in float32.
//
// One block of 32 channels and output row at a time, as 16 pairs of channels: even and odd ones are
// summed apart. Tiles of neighbouring output pixels share every loaded input of kernels three or
// five columns wide; others are computed pixel by pixel. Rows and columns outside the input are
// left out.
#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"
#include "kernels/depthwise/depthwise3_bf16.h"
#include "kernels/depthwise/units.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise/depthwise_bf16.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/pairs_bf16-inl.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(PairTag()));

#if HWY_TARGET == HWY_AVX3
constexpr int kTilePixels = 7;
#elif HWY_TARGET == HWY_AVX2 || HWY_ARCH_ARM_A64
constexpr int kTilePixels = 4;
#else
constexpr int kTilePixels = 2;
#endif

// An output row of one block.
struct Row {
  const uint32_t* in;        // input row of the first tap inside the input
  const float* weights;      // [tap][even, odd][16], of that tap's row
  int64_t tap_rows;          // inside the input
  const float* bias;         // [even, odd][16]
  const uint32_t* residual;  // row, or null
  uint32_t* out;             // row
  const uint32_t* mask;      // of the channels that exist
};

HWY_INLINE void StorePixel(const Row& row, const Epilogue& epilogue, int64_t x, int64_t lane,
                           PairVec even, PairVec odd) {
  const int64_t at = x * kPixelPairs + lane;
  if (row.residual != nullptr) {
    const PairBits skip = hn::LoadU(PairBitsTag(), row.residual + at);
    even = hn::Add(even, EvenOf(skip));
    odd = hn::Add(odd, OddOf(skip));
  }
  StorePairs(epilogue, even, odd, row.mask + lane, row.out + at);
}

// R pixels from x on, without dilation. kEdge: some columns lie outside the input.
template <int KW, int SW, int R, bool kEdge>
HWY_INLINE void Tile(const ConvShape& s, const Row& row, const Epilogue& epilogue, int64_t x,
                     int64_t lane) {
  const PairTag d;
  const PairBitsTag d32;
  PairVec even[R];
  PairVec odd[R];
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    even[r] = hn::LoadU(d, row.bias + lane);
    odd[r] = hn::LoadU(d, row.bias + kPixelPairs + lane);
  }
  const int64_t first = x * SW - s.pad_left;
  const float* w = row.weights + lane;
  for (int64_t i = 0; i < row.tap_rows; ++i, w += KW * 2 * kPixelPairs) {
    const uint32_t* in = row.in + (i * s.dh * s.iw + first) * kPixelPairs + lane;
    constexpr int kColumns = (R - 1) * SW + KW;
    KINGLET_UNROLL
    for (int c = 0; c < kColumns; ++c) {
      if (kEdge && (first + c < 0 || first + c >= s.iw)) continue;
      const PairBits pairs = hn::LoadU(d32, in + c * kPixelPairs);
      const PairVec in_even = EvenOf(pairs);
      const PairVec in_odd = OddOf(pairs);
      KINGLET_UNROLL
      for (int j = 0; j < KW; ++j) {
        const int r = (c - j) / SW;
        if (c < j || (c - j) % SW != 0 || r >= R) continue;
        const float* weight = w + j * 2 * kPixelPairs;
        even[r] = hn::MulAdd(in_even, hn::LoadU(d, weight), even[r]);
        odd[r] = hn::MulAdd(in_odd, hn::LoadU(d, weight + kPixelPairs), odd[r]);
      }
    }
  }
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) StorePixel(row, epilogue, x + r, lane, even[r], odd[r]);
}

template <int KW, int SW>
HWY_NOINLINE void FixedRow(const ConvShape& s, const Row& row, const Epilogue& epilogue) {
  constexpr int R = kTilePixels;
  for (int64_t lane = 0; lane < kPixelPairs; lane += kLanes) {
    int64_t x = 0;
    for (; x + R <= s.ow; x += R) {
      const int64_t first = x * SW - s.pad_left;
      if (first >= 0 && first + (R - 1) * SW + KW <= s.iw) {
        Tile<KW, SW, R, false>(s, row, epilogue, x, lane);
      } else {
        Tile<KW, SW, R, true>(s, row, epilogue, x, lane);
      }
    }
    for (; x < s.ow; ++x) Tile<KW, SW, 1, true>(s, row, epilogue, x, lane);
  }
}

HWY_NOINLINE void AnyRow(const ConvShape& s, const Row& row, const Epilogue& epilogue) {
  const PairTag d;
  const PairBitsTag d32;
  for (int64_t x = 0; x < s.ow; ++x) {
    for (int64_t lane = 0; lane < kPixelPairs; lane += kLanes) {
      PairVec even = hn::LoadU(d, row.bias + lane);
      PairVec odd = hn::LoadU(d, row.bias + kPixelPairs + lane);
      for (int64_t i = 0; i < row.tap_rows; ++i) {
        for (int64_t j = 0; j < s.kw; ++j) {
          const int64_t column = x * s.sw - s.pad_left + j * s.dw;
          if (column < 0 || column >= s.iw) continue;
          const PairBits pairs =
              hn::LoadU(d32, row.in + (i * s.dh * s.iw + column) * kPixelPairs + lane);
          const float* weight = row.weights + (i * s.kw + j) * 2 * kPixelPairs + lane;
          even = hn::MulAdd(EvenOf(pairs), hn::LoadU(d, weight), even);
          odd = hn::MulAdd(OddOf(pairs), hn::LoadU(d, weight + kPixelPairs), odd);
        }
      }
      StorePixel(row, epilogue, x, lane, even, odd);
    }
  }
}

void RunRow(const ConvShape& s, const Row& row, const Epilogue& epilogue) {
  if (s.dw == 1 && s.kw == 3 && s.sw == 1) return FixedRow<3, 1>(s, row, epilogue);
  if (s.dw == 1 && s.kw == 3 && s.sw == 2) return FixedRow<3, 2>(s, row, epilogue);
  if (s.dw == 1 && s.kw == 5 && s.sw == 1) return FixedRow<5, 1>(s, row, epilogue);
  if (s.dw == 1 && s.kw == 5 && s.sw == 2) return FixedRow<5, 2>(s, row, epilogue);
  AnyRow(s, row, epilogue);
}

constexpr int64_t kChannels = 2 * kPixelPairs;

void RunDepthwise(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                  void*) noexcept {
  const int64_t parts = DepthwiseRowParts(s, kChannels);
  const int64_t blocks = BlockCount(s.ic, kChannels);
  const int64_t out_plane = s.oh * s.ow * kPixelPairs;
  const int64_t out_image = args.output_stride != 0 ? args.output_stride / 2 : blocks * out_plane;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t plane = unit / parts;
    const int64_t image = plane / blocks;
    const int64_t block = plane % blocks;
    const int64_t channels = std::min(s.oc - block * kChannels, kChannels);
    const PairMask mask(channels);
    alignas(64) float bias[kChannels];
    SplitBias(args.bias == nullptr ? nullptr : args.bias + block * kChannels, channels, bias);
    const auto* in = static_cast<const uint32_t*>(args.input) + plane * s.ih * s.iw * kPixelPairs;
    const auto* residual = static_cast<const uint32_t*>(args.residual);
    const float* weights = static_cast<const float*>(args.packed) + block * s.kh * s.kw * kChannels;
    const Range rows = EvenPart(s.oh, parts, unit % parts);
    for (int64_t y = rows.begin; y < rows.end; ++y) {
      const int64_t top = y * s.sh - s.pad_top;
      const int64_t first_tap =
          std::clamp<int64_t>(CeilDiv(std::max<int64_t>(-top, 0), s.dh), 0, s.kh);
      const int64_t end_tap =
          std::clamp<int64_t>(s.ih > top ? CeilDiv(s.ih - top, s.dh) : 0, first_tap, s.kh);
      const int64_t at = y * s.ow * kPixelPairs;
      Row row;
      row.in = in + (end_tap > first_tap ? top + first_tap * s.dh : 0) * s.iw * kPixelPairs;
      row.weights = weights + first_tap * s.kw * kChannels;
      row.tap_rows = end_tap - first_tap;
      row.bias = bias;
      row.residual = residual == nullptr ? nullptr : residual + plane * out_plane + at;
      row.out = static_cast<uint32_t*>(args.output) + image * out_image + block * out_plane + at;
      row.mask = mask.bits;
      RunRow(s, row, args.epilogue);
    }
  }
}

ConvRunFn GetRunDepthwise() { return &RunDepthwise; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(DepthwiseBf16);
HWY_EXPORT(GetRunDepthwise);

namespace {

constexpr int64_t kBlockChannels = PixelBlock(ElementType::kBFloat16);

bool Supports(const ConvShape& s) { return s.groups == s.ic && s.ic == s.oc; }

int64_t Units(const ConvShape& s) {
  return s.n * BlockCount(s.ic, kBlockChannels) * DepthwiseRowParts(s, kBlockChannels);
}

Work WorkOf(const ConvShape& s, int threads) {
  const double products = static_cast<double>(s.n * s.oh * s.ow) * s.kh * s.kw *
                          static_cast<double>(RoundUpToBlock(s.ic, kBlockChannels));
  WorkStage stage =
      ConvTrafficOf(s, ElementType::kBFloat16, ElementType::kBFloat16, DepthwisePairsBytes(s));
  stage.Add({.kind = s.sw == 1 ? WorkKind::kDepthwise : WorkKind::kDepthwiseStrided,
             .count = 1.3 * 2 * products});
  return SharedWork(stage, Units(s), threads);
}

}  // namespace

size_t DepthwisePairsBytes(const ConvShape& s) {
  return static_cast<size_t>(RoundUpToBlock(s.ic, kBlockChannels) * s.kh * s.kw) * sizeof(float);
}

// [ic / 32][tap][even, odd][16].
void PackDepthwisePairs(const ConvShape& s, const void* oihw, void* packed) {
  const auto* weights = static_cast<const float*>(oihw);
  auto* to = static_cast<float*>(packed);
  const int64_t taps = int64_t{s.kh} * s.kw;
  for (int64_t block = 0; block < BlockCount(s.ic, kBlockChannels); ++block) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t i = 0; i < kBlockChannels; ++i) {
        const int64_t c = block * kBlockChannels + i % 16 * 2 + i / 16;
        *to++ = c < s.ic ? weights[c * taps + tap] : 0.0f;
      }
    }
  }
}

PackedFormat DepthwisePairsFormat(const ConvShape& s) {
  return ConvFormat("depthwise_pairs", kBlockChannels, s);
}

ConvVariant DepthwiseConvBf16() {
  return {.id = "conv/depthwise_bf16",
          .input = kBlockedBF16,
          .output = kBlockedBF16,
          .supports = &Supports,
          .work = &WorkOf,
          .packed_format = &DepthwisePairsFormat,
          .packed_bytes = &DepthwisePairsBytes,
          .pack = &PackDepthwisePairs,
          .units = &Units,
          .scratch_bytes = [](const ConvShape&) -> size_t { return 0; },
          .run = KINGLET_RESOLVE(GetRunDepthwise)()};
}

}  // namespace kinglet::kernels
#endif
