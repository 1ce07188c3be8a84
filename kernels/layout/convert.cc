#include "kernels/layout/convert.h"

#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/common/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layout/convert.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Halves = hn::Rebind<uint16_t, Floats>;  // bits of as many values of 16 bits

// y[i] = convert(x[i]), by vectors of Floats, and the rest one by one.
template <typename From, typename To, class Vectors, class One>
HWY_INLINE void Convert(const void* from, void* to, size_t count, Vectors vectors,
                        One one) noexcept {
  const auto* x = static_cast<const From*>(from);
  auto* y = static_cast<To*>(to);
  const size_t lanes = hn::Lanes(Floats());
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) vectors(x + i, y + i);
  for (; i < count; ++i) y[i] = one(x[i]);
}

void ToBFloat16s(const void* from, void* to, size_t count) noexcept {
  const auto vectors = [](const float* x, uint16_t* y) HWY_ATTR {
    const Floats d;
    const Halves d16;
    hn::StoreU(hn::DemoteTo(d16, BFloat16Bits(d, hn::LoadU(d, x))), d16, y);
  };
  Convert<float, uint16_t>(from, to, count, vectors, [](float x) { return ToBFloat16(x).bits; });
}

void FromBFloat16s(const void* from, void* to, size_t count) noexcept {
  const auto vectors = [](const uint16_t* x, float* y) HWY_ATTR {
    const Floats d;
    const hn::RebindToUnsigned<Floats> d32;
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(Halves(), x)));
    hn::StoreU(hn::BitCast(d, bits), d, y);
  };
  Convert<uint16_t, float>(from, to, count, vectors,
                           [](uint16_t x) { return ToFloat(BFloat16{x}); });
}

// As ToFloat16 (kernels/common/half.h), in 32 bits.
template <class D, class V>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> Float16Bits(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  const auto magnitude = hn::And(bits, hn::Set(di, 0x7FFFFFFF));
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(di, 0x8000));
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(di, 1));
  const auto bias = hn::Set(di, 0xFFF - (112 << 23));
  const auto normal = hn::ShiftRight<13>(hn::Add(hn::Add(magnitude, bias), odd));
  const auto half = hn::Set(d, 0.5f);
  const auto shifted = hn::Add(hn::BitCast(d, magnitude), half);
  const auto tiny = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, half));
  auto y = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 0x38800000)), tiny, normal);
  y = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x477FEFFF)), hn::Set(di, 0x7C00), y);
  y = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x7F800000)), hn::Set(di, 0x7E00), y);
  return hn::Or(y, sign);
}

void ToFloat16s(const void* from, void* to, size_t count) noexcept {
  const auto vectors = [](const float* x, uint16_t* y) HWY_ATTR {
    const Floats d;
    const Halves d16;
    const auto value = hn::LoadU(d, x);
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3  // with F16C, which keeps the bits of a NaN
    if (HWY_LIKELY(hn::AllTrue(d, hn::Eq(value, value)))) {
      const hn::Rebind<hwy::float16_t, Floats> d_half;
      hn::StoreU(hn::BitCast(d16, hn::DemoteTo(d_half, value)), d16, y);
      return;
    }
#endif
    hn::StoreU(hn::DemoteTo(d16, Float16Bits(d, value)), d16, y);
  };
  Convert<float, uint16_t>(from, to, count, vectors, [](float x) { return ToFloat16(x).bits; });
}

void FromFloat16s(const void* from, void* to, size_t count) noexcept {
  const auto vectors = [](const uint16_t* x, float* y) HWY_ATTR {
    const Floats d;
    const hn::RebindToSigned<Floats> di;
    const auto half = hn::LoadU(Halves(), x);
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3  // with F16C, which makes every NaN quiet
    const hn::RebindToSigned<Halves> di16;
    const auto absolute = hn::And(hn::BitCast(di16, half), hn::Set(di16, 0x7FFF));
    if (HWY_LIKELY(hn::AllFalse(di16, hn::Gt(absolute, hn::Set(di16, 0x7C00))))) {
      const hn::Rebind<hwy::float16_t, Floats> d_half;
      hn::StoreU(hn::PromoteTo(d, hn::BitCast(d_half, half)), d, y);
      return;
    }
#endif
    const auto bits = hn::PromoteTo(di, half);
    const auto magnitude = hn::And(bits, hn::Set(di, 0x7FFF));
    const auto sign = hn::ShiftLeft<16>(hn::Xor(bits, magnitude));
    const auto shifted = hn::ShiftLeft<13>(magnitude);
    const auto normal = hn::Add(shifted, hn::Set(di, 112 << 23));
    const auto large = hn::Add(shifted, hn::Set(di, 224 << 23));  // infinity and NaN
    const auto tiny = hn::Mul(hn::ConvertTo(d, magnitude), hn::Set(d, 0x1p-24f));
    auto value = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x7BFF)), large, normal);
    value = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 0x400)), hn::BitCast(di, tiny), value);
    hn::StoreU(hn::BitCast(d, hn::Or(value, sign)), d, y);
  };
  Convert<uint16_t, float>(from, to, count, vectors,
                           [](uint16_t x) { return ToFloat(Float16{x}); });
}

