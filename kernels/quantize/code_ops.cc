#include "kernels/quantize/code_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize/code_ops.cc"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

// x * y + z, rounded once.
VF FusedMulAdd(VF x, VF y, VF z) {
#if HWY_NATIVE_FMA
  return hn::MulAdd(x, y, z);
#else
  const DF d;
  HWY_ALIGN float a[HWY_MAX_BYTES / sizeof(float)], b[HWY_MAX_BYTES / sizeof(float)],
      c[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(x, d, a);
  hn::Store(y, d, b);
  hn::Store(z, d, c);
  for (size_t i = 0; i < hn::Lanes(d); ++i) a[i] = std::fma(a[i], b[i], c[i]);
  return hn::Load(d, a);
#endif
}

template <typename T>
hn::Vec<hn::RebindToSigned<DF>> LoadCodes(const T* x) {
  const hn::RebindToSigned<DF> di;
  const hn::Rebind<T, DF> dt;
  return hn::PromoteTo(di, hn::LoadU(dt, x));
}

using DI = hn::RebindToSigned<DF>;
using VI = hn::Vec<DI>;

// The codes of values, saturated to T. Numbers of so few bits are rounded, halves to even, by the
// addition of one whose last bit counts ones.
template <typename T>
VI Saturated(VF v) {
  const DF d;
  constexpr auto kLow = static_cast<float>(std::numeric_limits<T>::lowest());
  constexpr auto kHigh = static_cast<float>(std::numeric_limits<T>::max());
  v = hn::Max(hn::Min(v, hn::Set(d, kHigh)), hn::Set(d, kLow));
  const VF shifted = hn::Add(v, hn::Set(d, 12582912.0f));  // 1.5 * 2^23
  return hn::Sub(hn::BitCast(DI(), shifted), hn::Set(DI(), 0x4B400000));
}

template <typename T>
void Store(VI codes, T* to) {
  const hn::Rebind<T, DI> dt;
  hn::StoreU(hn::DemoteTo(dt, codes), dt, to);
}

#if HWY_TARGET == HWY_AVX3
// Two vectors, which are packed into one before they become bytes: four codes of the first, four of
// the second, and so on.
template <typename T>
void Store(VI first, VI second, T* to) {
  const hn::Repartition<int16_t, DI> d16;
  const hn::Rebind<T, decltype(d16)> dt;
  const hn::Repartition<uint32_t, decltype(dt)> fours;
  alignas(32) static constexpr uint32_t kOrder[8] = {0, 2, 4, 6, 1, 3, 5, 7};
  const auto codes = hn::DemoteTo(dt, hn::ReorderDemote2To(d16, first, second));
  const auto in_order =
      hn::TableLookupLanes(hn::BitCast(fours, codes), hn::SetTableIndices(fours, kOrder));
  hn::StoreU(hn::BitCast(dt, in_order), dt, to);
}
#else
template <typename T>
void Store(VI first, VI second, T* to) {
  Store(first, to);
  Store(second, to + hn::Lanes(DI()));
}
#endif

// Stores the codes f(x, y) of vectors, the last one in memory of its own.
template <typename T, class F>
void ForVectors(const T* x, const T* y, size_t y_step, T* z, size_t n, const F& f) {
  const size_t lanes = hn::Lanes(DF());
  T same[HWY_MAX_BYTES / sizeof(float)] = {};
  if (y_step == 0) {
    for (size_t i = 0; i < lanes; ++i) same[i] = *y;
    y = same;
  }
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const T* second = y + (i + lanes) * y_step;
    Store(f(x + i, y + i * y_step), f(x + i + lanes, second), z + i);
  }
  for (; i + lanes <= n; i += lanes) Store(f(x + i, y + i * y_step), z + i);
  if (i == n) return;
  T xs[HWY_MAX_BYTES / sizeof(float)] = {}, ys[HWY_MAX_BYTES / sizeof(float)] = {};
  const size_t rest = n - i;
  for (size_t k = 0; k < rest; ++k) {
    xs[k] = x[i + k];
    ys[k] = y[i * y_step + k];
  }
  Store(f(xs, ys), xs);
  for (size_t k = 0; k < rest; ++k) z[i + k] = xs[k];
}

