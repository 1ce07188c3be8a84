#include "kernels/roi/roi_align.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/roi/roi_align.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"
#include "kernels/layout/layout.h"
#include "kernels/roi/samples.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kBlock = 16;
constexpr size_t kVectors = static_cast<size_t>(kBlock) / hn::MaxLanes(ArrayTag());

// The channels of one pixel.
struct Pixel {
  ArrayVec v[kVectors];
};

template <typename F>
HWY_INLINE void ForEachVector(F f) {
  for (size_t k = 0; k < kVectors; ++k) f(k, k * hn::MaxLanes(ArrayTag()));
}

// A block of channels of one image: pixel by pixel where `pixels` is not null, else plain.
struct Block {
  const float* plain;
  const float* pixels;
  int64_t channels, area;

  HWY_INLINE const float* At(int64_t position, float* lanes) const {
    if (pixels != nullptr) return pixels + position * kBlock;
    for (int64_t c = 0; c < channels; ++c) lanes[c] = plain[c * area + position];
    return lanes;
  }
};

// Adds one sample to the sum, or takes it into the maximum.
template <bool kMaximum>
HWY_INLINE void Take(const Block& block, int64_t width, const RoiSample& y, const RoiSample& x,
                     Pixel& sum) {
  const ArrayTag d;
  HWY_ALIGN float lanes[4][kBlock] = {};
  const float* pixels[4] = {
      block.At(y.low * width + x.low, lanes[0]), block.At(y.low * width + x.high, lanes[1]),
      block.At(y.high * width + x.low, lanes[2]), block.At(y.high * width + x.high, lanes[3])};
  const float weights[4] = {y.low_weight * x.low_weight, y.low_weight * x.high_weight,
                            y.high_weight * x.low_weight, y.high_weight * x.high_weight};
  for (int k = 0; k < 4; ++k) {
    const ArrayVec weight = hn::Set(d, weights[k]);
    ForEachVector([&](size_t i, size_t lane) {
      const ArrayVec pixel = hn::Load(d, pixels[k] + lane);
      sum.v[i] = kMaximum ? hn::Max(sum.v[i], hn::Mul(pixel, weight))
                          : hn::MulAdd(pixel, weight, sum.v[i]);
    });
  }
}

// One bin: `out` has kBlock channels.
template <bool kMaximum>
void Bin(const Block& block, int64_t width, const RoiBin& y, const RoiBin& x, float* out) {
  const ArrayTag d;
  Pixel sum;
  const bool none = y.total <= 0 || x.total <= 0;
  // What is outside of the map counts as 0 for the maximum as well.
  const bool all = y.end - y.begin == y.total && x.end - x.begin == x.total;
  const float start = kMaximum && all && !none ? -HUGE_VALF : 0.0f;
  ForEachVector([&](size_t i, size_t) { sum.v[i] = hn::Set(d, start); });
  for (const RoiSample* sy = y.begin; sy != y.end; ++sy) {
    for (const RoiSample* sx = x.begin; sx != x.end; ++sx) {
      Take<kMaximum>(block, width, *sy, *sx, sum);
    }
  }
  const auto count = static_cast<float>(y.total) * static_cast<float>(x.total);
  const ArrayVec scale = hn::Set(d, kMaximum || none ? 1.0f : 1.0f / count);
  ForEachVector([&](size_t i, size_t lane) { hn::Store(hn::Mul(sum.v[i], scale), d, out + lane); });
}

// One region: bins as {bins_h * bins_w, 16} in `result`, then as channels in `out`.
void Region(const RoiAlign& p, const Block& block, const RoiSamples& samples, float* result,
            float* out) {
  const LayoutTable& layout = GetLayoutTable();
  const int64_t bins = p.bins_h * p.bins_w;
  float* to = result;
  for (int64_t y = 0; y < p.bins_h; ++y) {
    for (int64_t x = 0; x < p.bins_w; ++x, to += kBlock) {
      if (p.maximum) {
        Bin<true>(block, p.width, samples.y[y], samples.x[x], to);
      } else {
        Bin<false>(block, p.width, samples.y[y], samples.x[x], to);
      }
    }
  }
  layout.transpose32(reinterpret_cast<const uint32_t*>(result), kBlock,
                     reinterpret_cast<uint32_t*>(out), bins, block.channels, bins);
}

template <typename Index>
void Run(const RoiAlign& p, const float* maps, const float* regions, const Index* batch, float* out,
         void* scratch, int64_t begin, int64_t end) noexcept {
  const RoiMemory memory(p, scratch);
  const int64_t blocks = (p.channels + kBlock - 1) / kBlock;
  const int64_t area = p.height * p.width, bins = p.bins_h * p.bins_w;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t image = unit / blocks, channel = unit % blocks * kBlock;
    Block block{maps + (image * p.channels + channel) * area, memory.pixels,
                std::min(kBlock, p.channels - channel), area};
    if (block.pixels != nullptr) {
      GetLayoutTable().transpose32(reinterpret_cast<const uint32_t*>(block.plain), area,
                                   reinterpret_cast<uint32_t*>(memory.pixels), kBlock, area,
                                   block.channels);
    }
    for (int64_t r = 0; r < p.regions; ++r) {
      if (batch[r] != image) continue;
      const RoiSamples samples = SampleRegion(p, regions + r * 4, memory);
      Region(p, block, samples, memory.result, out + (r * p.channels + channel) * bins);
    }
  }
}

constexpr RoiAlignTable kTable = {Run<int32_t>, Run<int64_t>};
}  // namespace

const RoiAlignTable* RoiAlignTableForTarget() { return &kTable; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(RoiAlign);
HWY_EXPORT(RoiAlignTableForTarget);

const RoiAlignTable& GetRoiAlignTable() noexcept {
  return *KINGLET_RESOLVE(RoiAlignTableForTarget)();
}

size_t RoiAlignScratchBytes(const RoiAlign& p) noexcept { return RoiMemory(p, nullptr).bytes; }

}  // namespace kinglet::kernels
#endif
