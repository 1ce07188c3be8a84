// Depthwise convolutions of codes with stride 2 and kernels of 3x3 and 5x5: pairs of input rows are
// brought together as they are loaded, and multiplied for all outputs that read them.
// Include kernels/common/dispatch.h first.
#if defined(KINGLET_ROWS_U8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_ROWS_U8_INL_H_
#undef KINGLET_ROWS_U8_INL_H_
#else
#define KINGLET_ROWS_U8_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/common/unroll.h"
#include "kernels/conv/requantise-inl.h"
#include "kernels/depthwise/codes.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace rows {
namespace hn = hwy::HWY_NAMESPACE;

using WideTag = hn::CappedTag<int16_t, 16>;
using PairTag = hn::Repartition<int32_t, WideTag>;
using Pairs = hn::Vec<PairTag>;
// Channels that are computed at a time.
constexpr int64_t kGroup = static_cast<int64_t>(hn::MaxLanes(WideTag()));

// What the rows of a plane share.
struct RowFilter {
  const int16_t* weights;            // as the pack function leaves them
  alignas(64) int32_t bias[kCodes];  // in their order, without the zero point of the input
  alignas(64) float scales[kCodes];
  int64_t groups;          // with channels in them
  const uint8_t* outside;  // as many pixels that hold the zero point as an input row has
};

inline void FillRowFilter(const ConvArgs& args, const CodeBlock& b, RowFilter& f) {
  const auto zero = static_cast<uint32_t>(args.input_zero_point);
  f.weights = b.pair_weights;
  f.groups = CeilDiv(b.valid, kGroup);
  for (int64_t c = 0; c < kCodes; ++c) {
    const auto at = static_cast<size_t>(c);
    const int64_t place = c / 16 * 16 + RowPlaceOf(c % 16);
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
template <int K, int kLive>
KINGLET_COLUMN_INLINE void AddColumn(const uint8_t* const (&rows)[K], int64_t offset,
                                     const int16_t* weights, int column, Pairs (&sums)[kLive][2]) {
  const WideTag d;
  const PairTag dp;
  KINGLET_UNROLL
  for (int pair = 0; pair < (K + 1) / 2; ++pair) {
    const PairsOfRows x = LoadPair<K>(rows, offset, pair);
    KINGLET_UNROLL
    for (int k = 0; k < kLive; ++k) {
      const int tap = column + k * 2;
      if (tap >= K) continue;
      const int16_t* w = weights + (pair * K + tap) * 32;
      sums[k][0] = AddPairs(dp, x.lower, hn::BitCast(dp, hn::LoadU(d, w)), sums[k][0]);
      sums[k][1] = AddPairs(dp, x.upper, hn::BitCast(dp, hn::LoadU(d, w + 16)), sums[k][1]);
    }
  }
}

#undef KINGLET_COLUMN_INLINE

// Column `kColumn` of a step whose first one is column `first` of the input.
template <int K, int kLive, int kColumn>
HWY_INLINE void AddStepColumn(int64_t first, int64_t columns, const uint8_t* const (&inside)[K],
                              const uint8_t* const (&outside)[K], const int16_t* weights,
                              Pairs (&sums)[kLive][2]) {
  const int64_t at = first + kColumn;
  if (at >= 0 && at < columns) {
    AddColumn<K, kLive>(inside, at * kCodes, weights, kColumn, sums);
  } else {
    AddColumn<K, kLive>(outside, 0, weights, kColumn, sums);
  }
}

// An output row: column after column, each for all outputs that read it, of which kLive are under
// way.
template <int K>
HWY_NOINLINE void RunRow(const ConvShape& s, const RowFilter& f, const uint8_t* const (&rows)[K],
                         const CodeBounds& of_unit, uint8_t* out) {
  constexpr int kLive = (K - 1) / 2 + 1;
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
      AddStepColumn<K, kLive, 0>(step * 2 - pad, columns, inside, outside, weights, sums);
      if (step >= kLive - 1) {
        const auto codes =
            hn::ReorderDemote2To(d, CodesOfSums(dp, sums[kLive - 1][0], low_scales, bounds),
                                 CodesOfSums(dp, sums[kLive - 1][1], high_scales, bounds));
        hn::StoreU(hn::DemoteTo(d8, codes), d8, to);
      }
      AddStepColumn<K, kLive, 1>(step * 2 - pad, columns, inside, outside, weights, sums);
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

template <int K>
void RunRowsOf(const ConvShape& s, const CodeBounds& bounds, const CodeBlock& b, const RowFilter& f,
               const Range& range, uint8_t* out) {
  const uint8_t* rows[K];
  for (int64_t y = range.begin; y < range.end; ++y, out += s.ow * kCodes) {
    for (int i = 0; i < K; ++i) {
      const int64_t row = y * 2 - s.pad_top + i;
      rows[i] = row >= 0 && row < s.ih ? b.in + row * s.iw * kCodes : f.outside;
    }
    RunRow<K>(s, f, rows, bounds, out);
  }
}

// All of a plane's channels; what lies behind them in their last 16 is not zero.
inline void RunRows(const ConvShape& s, const ConvArgs& args, const CodeBlock& b,
                    const Range& range, std::byte* scratch, uint8_t* out) {
  RowFilter f;
  FillRowFilter(args, b, f);
  std::memset(scratch, args.input_zero_point, static_cast<size_t>(s.iw * kCodes));
  f.outside = reinterpret_cast<const uint8_t*>(scratch);
  const auto run = s.kw == 3 ? &RunRowsOf<3> : &RunRowsOf<5>;
  run(s, CodeBounds(args.epilogue), b, f, range, out);
}

}  // namespace rows
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();
#endif

#endif  // KINGLET_ROWS_U8_INL_H_
