// conv/depthwise3_bf16: depthwise_bf16 for kernels of three by three on CPUs that store bfloat16 by
// an instruction (avx512_bf16), which takes half of the time that storing takes otherwise; and as
// rows, for chains.
//
// One block of 32 channels and output row at a time, as 16 pairs of channels: even and odd ones are
// summed apart. Tiles of neighbouring output pixels share what they widen. Rows outside the input
// are a row of zeros.
#include "kernels/depthwise/depthwise3_bf16.h"

#include <algorithm>
#include <cstring>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"
#include "kernels/depthwise/units.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise/depthwise3_bf16.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/pairs_bf16-inl.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(PairTag()));
constexpr int64_t kChannels = 2 * kPixelPairs;
constexpr int kTaps = 3;  // rows and columns
// The width of a tile, and how sums are stored.
struct Plain {
  static constexpr int kPixels = 2;
  static HWY_INLINE PairBits Narrow(PairVec even, PairVec odd) { return PairsOf(even, odd); }
};

#if HWY_TARGET == HWY_AVX3
struct Hardware {
  static constexpr int kPixels = 7;
  static HWY_INLINE PairBits Narrow(PairVec even, PairVec odd) {
    // Word i of the even ones, then word i of the odd ones behind them, in lane i.
    const PairBitsTag d;
    const PairBits order =
        hn::Add(hn::Set(d, 0x100000u), hn::Mul(hn::Iota(d, 0), hn::Set(d, 0x10001u)));
    PairBits bits;
    __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(bits.raw) : "v"(odd.raw), "v"(even.raw));
    __asm__("vpermw %1, %2, %0" : "=v"(bits.raw) : "v"(bits.raw), "v"(order.raw));
    return bits;
  }
};
#else
using Hardware = Plain;
#endif

// An output row of one block.
struct Row {
  const uint32_t* in[kTaps];  // input rows
  const float* weights;       // [tap][even, odd][16]
  const float* bias;          // [even, odd][16]
  const uint32_t* residual;   // row, or null
  uint32_t* out;              // row
  const uint32_t* mask;       // of the channels that exist
};

// Outputs x and following from their sums.
template <class Op, int R>
HWY_INLINE void StoreTile(const Row& row, const Epilogue& epilogue, int64_t x, int64_t lane,
                          PairVec (&even)[R], PairVec (&odd)[R]) {
  const PairBitsTag d32;
  const int64_t at = x * kPixelPairs + lane;
  if (row.residual != nullptr) {
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      const PairBits skip = hn::LoadU(d32, row.residual + at + r * kPixelPairs);
      even[r] = hn::Add(even[r], EvenOf(skip));
      odd[r] = hn::Add(odd[r], OddOf(skip));
    }
  }
  uint32_t* to = row.out + at;
  if (!IsClamp(epilogue)) {
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      StorePairs(epilogue, even[r], odd[r], row.mask + lane, to + r * kPixelPairs);
    }
    return;
  }
  const PairVec low = hn::Set(PairTag(), ClampLow(epilogue));
  const PairVec high = hn::Set(PairTag(), ClampHigh(epilogue));
  const PairBits there = hn::LoadU(d32, row.mask + lane);
  KINGLET_UNROLL
  for (int r = 0; r < R; ++r) {
    const PairBits bits = Op::Narrow(ClampVec(even[r], low, high), ClampVec(odd[r], low, high));
    hn::StoreU(hn::And(bits, there), d32, to + r * kPixelPairs);
  }
}