constexpr int64_t kNarrow = PixelBlock(ElementType::kBFloat16);

// A row of 32 channels: where its pixels lie as bfloat16, and as float32, whose upper half is there
// or not. `channels` of them exist.
struct BlockedRow {
  int64_t narrow, wide, wide_plane;  // elements
  int64_t channels;
  BlockedRow(int64_t c, int64_t h, int64_t w, int64_t unit) {
    const int64_t blocks = BlockCount(c, kNarrow);
    const int64_t y = unit % h;
    const int64_t block = unit / h % blocks;
    const int64_t image = unit / h / blocks;
    wide_plane = h * w * kBlock;
    narrow = (unit / h * h + y) * w * kNarrow;
    wide = (image * BlockCount(c) + block * (kNarrow / kBlock)) * wide_plane + y * w * kBlock;
    channels = std::min(c - block * kNarrow, kNarrow);
  }
};

void BlockedToBFloat16(int64_t c, int64_t h, int64_t w, const void* from, void* to, int64_t begin,
                       int64_t end) noexcept {
  const hn::CappedTag<float, 16> d;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  for (int64_t unit = begin; unit < end; ++unit) {
    const BlockedRow row(c, h, w, unit);
    auto* y = static_cast<uint16_t*>(to) + row.narrow;
    for (int64_t half = 0; half < kNarrow; half += kBlock) {
      const auto* x = static_cast<const float*>(from) + row.wide + half / kBlock * row.wide_plane;
      for (int64_t p = 0; p < w; ++p) {
        for (size_t lane = 0; lane < kBlock; lane += hn::Lanes(d)) {
          const auto value =
              half < row.channels ? hn::LoadU(d, x + p * kBlock + lane) : hn::Zero(d);
          hn::StoreU(hn::DemoteTo(d16, BFloat16Bits(d, value)), d16, y + p * kNarrow + half + lane);
        }
      }
    }
  }
}

void BlockedFromBFloat16(int64_t c, int64_t h, int64_t w, const void* from, void* to, int64_t begin,
                         int64_t end) noexcept {
  const hn::CappedTag<float, 16> d;
  const hn::RebindToUnsigned<decltype(d)> d32;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  for (int64_t unit = begin; unit < end; ++unit) {
    const BlockedRow row(c, h, w, unit);
    const auto* x = static_cast<const uint16_t*>(from) + row.narrow;
    for (int64_t half = 0; half < row.channels; half += kBlock) {
      auto* y = static_cast<float*>(to) + row.wide + half / kBlock * row.wide_plane;
      for (int64_t p = 0; p < w; ++p) {
        for (size_t lane = 0; lane < kBlock; lane += hn::Lanes(d)) {
          const auto bits = hn::PromoteTo(d32, hn::LoadU(d16, x + p * kNarrow + half + lane));
          hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(bits)), d, y + p * kBlock + lane);
        }
      }
    }
  }
}

}  // namespace

BlockedConversion BlockedConversionForTarget(ElementType from, ElementType to) {
  if (from == ElementType::kFloat32 && to == ElementType::kBFloat16) {
    return {"layout/blocked_float32_to_bfloat16", &BlockedToBFloat16};
  }
  if (from == ElementType::kBFloat16 && to == ElementType::kFloat32) {
    return {"layout/blocked_bfloat16_to_float32", &BlockedFromBFloat16};
  }
  return {};
}

Conversion ConversionForTarget(ElementType from, ElementType to) {
  if (from == ElementType::kFloat32 && to == ElementType::kBFloat16) {
    return {"layout/float32_to_bfloat16", &ToBFloat16s};
  }
  if (from == ElementType::kBFloat16 && to == ElementType::kFloat32) {
    return {"layout/bfloat16_to_float32", &FromBFloat16s};
  }
  if (from == ElementType::kFloat32 && to == ElementType::kFloat16) {
    return {"layout/float32_to_float16", &ToFloat16s};
  }
  if (from == ElementType::kFloat16 && to == ElementType::kFloat32) {
    return {"layout/float16_to_float32", &FromFloat16s};
  }
  return {};
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Convert);
HWY_EXPORT(ConversionForTarget);
HWY_EXPORT(BlockedConversionForTarget);

Conversion FindConversion(ElementType from, ElementType to) noexcept {
  return KINGLET_RESOLVE(ConversionForTarget)(from, to);
}

BlockedConversion FindBlockedConversion(ElementType from, ElementType to) noexcept {
  return KINGLET_RESOLVE(BlockedConversionForTarget)(from, to);
}

int64_t BlockedConversionUnits(int64_t n, int64_t channels, int64_t h) noexcept {
  return n * BlockCount(channels, PixelBlock(ElementType::kBFloat16)) * h;
}

}  // namespace kinglet::kernels
#endif
