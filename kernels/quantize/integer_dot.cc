#include "kernels/quantize/integer_dot.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize/integer_dot.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/unroll.h"
#include "kernels/conv/requantise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<int32_t, 16>;  // of pairs
using Vec = hn::Vec<Tag>;
constexpr int64_t kElements = 2 * static_cast<int64_t>(hn::MaxLanes(Tag()));

HWY_INLINE Vec LoadPairs(const int16_t* x) {
  return hn::LoadU(Tag(), reinterpret_cast<const int32_t*>(x));
}

// C columns share what is read of the row; sums are modulo 2^32.
template <int C>
HWY_INLINE void DotColumns(const int16_t* row, const int16_t* columns, int64_t depth,
                           int32_t* sums) {
  const Tag d;
  const hn::RebindToUnsigned<Tag> du;  // a sum of lanes that may wrap
  Vec acc[C];
  KINGLET_UNROLL
  for (int c = 0; c < C; ++c) acc[c] = hn::Zero(d);
  int64_t k = 0;
  for (; k + kElements <= depth; k += kElements) {
    const Vec x = LoadPairs(row + k);
    KINGLET_UNROLL
    for (int c = 0; c < C; ++c) acc[c] = AddPairs(d, x, LoadPairs(columns + c * depth + k), acc[c]);
  }
  KINGLET_UNROLL
  for (int c = 0; c < C; ++c) {
    uint32_t sum = hn::GetLane(hn::SumOfLanes(du, hn::BitCast(du, acc[c])));
    for (int64_t i = k; i < depth; ++i) {
      sum += static_cast<uint32_t>(int32_t{row[i]} * int32_t{columns[c * depth + i]});
    }
    sums[c] = static_cast<int32_t>(sum);
  }
}

void Dots(const int16_t* row, const int16_t* columns, int64_t count, int64_t depth,
          int32_t* sums) noexcept {
  constexpr int kColumns = 4;
  int64_t j = 0;
  for (; j + kColumns <= count; j += kColumns) {
    DotColumns<kColumns>(row, columns + j * depth, depth, sums + j);
  }
  for (; j < count; ++j) DotColumns<1>(row, columns + j * depth, depth, sums + j);
}

}  // namespace

IntegerDotsFn IntegerDotsForTarget() { return &Dots; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(IntegerDot);
HWY_EXPORT(IntegerDotsForTarget);

IntegerDotsFn GetIntegerDots() noexcept { return KINGLET_RESOLVE(IntegerDotsForTarget)(); }

}  // namespace kinglet::kernels
#endif
