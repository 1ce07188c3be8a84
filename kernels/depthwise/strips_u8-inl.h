// Depthwise convolutions of codes with stride 1 and kernels of 3x3 and 5x5: pairs of input rows
// wait in scratch for all rows of outputs that read them, two of which are computed at a time. The
// weights of one begin at the upper row of a pair, those of the other one at the lower row.
// Include kernels/common/dispatch.h first.
#if defined(KINGLET_STRIPS_U8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_STRIPS_U8_INL_H_
#undef KINGLET_STRIPS_U8_INL_H_
#else
#define KINGLET_STRIPS_U8_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/common/unroll.h"
#include "kernels/conv/requantise-inl.h"
#include "kernels/depthwise/codes.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace strips {
namespace hn = hwy::HWY_NAMESPACE;

// A vector of codes, and its pairs of int16 as sums of int32.
using CodeTag = hn::CappedTag<uint8_t, kPairedChannels>;
using WideTag = hn::Repartition<int16_t, CodeTag>;
using PairTag = hn::Repartition<int32_t, CodeTag>;
using Pairs = hn::Vec<PairTag>;
// Channels that are computed at a time, and pairs of a vector: those of a group are kParts vectors.
constexpr int64_t kGroup = static_cast<int64_t>(hn::MaxLanes(CodeTag()));
constexpr int64_t kPairs = static_cast<int64_t>(hn::MaxLanes(PairTag()));
constexpr int64_t kParts = kGroup / kPairs;
static_assert(kParts == 4);

// What the rows of a plane share, of kPairedChannels in the order of PlaceOf.
struct StripFilter {
  const int16_t* weights;            // as the pack function leaves them
  alignas(64) int32_t bias[kCodes];  // without the zero point of the input
  alignas(64) float scales[kCodes];
  alignas(64) uint8_t lanes[kCodes];  // in their own order: all bits of those that are channels
  int32_t outside;                    // the zero point of the input
  int64_t valid;                      // channels
};

inline constexpr std::array<uint8_t, kPairedChannels> kPlaces = [] {
  std::array<uint8_t, kPairedChannels> places{};
  for (size_t c = 0; c < places.size(); ++c) {
    places[c] = static_cast<uint8_t>(PlaceOf(static_cast<int64_t>(c)));
  }
  return places;
}();

inline void FillStripFilter(const ConvArgs& args, const CodeBlock& b, StripFilter& f) {
  const auto zero = static_cast<uint32_t>(args.input_zero_point);
  f.weights = b.pair_weights;
  f.outside = args.input_zero_point;
  f.valid = b.valid;
  for (int64_t first = 0; first < kCodes; first += kPairedChannels) {
    for (int64_t c = 0; c < kPairedChannels; ++c) {
      const auto at = static_cast<size_t>(first + c);
      const int64_t place = first + kPlaces[static_cast<size_t>(c)];
      f.bias[place] = static_cast<int32_t>(static_cast<uint32_t>(b.bias[at]) -
                                           static_cast<uint32_t>(b.weight_sums[at]) * zero);
      f.scales[place] = b.scales[at];
      f.lanes[at] = first + c < b.valid ? 0xFF : 0;
    }
  }
}

// Where a part of the group at `channel` lies in arrays in the order of PlaceOf. A group of 16
// channels has half of each part of kPairedChannels.
constexpr int64_t PartOffset(int64_t channel, int64_t part) {
  return channel / kPairedChannels * kPairedChannels + channel % kPairedChannels / 4 +
         part * (kPairedChannels / kParts);
}

HWY_INLINE const int16_t* PartWeights(const StripFilter& f, int64_t k, int64_t channel,
                                      int64_t part) {
  return f.weights + channel / kPairedChannels * PairedWeights(k) +
         2 * (PartOffset(channel, part) % kPairedChannels);
}

// The codes of a column of two rows side by side: even channels, then odd ones.
HWY_INLINE void MakePairs(hn::Vec<CodeTag> top, hn::Vec<CodeTag> bottom, Pairs (&parts)[kParts]) {
  const PairTag dp;
  const hn::RebindToUnsigned<WideTag> d;
  const auto even = hn::Set(d, 0xFF);
  const auto a = hn::BitCast(d, top), b = hn::BitCast(d, bottom);
  const auto a_even = hn::And(a, even), b_even = hn::And(b, even);
  const auto a_odd = hn::ShiftRight<8>(a), b_odd = hn::ShiftRight<8>(b);
  parts[0] = hn::BitCast(dp, hn::InterleaveLower(d, a_even, b_even));
  parts[1] = hn::BitCast(dp, hn::InterleaveUpper(d, a_even, b_even));
  parts[2] = hn::BitCast(dp, hn::InterleaveLower(d, a_odd, b_odd));
  parts[3] = hn::BitCast(dp, hn::InterleaveUpper(d, a_odd, b_odd));
}

// Of the sums of a group.
struct Scales {
  hn::Vec<hn::Rebind<float, PairTag>> parts[kParts];
};