template <typename T>
void Sum(const CodeSum& s, const void* x, const void* y, size_t y_step, void* z,
         size_t n) noexcept {
  const DF d;
  const VF x_ratio = hn::Set(d, s.x_ratio), y_ratio = hn::Set(d, s.y_ratio);
  const VF constant = hn::Set(d, s.constant);
  ForVectors(static_cast<const T*>(x), static_cast<const T*>(y), y_step, static_cast<T*>(z), n,
             [&](const T* xs, const T* ys) HWY_ATTR {
               const VF a = hn::ConvertTo(d, LoadCodes(xs));
               const VF b = hn::ConvertTo(d, LoadCodes(ys));
               return Saturated<T>(FusedMulAdd(a, x_ratio, FusedMulAdd(b, y_ratio, constant)));
             });
}

template <typename T>
void Product(const CodeProduct& p, const void* x, const void* y, size_t y_step, void* z,
             size_t n) noexcept {
  const DF d;
  const hn::RebindToSigned<DF> di;
  const auto x_zero = hn::Set(di, p.x_zero), y_zero = hn::Set(di, p.y_zero);
  const VF ratio = hn::Set(d, p.ratio), z_zero = hn::Set(d, p.z_zero);
  ForVectors(static_cast<const T*>(x), static_cast<const T*>(y), y_step, static_cast<T*>(z), n,
             [&](const T* xs, const T* ys) HWY_ATTR {
               // Within 255 * 255: exact in float32.
               const VF a = hn::ConvertTo(d, hn::Sub(LoadCodes(xs), x_zero));
               const VF b = hn::ConvertTo(d, hn::Sub(LoadCodes(ys), y_zero));
               return Saturated<T>(hn::Add(hn::Mul(hn::Mul(a, b), ratio), z_zero));
             });
}

// The codes of one vector. Sums are within 2^15 * 255, exact in float32.
template <typename T>
void BlendVector(const CodeBlend& b, const T* const (&x)[4], T* z) {
  const DF d;
  const hn::RebindToSigned<DF> di;
  const hn::Rebind<T, DF> dt;
  auto sum = hn::Set(di, -b.x_zero * (b.weights[0] + b.weights[1] + b.weights[2] + b.weights[3]));
  for (size_t k = 0; k < 4; ++k) {
    sum = hn::Add(sum, hn::Mul(LoadCodes(x[k]), hn::Set(di, b.weights[k])));
  }
  const auto low = static_cast<float>(std::numeric_limits<T>::lowest() - b.z_zero);
  const auto high = static_cast<float>(std::numeric_limits<T>::max() - b.z_zero);
  const VF scaled = hn::Mul(hn::ConvertTo(d, sum), hn::Set(d, b.ratio));
  const VF steps = hn::Min(hn::Max(scaled, hn::Set(d, low)), hn::Set(d, high));
  hn::StoreU(hn::DemoteTo(dt, hn::Add(hn::NearestInt(steps), hn::Set(di, b.z_zero))), dt, z);
}

