// Where RoiAlign samples its maps. The samples of a bin are all pairs of its samples along y and
// along x, so that each axis is computed once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/roi/roi_align.h"

namespace kinglet::kernels {

// A sample along one axis: pixels and their weights.
struct RoiSample {
  int64_t low, high;
  float low_weight, high_weight;
};

struct RoiBin {
  const RoiSample* begin;
  const RoiSample* end;
  int64_t total;  // samples, those outside of the map included
};

struct RoiSamples {
  const RoiBin* y;
  const RoiBin* x;
};

// The parts of the scratch memory.
struct RoiMemory {
  // Null to learn the size.
  RoiMemory(const RoiAlign& p, void* base);

  float* pixels;  // a block of channels pixel by pixel; null where that is not worth it
  float* result;  // {bins, 16}
  RoiSample* samples;
  RoiBin *y, *x;
  int64_t most_y;  // of the samples, so many are along y
  size_t bytes = 0;

 private:
  template <typename T>
  T* Take(std::byte* base, int64_t count);
};

RoiSamples SampleRegion(const RoiAlign& p, const float* region, const RoiMemory& memory) noexcept;

}  // namespace kinglet::kernels