// The codes of sums, in the order that MakePairs reads.
HWY_INLINE hn::Vec<CodeTag> MakeCodes(const Pairs (&sums)[kParts], const Scales& scales,
                                      const CodeBounds& bounds) {
  const WideTag d;
  const PairTag dp;
  const auto even = hn::ReorderDemote2To(d, CodesOfSums(dp, sums[0], scales.parts[0], bounds),
                                         CodesOfSums(dp, sums[1], scales.parts[1], bounds));
  const auto odd = hn::ReorderDemote2To(d, CodesOfSums(dp, sums[2], scales.parts[2], bounds),
                                        CodesOfSums(dp, sums[3], scales.parts[3], bounds));
  return hn::BitCast(CodeTag(), hn::Or(even, hn::ShiftLeft<8>(odd)));
}

HWY_INLINE Scales LoadScales(const StripFilter& f, int64_t channel) {
  const hn::Rebind<float, PairTag> d;
  Scales scales;
  KINGLET_UNROLL
  for (int64_t part = 0; part < kParts; ++part) {
    scales.parts[part] = hn::LoadU(d, f.scales + PartOffset(channel, part));
  }
  return scales;
}

// The columns [first, first + count) of two rows of `columns`, null where a row lies outside the
// input. What is outside is `zero`.
HWY_NOINLINE void PairRows(const uint8_t* top, const uint8_t* bottom, int64_t first, int64_t count,
                           int64_t columns, int32_t zero, int16_t* to) {
  const CodeTag d;
  const PairTag dp;
  const auto outside = hn::Set(d, static_cast<uint8_t>(zero));
  const auto store = [&](hn::Vec<CodeTag> a, hn::Vec<CodeTag> b) HWY_ATTR {
    Pairs parts[kParts];
    MakePairs(a, b, parts);
    KINGLET_UNROLL
    for (int64_t part = 0; part < kParts; ++part) {
      hn::Store(parts[part], dp, reinterpret_cast<int32_t*>(to) + part * kPairs);
    }
    to += 2 * kGroup;
  };
  const int64_t end = first + count;
  const int64_t inside = std::clamp<int64_t>(first, 0, columns);
  const int64_t inside_end = std::clamp<int64_t>(end, inside, columns);
  int64_t column = first;
  for (; column < std::min(inside, end); ++column) store(outside, outside);
  if (top != nullptr && bottom != nullptr) {
    for (; column < inside_end; ++column) {
      store(hn::LoadU(d, top + column * kCodes), hn::LoadU(d, bottom + column * kCodes));
    }
  }
  for (; column < inside_end; ++column) {
    store(top != nullptr ? hn::LoadU(d, top + column * kCodes) : outside,
          bottom != nullptr ? hn::LoadU(d, bottom + column * kCodes) : outside);
  }
  for (; column < end; ++column) store(outside, outside);
}

// Sums of R neighbouring outputs from column `column` of the strip on, of one of the rows that are
// computed at once. pairs[q]: the columns of the rows 2q and 2q + 1 below the first one of the
// window.
template <int K, int R>
HWY_NOINLINE void SumTile(const int16_t* const (&pairs)[kMostPairs], int64_t column, int64_t row,
                          const StripFilter& f, int64_t channel, int32_t* sums) {
  const WideTag d;
  const PairTag dp;
  for (int64_t part = 0; part < kParts; ++part) {
    const int64_t place = PartOffset(channel, part);
    const int16_t* weights = PartWeights(f, K, channel, part) + row * kRowWeights;
    const Pairs bias = hn::LoadU(dp, f.bias + place);
    Pairs acc[R];
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) acc[r] = bias;
    KINGLET_UNROLL
    for (int q = 0; q < (K + 1) / 2; ++q) {
      const int16_t* in = pairs[q] + column * 2 * kGroup + part * 2 * kPairs;
      Pairs w[K];
      KINGLET_UNROLL
      for (int j = 0; j < K; ++j) {
        w[j] = hn::BitCast(dp, hn::LoadU(d, weights + (q * K + j) * kTapWeights));
      }
      KINGLET_UNROLL
      for (int c = 0; c < R - 1 + K; ++c) {
        const Pairs x = hn::BitCast(dp, hn::Load(d, in + c * 2 * kGroup));
        KINGLET_UNROLL
        for (int j = 0; j < K; ++j) {
          if (c - j >= 0 && c - j < R) acc[c - j] = AddPairs(dp, x, w[j], acc[c - j]);
        }
      }
    }
    KINGLET_UNROLL
    for (int r = 0; r < R; ++r) {
      hn::Store(acc[r], dp, sums + ((column + r) * kParts + part) * kPairs);
    }
  }
}

