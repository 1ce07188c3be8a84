// Vectors of 32-bit lanes as pairs of bfloat16: the even elements of an array in the lower halves,
// the odd ones in the upper halves. A shift and a mask make two vectors of float32 of one, in which
// element 2 * i and element 2 * i + 1 stand in lane i. Include kernels/common/dispatch.h first.
#if defined(KINGLET_PAIRS_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_PAIRS_BF16_INL_H_
#undef KINGLET_PAIRS_BF16_INL_H_
#else
#define KINGLET_PAIRS_BF16_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/common/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

using PairTag = hwy::HWY_NAMESPACE::CappedTag<float, 16>;
using PairBitsTag = hwy::HWY_NAMESPACE::RebindToUnsigned<PairTag>;
using PairVec = hwy::HWY_NAMESPACE::Vec<PairTag>;
using PairBits = hwy::HWY_NAMESPACE::Vec<PairBitsTag>;

// Pairs of a blocked pixel: 32 channels.
inline constexpr int64_t kPixelPairs = 16;

HWY_INLINE PairVec EvenOf(PairBits pairs) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::BitCast(PairTag(), hn::ShiftLeft<16>(pairs));
}

HWY_INLINE PairVec OddOf(PairBits pairs) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::BitCast(PairTag(), hn::And(pairs, hn::Set(PairBitsTag(), 0xFFFF0000u)));
}

// Rounded to nearest, ties to even; NaN stays NaN.
HWY_INLINE PairBits PairsOf(PairVec even, PairVec odd) {
  namespace hn = hwy::HWY_NAMESPACE;
  const PairBitsTag d;
  const auto low = hn::BitCast(d, BFloat16Bits(PairTag(), even));
  return hn::Or(low, hn::ShiftLeft<16>(hn::BitCast(d, BFloat16Bits(PairTag(), odd))));
}

// The pairs of a pixel of which the first `channels` exist, as masks.
struct PairMask {
  explicit PairMask(int64_t channels) {
    for (int64_t i = 0; i < kPixelPairs; ++i) {
      const int64_t left = std::clamp<int64_t>(channels - 2 * i, 0, 2);
      bits[i] = left == 2 ? 0xFFFFFFFFu : left == 1 ? 0xFFFFu : 0u;
    }
  }
  alignas(64) uint32_t bits[kPixelPairs];
};

// Stores f(even) and f(odd) as pairs, of which `mask` keeps those of channels that exist. Out of
// line: with every activation in it at every place that stores, compilers take minutes.
static HWY_NOINLINE HWY_MAYBE_UNUSED void StorePairs(const Epilogue& f, PairVec even, PairVec odd,
                                                     const uint32_t* mask, uint32_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const PairTag d;
  const PairBitsTag d32;
  const PairBits pairs = PairsOf(ActivateVec(d, even, f), ActivateVec(d, odd, f));
  hn::StoreU(hn::And(pairs, hn::LoadU(d32, mask)), d32, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_PAIRS_BF16_INL_H_