template <typename T>
void Blend(const CodeBlend& b, const void* const (&x)[4], void* z, size_t n) noexcept {
  const size_t lanes = hn::Lanes(DF());
  const T* from[4];
  for (size_t k = 0; k < 4; ++k) from[k] = static_cast<const T*>(x[k]);
  T* to = static_cast<T*>(z);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    BlendVector<T>(b, {from[0] + i, from[1] + i, from[2] + i, from[3] + i}, to + i);
  }
  if (i == n) return;
  T rest[4][HWY_MAX_BYTES / sizeof(float)] = {}, made[HWY_MAX_BYTES / sizeof(float)];
  for (size_t k = 0; k < 4; ++k) std::copy(from[k] + i, from[k] + n, rest[k]);
  BlendVector<T>(b, {rest[0], rest[1], rest[2], rest[3]}, made);
  std::copy(made, made + (n - i), to + i);
}

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
// Looks up whole vectors; returns how many codes that are, none where there are few. A lookup takes
// the lower four bits of an index, and gives zero where its highest bit is set. Tables of sixteen
// are stored as what is different from the one before: an index, of which 16 are taken off for each
// next table, finds something in all tables up to its own one, and these together are its entry.
// Behind that it is negative, and stays so. Both halves of the codes go by themselves.
size_t LookUpHalves(const uint8_t* codes, const uint8_t* from, uint8_t* to, size_t n) {
  const hn::ScalableTag<uint8_t> d;
  const hn::RebindToSigned<decltype(d)> di;
  constexpr size_t kTables = 16;
  constexpr size_t kWorthwhile = 128;
  if (n < kWorthwhile) return 0;
  HWY_ALIGN uint8_t steps[256];
  for (size_t k = 0; k < 256; ++k) {
    const bool first = k % 128 < kTables;
    steps[k] = static_cast<uint8_t>(codes[k] ^ (first ? 0 : codes[k - 16]));
  }
  const auto sixteen = hn::Set(di, 16);
  const auto highest = hn::Set(d, 0x80);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto index = hn::LoadU(d, from + i);
    auto low = hn::BitCast(di, index), high = hn::BitCast(di, hn::Xor(index, highest));
    auto found = hn::Zero(d);
    for (size_t part = 0; part < kTables / 2; ++part) {
      const uint8_t* table = steps + part * 16;
      const auto lower = hn::LoadDup128(d, table), upper = hn::LoadDup128(d, table + 128);
      found = hn::Xor(found, hn::TableLookupBytesOr0(lower, hn::BitCast(d, low)));
      found = hn::Xor(found, hn::TableLookupBytesOr0(upper, hn::BitCast(d, high)));
      low = hn::SaturatedSub(low, sixteen);
      high = hn::SaturatedSub(high, sixteen);
    }
    hn::StoreU(found, d, to + i);
  }
  return i;
}
#endif

void LookUp(const void* table, const void* x, void* y, size_t n) noexcept {
  const auto* codes = static_cast<const uint8_t*>(table);
  const auto* from = static_cast<const uint8_t*>(x);
  auto* to = static_cast<uint8_t*>(y);
  size_t i = 0;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  i = LookUpHalves(codes, from, to, n);
#elif HWY_ARCH_ARM_A64
  // Sixteen tables of sixteen: an index that is not of a table has its highest bit set, for which
  // the lookup gives zero.
  const hn::ScalableTag<uint8_t> d;
  const auto beyond = hn::Set(d, 0x70), index_bits = hn::Set(d, 0x8F);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto index = hn::LoadU(d, from + i);
    auto found = hn::Zero(d);
    for (size_t part = 0; part < 16; ++part) {
      const auto in_part = hn::Xor(index, hn::Set(d, static_cast<uint8_t>(part << 4)));
      const auto at = hn::And(hn::SaturatedAdd(in_part, beyond), index_bits);
      const auto sixteen = hn::LoadDup128(d, codes + 16 * part);
      found = hn::Or(found, hn::TableLookupBytesOr0(sixteen, at));
    }
    hn::StoreU(found, d, to + i);
  }
#endif
  for (; i < n; ++i) to[i] = codes[from[i]];
}

}  // namespace

const CodeOps* CodeOpsForTarget(bool is_signed) {
  static constexpr CodeOps kUnsigned = {&Sum<uint8_t>, &Product<uint8_t>, &Blend<uint8_t>};
  static constexpr CodeOps kSigned = {&Sum<int8_t>, &Product<int8_t>, &Blend<int8_t>};
  return is_signed ? &kSigned : &kUnsigned;
}

LookUpFn LookUpForTarget() { return &LookUp; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(CodeOps);
HWY_EXPORT(CodeOpsForTarget);
HWY_EXPORT(LookUpForTarget);

const CodeOps& GetCodeOps(bool is_signed) noexcept {
  return *KINGLET_RESOLVE(CodeOpsForTarget)(is_signed);
}
LookUpFn GetLookUp() noexcept { return KINGLET_RESOLVE(LookUpForTarget)(); }

}  // namespace kinglet::kernels
#endif