// Stores the codes of `count` sums of a row, and zeros in pad lanes behind them.
HWY_NOINLINE void StoreRow(const int32_t* sums, int64_t count, const StripFilter& f,
                           int64_t channel, const CodeBounds& of_unit, uint8_t* out) {
  const CodeTag d;
  const PairTag dp;
  const CodeBounds bounds = of_unit;
  const Scales scales = LoadScales(f, channel);
  const auto lanes = hn::Load(d, f.lanes + channel);
  // Behind the last group with channels.
  const int64_t pads = channel + kGroup >= f.valid ? kCodes - channel - kGroup : 0;
  for (int64_t x = 0; x < count; ++x, sums += kGroup, out += kCodes) {
    Pairs parts[kParts];
    KINGLET_UNROLL
    for (int64_t part = 0; part < kParts; ++part) parts[part] = hn::Load(dp, sums + part * kPairs);
    hn::StoreU(hn::And(MakeCodes(parts, scales, bounds), lanes), d, out);
    for (int64_t pad = 0; pad < pads; pad += kGroup) {
      hn::StoreU(hn::Zero(d), d, out + kGroup + pad);
    }
  }
}

// As many sums as stay in registers beside weights. Compilers take minutes for more of them where
// vectors are emulated.
constexpr int kTile = HWY_TARGET == HWY_EMU128 ? 2 : 8;

// Sums of `count` outputs: the last tile may compute some of them again.
template <int K, int R>
HWY_INLINE void SumTiles(const int16_t* const (&pairs)[kMostPairs], int64_t begin, int64_t count,
                         int64_t row, const StripFilter& f, int64_t channel, int32_t* sums) {
  for (int64_t column = begin; column < count; column += R) {
    SumTile<K, R>(pairs, std::min(column, count - R), row, f, channel, sums);
  }
}

// `count` outputs of a strip, of one of the rows that are computed at once.
template <int K>
void RunStrip(const int16_t* const (&pairs)[kMostPairs], int64_t count, int64_t row,
              const StripFilter& f, int64_t channel, const CodeBounds& bounds, int32_t* sums,
              uint8_t* out) {
  constexpr int kHalf = kTile / 2;
  const bool again = count > kTile && count % kTile > kHalf;
  const int64_t whole = again ? count : count / kTile * kTile;
  SumTiles<K, kTile>(pairs, 0, whole, row, f, channel, sums);
  if (count >= kHalf) {
    SumTiles<K, kHalf>(pairs, whole, count, row, f, channel, sums);
  } else {
    SumTiles<K, 1>(pairs, whole, count, row, f, channel, sums);
  }
  StoreRow(sums, count, f, channel, bounds, out);
}

// Rows of outputs of a group of channels, strip by strip of a few columns.
template <int K>
void RunGroup(const ConvShape& s, const CodeBounds& bounds, const CodeBlock& b,
              const StripFilter& f, int64_t channel, const Range& rows, std::byte* scratch,
              uint8_t* out) {
  constexpr int64_t kPairRows = (K + 1) / 2;
  constexpr int64_t kTurn = (kStrip - 1 + K) * 2 * kGroup;  // elements of a pair of rows
  auto* sums = reinterpret_cast<int32_t*>(scratch);
  auto* paired = reinterpret_cast<int16_t*>(sums + kStrip * kGroup);
  const auto line = [&](int64_t y) {
    return y >= 0 && y < s.ih ? b.in + y * s.iw * kCodes + channel : nullptr;
  };
  for (int64_t x = 0; x < s.ow; x += kStrip) {
    const int64_t count = std::min(kStrip, s.ow - x);
    const auto pair = [&](int64_t row, int64_t turn) {
      PairRows(line(row), line(row + 1), x - s.pad_left, count - 1 + K, s.iw, f.outside,
               paired + turn * kTurn);
    };
    int64_t top = rows.begin - s.pad_top;
    for (int64_t q = 0; q + 1 < kPairRows; ++q) pair(top + 2 * q, q);
    int64_t first = 0;  // the turn of the first pair
    for (int64_t y = rows.begin; y < rows.end; y += 2, top += 2) {
      pair(top + 2 * (kPairRows - 1), (first + kPairRows - 1) % kPairRows);
      const int16_t* pairs[kMostPairs] = {};
      for (int64_t q = 0; q < kPairRows; ++q) pairs[q] = paired + (first + q) % kPairRows * kTurn;
      first = (first + 1) % kPairRows;
      for (int64_t row = y; row < std::min(y + 2, rows.end); ++row) {
        RunStrip<K>(pairs, count, row - y, f, channel, bounds, sums,
                    out + ((row - rows.begin) * s.ow + x) * kCodes + channel);
      }
    }
  }
}

// All of a plane's channels.
inline void RunStrips(const ConvShape& s, const ConvArgs& args, const CodeBlock& b,
                      const Range& rows, std::byte* scratch, uint8_t* out) {
  StripFilter f;
  FillStripFilter(args, b, f);
  const CodeBounds bounds(args.epilogue);
  const auto run = s.kw == 3 ? &RunGroup<3> : &RunGroup<5>;
  for (int64_t channel = 0; channel < b.valid; channel += kGroup) {
    run(s, bounds, b, f, channel, rows, scratch, out);
  }
}

}  // namespace strips
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();
#endif

#endif  // KINGLET_STRIPS_U8_INL_H_
