#include "kernels/roi/samples.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/aligned.h"

namespace kinglet::kernels {
namespace {

// Samples of an axis that lie in the map, at most: those of all bins are at least half a pixel
// apart where each has as many as it has pixels.
int64_t MostSamples(const RoiAlign& p, int64_t bins, int64_t size) {
  return p.samples > 0 ? bins * p.samples : 2 * (size + 2) + 2 * bins;
}

struct Axis {
  int64_t bins, size;  // of the map
  float start, bin;
  int64_t samples;
};

RoiSample SampleAt(float position, int64_t size) {
  position = std::max(position, 0.0f);
  const auto low = static_cast<int64_t>(position);
  if (low >= size - 1) return {size - 1, size - 1, 1.0f, 0.0f};
  const float high_weight = position - static_cast<float>(low);
  return {low, low + 1, 1.0f - high_weight, high_weight};
}

// The first i in [0, n] from which start + (i + 1/2) * step may lie above `position`, for step > 0.
int64_t FirstAbove(double start, double step, double position, int64_t n) {
  const double i = std::floor((position - start) / step - 0.5) - 1;
  return static_cast<int64_t>(std::clamp(i, 0.0, static_cast<double>(n)));
}

// Writes the bins, and their samples from `out` on, of which there is room for `most`.
RoiSample* SampleAxis(const Axis& axis, RoiSample* out, const RoiSample* limit, RoiBin* bins) {
  const float n = static_cast<float>(axis.samples);
  const float top = static_cast<float>(axis.size);
  for (int64_t b = 0; b < axis.bins; ++b) {
    const float first = axis.start + static_cast<float>(b) * axis.bin;
    bins[b] = {out, out, axis.samples};
    const double start = static_cast<double>(first);
    const double step = static_cast<double>(axis.bin) / static_cast<double>(axis.samples);
    int64_t begin = 0, end = axis.samples;
    if (axis.samples > 64 && step > 0) {  // many: those far outside of the map are not visited
      begin = FirstAbove(start, step, -1.0, axis.samples);
      end = std::min(axis.samples,
                     FirstAbove(start, step, static_cast<double>(top), axis.samples) + 4);
    }
    for (int64_t i = begin; i < end && out != limit; ++i) {
      const float position = first + (static_cast<float>(i) + 0.5f) * axis.bin / n;
      if (position >= -1.0f && position <= top) *out++ = SampleAt(position, axis.size);
    }
    bins[b].end = out;
  }
  return out;
}

}  // namespace

template <typename T>
T* RoiMemory::Take(std::byte* base, int64_t count) {
  const size_t at = bytes;
  bytes += RoundUpToLine(static_cast<size_t>(count) * sizeof(T));
  return base == nullptr ? nullptr : reinterpret_cast<T*>(base + at);
}

RoiMemory::RoiMemory(const RoiAlign& p, void* memory) {
  auto* base = static_cast<std::byte*>(memory);
  const int64_t bins = p.bins_h * p.bins_w, area = p.height * p.width;
  most_y = MostSamples(p, p.bins_h, p.height);
  result = Take<float>(base, bins * 16);
  samples = Take<RoiSample>(base, most_y + MostSamples(p, p.bins_w, p.width));
  y = Take<RoiBin>(base, p.bins_h);
  x = Take<RoiBin>(base, p.bins_w);
  // A bin reads a few dozen pixels; plain ones are as many lines of memory for each channel.
  const bool many = p.regions * bins * 16 >= area * p.images;
  pixels = many ? Take<float>(base, area * 16) : nullptr;
}

RoiSamples SampleRegion(const RoiAlign& p, const float* region, const RoiMemory& memory) noexcept {
  const float shift = p.half_pixel ? 0.5f : 0.0f;
  const auto axis = [&](int k, int64_t bins, int64_t size) {
    const float start = region[k] * p.scale - shift;
    float length = region[k + 2] * p.scale - shift - start;
    if (!p.half_pixel) length = std::max(length, 1.0f);
    Axis result{bins, size, start, length / static_cast<float>(bins), p.samples};
    if (p.samples == 0) {
      const float needed = std::ceil(result.bin);
      result.samples = needed >= 1 && needed < 1e9f ? static_cast<int64_t>(needed) : 0;
      if (needed >= 1e9f) result.samples = 1000000000;
    }
    if (!std::isfinite(start) || !std::isfinite(length)) result.samples = 0;
    return result;
  };
  RoiSample* next = SampleAxis(axis(1, p.bins_h, p.height), memory.samples,
                               memory.samples + memory.most_y, memory.y);
  SampleAxis(axis(0, p.bins_w, p.width), next, next + MostSamples(p, p.bins_w, p.width), memory.x);
  return {memory.y, memory.x};
}

}  // namespace kinglet::kernels