// R pixels from x on. kEdge: some columns lie outside the input.
template <class Op, int S, int R, bool kEdge>
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
  const int64_t first = x * S - s.pad_left;
  constexpr int kColumns = (R - 1) * S + kTaps;
  const float* w = row.weights + lane;
  for (int i = 0; i < kTaps; ++i, w += kTaps * kChannels) {
    const uint32_t* in = row.in[i] + first * kPixelPairs + lane;
    PairVec even_weights[kTaps];
    PairVec odd_weights[kTaps];
    KINGLET_UNROLL
    for (int j = 0; j < kTaps; ++j) {
      even_weights[j] = hn::LoadU(d, w + j * kChannels);
      odd_weights[j] = hn::LoadU(d, w + j * kChannels + kPixelPairs);
    }
    KINGLET_UNROLL
    for (int c = 0; c < kColumns; ++c) {
      if (kEdge && (first + c < 0 || first + c >= s.iw)) continue;
      const PairBits pairs = hn::LoadU(d32, in + c * kPixelPairs);
      const PairVec in_even = EvenOf(pairs);
      const PairVec in_odd = OddOf(pairs);
      KINGLET_UNROLL
      for (int j = 0; j < kTaps; ++j) {
        const int r = (c - j) / S;
        if (c < j || (c - j) % S != 0 || r >= R) continue;
        even[r] = hn::MulAdd(in_even, even_weights[j], even[r]);
        odd[r] = hn::MulAdd(in_odd, odd_weights[j], odd[r]);
      }
    }
  }
  StoreTile<Op, R>(row, epilogue, x, lane, even, odd);
}

template <class Op, int S, int R>
HWY_INLINE void TileAt(const ConvShape& s, const Row& row, const Epilogue& epilogue, int64_t x,
                       int64_t lane) {
  const int64_t first = x * S - s.pad_left;
  if (first >= 0 && first + (R - 1) * S + kTaps <= s.iw) {
    Tile<Op, S, R, false>(s, row, epilogue, x, lane);
  } else {
    Tile<Op, S, R, true>(s, row, epilogue, x, lane);
  }
}

template <class Op, int S>
HWY_NOINLINE void RunRow(const ConvShape& s, const Row& row, const Epilogue& epilogue) {
  constexpr int R = Op::kPixels;
  for (int64_t lane = 0; lane < kPixelPairs; lane += kLanes) {
    int64_t x = 0;
    for (; x + R <= s.ow; x += R) TileAt<Op, S, R>(s, row, epilogue, x, lane);
    // The rest with some of the tile before once more, unless that has added a residual, which may
    // be the output.
    if (x < s.ow && s.ow >= R && row.residual == nullptr) {
      x = s.ow - R;
      TileAt<Op, S, R>(s, row, epilogue, x, lane);
      continue;
    }
    for (; x < s.ow; ++x) Tile<Op, S, 1, true>(s, row, epilogue, x, lane);
  }
}

template <class Op>
void RunRows(const ConvShape& s, const DepthwiseRows& r) noexcept {
  const int64_t in_row = s.iw * kPixelPairs;
  const auto words = [](const float* floats) { return reinterpret_cast<const uint32_t*>(floats); };
  for (int64_t block = 0; block < r.blocks; ++block) {
    const int64_t channels = block + 1 == r.blocks ? r.last_lanes : kChannels;
    const PairMask mask(channels);
    alignas(64) float bias[kChannels];
    SplitBias(r.bias == nullptr ? nullptr : r.bias + block * kChannels, channels, bias);
    Row row;
    row.weights = r.weights + block * kTaps * kTaps * kChannels;
    row.bias = bias;
    row.mask = mask.bits;
    const uint32_t* in = words(r.in) + block * r.in_block_stride;
    int64_t at = block * r.out_block_stride;
    for (int64_t y = r.rows.begin; y < r.rows.end; ++y, at += s.ow * kPixelPairs) {
      for (int i = 0; i < kTaps; ++i) {
        const int64_t from = y * s.sh - s.pad_top + i * s.dh;
        // A division takes as long as several pixels of a row.
        const int64_t held = from < r.in_rows ? from : from % r.in_rows;
        row.in[i] = from >= 0 && from < s.ih ? in + held * in_row : words(r.zeros);
      }
      row.residual = r.residual == nullptr ? nullptr : words(r.residual) + at;
      row.out = reinterpret_cast<uint32_t*>(r.out) + at;
      s.sw == 1 ? RunRow<Op, 1>(s, row, r.epilogue) : RunRow<Op, 2>(s, row, r.epilogue);
    }
  }
}

DepthwiseRowsFn GetRunRows(bool hardware) {
  return hardware ? &RunRows<Hardware> : &RunRows<Plain>;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Rows3Bf16);
