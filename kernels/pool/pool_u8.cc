#include "kernels/pool/pool_u8.h"

#include <algorithm>
#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/pool/window.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool/pool_u8.cc"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kChannels = PixelBlock(ElementType::kUInt8);

using DF = hn::CappedTag<float, static_cast<size_t>(kChannels)>;
using DI = hn::RebindToSigned<DF>;
using VF = hn::Vec<DF>;
using VI = hn::Vec<DI>;

VI LoadCodes(const uint8_t* x) {
  const hn::Rebind<uint8_t, DI> d8;
  return hn::PromoteTo(DI(), hn::LoadU(d8, x));
}

// round(v) + zero of 8 bits; NaN gives the highest.
void StoreCodes(VF v, float low, float high, int32_t zero, uint8_t* y) {
  const DF d;
  const hn::Rebind<uint8_t, DI> d8;
  const VF top = hn::Set(d, high);
  v = hn::Max(hn::IfThenElse(hn::Lt(v, top), v, top), hn::Set(d, low));
  hn::StoreU(hn::DemoteTo(d8, hn::Add(hn::NearestInt(v), hn::Set(DI(), zero))), d8, y);
}

// Calls f(taps in y, columns' taps, the block's input, output pixel) for every output of the units.
template <class F>
void ForOutputs(const Pool& p, const uint8_t* x, uint8_t* y, int64_t begin, int64_t end,
                const F& f) {
  const int64_t blocks = BlockCount(p.c, kChannels);
  const PoolAxis rows = {p.in_h,       p.out_h,   p.kernel_h,  p.stride_h,
                         p.dilation_h, p.pad_top, p.pad_bottom};
  const PoolAxis columns = {p.in_w,       p.out_w,    p.kernel_w, p.stride_w,
                            p.dilation_w, p.pad_left, p.pad_right};
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t row = unit % p.out_h;
    const int64_t block = unit / p.out_h % blocks;
    const int64_t image = unit / p.out_h / blocks;
    const uint8_t* in = x + image * p.in_batch_stride + block * p.in_h * p.in_w * kChannels;
    uint8_t* out = y + image * p.out_batch_stride + (block * p.out_h + row) * p.out_w * kChannels;
    const int64_t valid = std::min(kChannels, p.c - block * kChannels);
    const PoolTaps in_rows = TapsAt(rows, row);
    for (int64_t column = 0; column < p.out_w; ++column, out += kChannels) {
      f(in_rows, TapsAt(columns, column), in, out);
      std::memset(out + valid, 0, static_cast<size_t>(kChannels - valid));
    }
  }
}

// Calls f(pixel) for the taps of a window, in order.
template <class F>
HWY_INLINE void ForTaps(const Pool& p, const PoolTaps& rows, const PoolTaps& columns,
                        const uint8_t* in, const F& f) {
  for (int64_t i = rows.begin; i < rows.end; ++i) {
    const uint8_t* line =
        in + ((rows.start + i * p.dilation_h) * p.in_w + columns.start) * kChannels;
    for (int64_t j = columns.begin; j < columns.end; ++j) f(line + j * p.dilation_w * kChannels);
  }
}

void Max(const Pool& p, const uint8_t* x, uint8_t* y, int64_t begin, int64_t end) noexcept {
  const hn::CappedTag<uint8_t, static_cast<size_t>(kChannels)> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  ForOutputs(p, x, y, begin, end,
             [&](const PoolTaps& rows, const PoolTaps& columns, const uint8_t* in, uint8_t* out)
                 HWY_ATTR {
                   for (int64_t lane = 0; lane < kChannels; lane += lanes) {
                     auto most = hn::Zero(d);
                     ForTaps(p, rows, columns, in + lane, [&](const uint8_t* pixel) HWY_ATTR {
                       most = hn::Max(most, hn::LoadU(d, pixel));
                     });
                     hn::StoreU(most, d, out + lane);
                   }
                 });
}

void Average(const Pool& p, const CodeScales& s, const uint8_t* x, uint8_t* y, int64_t begin,
             int64_t end) noexcept {
  const DF d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const VF x_scale = hn::Set(d, s.x_scale), y_scale = hn::Set(d, s.y_scale);
  const VF y_zero = hn::Set(d, static_cast<float>(s.y_zero));
  const VI x_zero = hn::Set(DI(), s.x_zero);
  ForOutputs(p, x, y, begin, end,
             [&](const PoolTaps& rows, const PoolTaps& columns, const uint8_t* in, uint8_t* out)
                 HWY_ATTR {
                   const int64_t taps =
                       p.include_pad ? p.kernel_h * p.kernel_w : rows.count() * columns.count();
                   const VF count = hn::Set(d, static_cast<float>(taps));
                   for (int64_t lane = 0; lane < kChannels; lane += lanes) {
                     VF sum = hn::Zero(d);
                     ForTaps(p, rows, columns, in + lane, [&](const uint8_t* pixel) HWY_ATTR {
                       const VF steps = hn::ConvertTo(d, hn::Sub(LoadCodes(pixel), x_zero));
                       sum = hn::Add(sum, hn::Mul(x_scale, steps));
                     });
                     const VF value = hn::Add(hn::Div(hn::Div(sum, count), y_scale), y_zero);
                     StoreCodes(value, 0.0f, 255.0f, 0, out + lane);
                   }
                 });
}

void GlobalAverage(const GlobalPool& p, const CodeScales& s, const uint8_t* x, uint8_t* y,
                   int64_t begin, int64_t end) noexcept {
  const DF d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t blocks = BlockCount(p.c, kChannels);
  const VF scale = hn::Set(d, s.x_scale / (s.y_scale * static_cast<float>(p.pixels)));
  const VI shift = hn::Set(DI(), static_cast<int32_t>(p.pixels * s.x_zero));
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t image = unit / blocks;
    const int64_t block = unit % blocks;
    const uint8_t* in = x + image * p.in_batch_stride + block * p.pixels * kChannels;
    uint8_t* out = y + image * p.out_batch_stride + block * kChannels;
    for (int64_t lane = 0; lane < kChannels; lane += lanes) {
      VI sum = hn::Zero(DI());
      for (int64_t i = 0; i < p.pixels; ++i) {
        sum = hn::Add(sum, LoadCodes(in + i * kChannels + lane));
      }
      const VF steps = hn::Mul(hn::ConvertTo(d, hn::Sub(sum, shift)), scale);
      StoreCodes(steps, static_cast<float>(-s.y_zero), static_cast<float>(255 - s.y_zero), s.y_zero,
                 out + lane);
    }
    const int64_t valid = std::min(kChannels, p.c - block * kChannels);
    std::memset(out + valid, 0, static_cast<size_t>(kChannels - valid));
  }
}

}  // namespace

const PoolU8Table& PoolU8TableForTarget() {
  static constexpr PoolU8Table table = {&Max, &Average, &GlobalAverage};
  return table;
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(PoolU8);
HWY_EXPORT(PoolU8TableForTarget);

namespace {
constexpr int64_t kChannels = PixelBlock(ElementType::kUInt8);
}

int64_t CodeUnitCount(const Pool& p) noexcept { return p.n * BlockCount(p.c, kChannels) * p.out_h; }
int64_t CodeUnitCount(const GlobalPool& p) noexcept { return p.n * BlockCount(p.c, kChannels); }

const PoolU8Table& GetPoolU8Table() noexcept { return KINGLET_RESOLVE(PoolU8TableForTarget)(); }

}  // namespace kinglet::kernels
#endif
