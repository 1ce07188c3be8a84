#include "kernels/eltwise/pairs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/eltwise/pairs.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/pairs_bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(PairTag()));

void Unary(const Epilogue& f, const void* x, void* y, size_t pixels, int64_t channels) noexcept {
  const PairBitsTag d32;
  const PairMask mask(channels);
  const auto* from = static_cast<const uint32_t*>(x);
  auto* to = static_cast<uint32_t*>(y);
  for (size_t p = 0; p < pixels; ++p, from += kPixelPairs, to += kPixelPairs) {
    for (int64_t lane = 0; lane < kPixelPairs; lane += kLanes) {
      const PairBits pairs = hn::LoadU(d32, from + lane);
      StorePairs(f, EvenOf(pairs), OddOf(pairs), mask.bits + lane, to + lane);
    }
  }
}

struct AddOp {
  static HWY_INLINE PairVec Of(PairVec a, PairVec b) { return hn::Add(a, b); }
};
struct MulOp {
  static HWY_INLINE PairVec Of(PairVec a, PairVec b) { return hn::Mul(a, b); }
};

template <typename Op>
void Binary(const Epilogue& f, const void* a, const void* b, size_t b_step, void* y, size_t pixels,
            int64_t channels) noexcept {
  const PairBitsTag d32;
  const PairMask mask(channels);
  const auto* left = static_cast<const uint32_t*>(a);
  const auto* right = static_cast<const uint32_t*>(b);
  auto* to = static_cast<uint32_t*>(y);
  const size_t step = b_step * static_cast<size_t>(kPixelPairs);
  for (size_t p = 0; p < pixels; ++p, left += kPixelPairs, right += step, to += kPixelPairs) {
    for (int64_t lane = 0; lane < kPixelPairs; lane += kLanes) {
      const PairBits x = hn::LoadU(d32, left + lane);
      const PairBits z = hn::LoadU(d32, right + lane);
      StorePairs(f, Op::Of(EvenOf(x), EvenOf(z)), Op::Of(OddOf(x), OddOf(z)), mask.bits + lane,
                 to + lane);
    }
  }
}

}  // namespace

const PairsTable& PairsTableForTarget() {
  static constexpr PairsTable table = {&Unary, &Binary<AddOp>, &Binary<MulOp>};
  return table;
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Pairs);
HWY_EXPORT(PairsTableForTarget);

const PairsTable& GetPairsTable() noexcept { return KINGLET_RESOLVE(PairsTableForTarget)(); }

}  // namespace kinglet::kernels
#endif