HWY_EXPORT(GetRunRows);

namespace {

DepthwiseRowsFn ResolveRows(bool hardware) { return KINGLET_RESOLVE(GetRunRows)(hardware); }

constexpr int64_t kBlockChannels = PixelBlock(ElementType::kBFloat16);
constexpr int kTaps = 3;

int64_t Units(const ConvShape& s) {
  return s.n * BlockCount(s.ic, kBlockChannels) * DepthwiseRowParts(s, kBlockChannels);
}

// A row of zeros.
size_t ScratchBytes(const ConvShape& s) { return static_cast<size_t>(s.iw * kPixelBytes); }

Work WorkOf(const ConvShape& s, int threads) {
  const double products = static_cast<double>(s.n * s.oh * s.ow) * s.kh * s.kw *
                          static_cast<double>(RoundUpToBlock(s.ic, kBlockChannels));
  WorkStage stage =
      ConvTrafficOf(s, ElementType::kBFloat16, ElementType::kBFloat16, DepthwisePairsBytes(s));
  stage.Add({.kind = s.sw == 1 ? WorkKind::kDepthwise : WorkKind::kDepthwiseStrided,
             .count = 2 * products});
  return SharedWork(stage, Units(s), threads);
}

template <bool kHardware>
void Run(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
         void* scratch) noexcept {
  const DepthwiseRowsFn run = ResolveRows(kHardware);
  const int64_t parts = DepthwiseRowParts(s, kBlockChannels);
  const int64_t blocks = BlockCount(s.ic, kBlockChannels);
  const int64_t out_plane = s.oh * s.ow * kBlock;
  const int64_t out_image = args.output_stride != 0 ? args.output_stride / 2 : blocks * out_plane;
  std::memset(scratch, 0, ScratchBytes(s));
  DepthwiseRows r;
  r.zeros = static_cast<const float*>(scratch);
  r.in_rows = s.ih;
  r.epilogue = args.epilogue;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t plane = unit / parts;
    const int64_t block = plane % blocks;
    r.rows = EvenPart(s.oh, parts, unit % parts);
    const int64_t at = r.rows.begin * s.ow * kBlock;
    r.in = static_cast<const float*>(args.input) + plane * s.ih * s.iw * kBlock;
    r.weights = static_cast<const float*>(args.packed) + block * kTaps * kTaps * kBlockChannels;
    r.bias = args.bias == nullptr ? nullptr : args.bias + block * kBlockChannels;
    r.residual = args.residual == nullptr
                     ? nullptr
                     : static_cast<const float*>(args.residual) + plane * out_plane + at;
    r.out = static_cast<float*>(args.output) + plane / blocks * out_image + block * out_plane + at;
    r.last_lanes = std::min(s.oc - block * kBlockChannels, kBlockChannels);
    run(s, r);
  }
}

template <bool kHardware>
ConvVariant Variant(const char* id, CpuFeatures needs) {
  return {.id = id,
          .input = kBlockedBF16,
          .output = kBlockedBF16,
          .needs = needs,
          .supports = &Depthwise3Supports,
          .work = &WorkOf,
          .packed_format = &DepthwisePairsFormat,
          .packed_bytes = &DepthwisePairsBytes,
          .pack = &PackDepthwisePairs,
          .units = &Units,
          .scratch_bytes = &ScratchBytes,
          .run = &Run<kHardware>};
}

}  // namespace

bool Depthwise3Supports(const ConvShape& s) noexcept {
  return s.groups == s.ic && s.ic == s.oc && s.kh == kTaps && s.kw == kTaps && s.dw == 1 &&
         s.sw <= 2;
}

DepthwiseRowsFn ResolveDepthwise3Rows() { return ResolveRows(true); }
DepthwiseRowsFn ResolvePlainDepthwise3Rows() { return ResolveRows(false); }

ConvVariant Depthwise3ConvBf16() {
  return Variant<true>("conv/depthwise3_bf16", {CpuFeature::kAvx512Bf16});
}
ConvVariant PlainDepthwise3ConvBf16() { return Variant<false>("conv/plain_depthwise3_bf16", {}); }

}  // namespace kinglet::kernels
#endif
