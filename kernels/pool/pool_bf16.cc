#include "kernels/pool/pool_bf16.h"

#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/pool/window.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool/pool_bf16.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/pairs_bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(PairTag()));

struct MaxOp {
  static constexpr float kStart = -0x1.FEp127f;  // the lowest bfloat16
  static HWY_INLINE PairVec Of(PairVec a, PairVec b) { return hn::Max(a, b); }
};
struct SumOp {
  static constexpr float kStart = 0;
  static HWY_INLINE PairVec Of(PairVec a, PairVec b) { return hn::Add(a, b); }
};

template <typename Op, bool kAverage>
void Windows(const Pool& p, const void* x, void* y, int64_t begin, int64_t end) noexcept {
  const PairTag d;
  const PairBitsTag d32;
  const int64_t blocks = BlockCount(p.c, 2 * kPixelPairs);
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t row = unit % p.out_h;
    const int64_t block = unit / p.out_h % blocks;
    const int64_t image = unit / p.out_h / blocks;
    const auto* in = static_cast<const uint32_t*>(x) + image * p.in_batch_stride / 2 +
                     block * p.in_h * p.in_w * kPixelPairs;
    auto* out = static_cast<uint32_t*>(y) + image * p.out_batch_stride / 2 +
                (block * p.out_h + row) * p.out_w * kPixelPairs;
    const PairMask mask(p.c - block * 2 * kPixelPairs);
    const PoolTaps rows = TapsAt(
        {p.in_h, p.out_h, p.kernel_h, p.stride_h, p.dilation_h, p.pad_top, p.pad_bottom}, row);
    for (int64_t column = 0; column < p.out_w; ++column, out += kPixelPairs) {
      const PoolTaps columns = TapsAt(
          {p.in_w, p.out_w, p.kernel_w, p.stride_w, p.dilation_w, p.pad_left, p.pad_right}, column);
      const int64_t counted =
          p.include_pad ? rows.padded * columns.padded : rows.count() * columns.count();
      const PairVec share = hn::Set(d, 1.0f / static_cast<float>(std::max<int64_t>(counted, 1)));
      for (int64_t lane = 0; lane < kPixelPairs; lane += kLanes) {
        PairVec even = hn::Set(d, Op::kStart);
        PairVec odd = even;
        for (int64_t i = rows.begin; i < rows.end; ++i) {
          const uint32_t* from =
              in + ((rows.start + i * p.dilation_h) * p.in_w + columns.start) * kPixelPairs + lane;
          for (int64_t j = columns.begin; j < columns.end; ++j) {
            const PairBits pairs = hn::LoadU(d32, from + j * p.dilation_w * kPixelPairs);
            even = Op::Of(even, EvenOf(pairs));
            odd = Op::Of(odd, OddOf(pairs));
          }
        }
        if (kAverage) {
          even = hn::Mul(even, share);
          odd = hn::Mul(odd, share);
        }
        hn::StoreU(hn::And(PairsOf(even, odd), hn::LoadU(d32, mask.bits + lane)), d32, out + lane);
      }
    }
  }
}

// float32: the even and the odd channels side by side again, in blocks of 16.
void StoreFloats(const GlobalPool& p, const float (&pairs)[2][kPixelPairs], int64_t image,
                 int64_t block, void* y) {
  const int64_t first = block * 2 * kPixelPairs;
  float* to = static_cast<float*>(y) + image * p.out_batch_stride + first;
  const int64_t stored = std::min(RoundUpToBlock(p.c) - first, 2 * kPixelPairs);
  for (int64_t c = 0; c < stored; ++c) to[c] = first + c < p.c ? pairs[c % 2][c / 2] : 0.0f;
}

template <typename Op, bool kAverage, bool kFloats>
void Maps(const GlobalPool& p, const void* x, void* y, int64_t begin, int64_t end) noexcept {
  const PairTag d;
  const PairBitsTag d32;
  const int64_t blocks = BlockCount(p.c, 2 * kPixelPairs);
  const PairVec share = hn::Set(d, kAverage ? 1.0f / static_cast<float>(p.pixels) : 1.0f);
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t image = unit / blocks;
    const int64_t block = unit % blocks;
    const auto* in = static_cast<const uint32_t*>(x) + image * p.in_batch_stride / 2 +
                     block * p.pixels * kPixelPairs;
    const PairMask mask(p.c - block * 2 * kPixelPairs);
    alignas(64) float sums[2][kPixelPairs];
    for (int64_t lane = 0; lane < kPixelPairs; lane += kLanes) {
      PairVec even = hn::Set(d, Op::kStart);
      PairVec odd = even;
      for (int64_t i = 0; i < p.pixels; ++i) {
        const PairBits pairs = hn::LoadU(d32, in + i * kPixelPairs + lane);
        even = Op::Of(even, EvenOf(pairs));
        odd = Op::Of(odd, OddOf(pairs));
      }
      even = hn::Mul(even, share);
      odd = hn::Mul(odd, share);
      if (kFloats) {
        hn::StoreU(even, d, sums[0] + lane);
        hn::StoreU(odd, d, sums[1] + lane);
        continue;
      }
      auto* out =
          static_cast<uint32_t*>(y) + image * p.out_batch_stride / 2 + block * kPixelPairs + lane;
      hn::StoreU(hn::And(PairsOf(even, odd), hn::LoadU(d32, mask.bits + lane)), d32, out);
    }
    if (kFloats) StoreFloats(p, sums, image, block, y);
  }
}

}  // namespace

const PoolBf16Table& PoolBf16TableForTarget() {
  static constexpr PoolBf16Table table = {&Windows<MaxOp, false>,     &Windows<SumOp, true>,
                                          &Maps<MaxOp, false, false>, &Maps<SumOp, true, false>,
                                          &Maps<MaxOp, false, true>,  &Maps<SumOp, true, true>};
  return table;
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(PoolBf16);
HWY_EXPORT(PoolBf16TableForTarget);

namespace {
constexpr int64_t kChannels = PixelBlock(ElementType::kBFloat16);
}

int64_t Bf16UnitCount(const Pool& p) noexcept { return p.n * BlockCount(p.c, kChannels) * p.out_h; }
int64_t Bf16UnitCount(const GlobalPool& p) noexcept { return p.n * BlockCount(p.c, kChannels); }

const PoolBf16Table& GetPoolBf16Table() noexcept {
  return KINGLET_RESOLVE(PoolBf16TableForTarget)();
}

}  // namespace kinglet::kernels
#endif
