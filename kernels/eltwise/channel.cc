#include "kernels/eltwise/channel.h"

#include <algorithm>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/eltwise/channel.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/eltwise/array-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr size_t kPixel = 16;
constexpr size_t kPixelsAtOnce = 64;  // what is activated while it is still in the first cache

void AffinePixels(const float* x, const float* scale, const float* shift, float* y, size_t pixels,
                  float low, float high) {
  const ArrayTag d;
  const ArrayVec lo = hn::Set(d, low), hi = hn::Set(d, high);
  for (size_t l = 0; l < kPixel; l += hn::Lanes(d)) {
    const ArrayVec s = hn::LoadU(d, scale + l), t = hn::LoadU(d, shift + l);
    for (size_t i = l; i < pixels * kPixel; i += kPixel) {
      hn::StoreU(ClampVec(hn::MulAdd(hn::LoadU(d, x + i), s, t), lo, hi), d, y + i);
    }
  }
}

void AffineBlocked(const float* x, const float* scale, const float* shift, float* y, size_t pixels,
                   const Epilogue& e) noexcept {
  const float low = ClampLow(e), high = ClampHigh(e);
  if (IsClamp(e)) return AffinePixels(x, scale, shift, y, pixels, low, high);
  for (size_t p = 0; p < pixels; p += kPixelsAtOnce) {
    const size_t count = std::min(kPixelsAtOnce, pixels - p);
    AffinePixels(x + p * kPixel, scale, shift, y + p * kPixel, count, low, high);
    ActivateSpan(e, y + p * kPixel, count * kPixel);
  }
}

void AffinePlain(const float* x, float scale, float shift, float* y, size_t n,
                 const Epilogue& e) noexcept {
  const ArrayTag d;
  HWY_ALIGN float scales[kPixel];
  HWY_ALIGN float shifts[kPixel];
  std::fill_n(scales, kPixel, scale);
  std::fill_n(shifts, kPixel, shift);
  const size_t whole = n / kPixel;
  AffineBlocked(x, scales, shifts, y, whole, e);
  const ArrayVec s = hn::Set(d, scale), t = hn::Set(d, shift);
  for (size_t i = whole * kPixel; i < n; i += hn::Lanes(d)) {
    const size_t count = std::min(n - i, hn::Lanes(d));
    StoreTail(ActivateVec(d, hn::MulAdd(LoadTail(x + i, count), s, t), e), y + i, count);
  }
}

void ZeroPad(float* y, size_t pixels, size_t channels) noexcept {
  const ArrayTag d;
  HWY_ALIGN float keep[kPixel];
  for (size_t l = 0; l < kPixel; ++l) keep[l] = l < channels ? 1.0f : 0.0f;
  const size_t lanes = hn::Lanes(d);
  for (size_t l = channels / lanes * lanes; l < kPixel; l += lanes) {
    const auto kept = hn::Ne(hn::Load(d, keep + l), hn::Zero(d));
    for (size_t i = l; i < pixels * kPixel; i += kPixel) {
      hn::StoreU(hn::IfThenElseZero(kept, hn::LoadU(d, y + i)), d, y + i);
    }
  }
}

constexpr ChannelTable kTable = {AffineBlocked, AffinePlain, ZeroPad};
}  // namespace

const ChannelTable* ChannelTableForTarget() { return &kTable; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Channel);
HWY_EXPORT(ChannelTableForTarget);

const ChannelTable& GetChannelTable() noexcept { return *KINGLET_RESOLVE(ChannelTableForTarget)(); }

}  // namespace kinglet::kernels
#endif
