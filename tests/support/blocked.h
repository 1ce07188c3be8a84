// Naive conversions between NCHW and NCHW16c, and the check that pad lanes are zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/common/blocked.h"

namespace kinglet::testing {

inline std::vector<float> ToBlockedNaive(const std::vector<float>& plain, int64_t n, int64_t c,
                                         int64_t h, int64_t w) {
  std::vector<float> blocked(static_cast<size_t>(kernels::BlockedCount(n, c, h, w)));
  size_t i = 0;
  for (int64_t b = 0; b < n; ++b)
    for (int64_t k = 0; k < c; ++k)
      for (int64_t y = 0; y < h; ++y)
        for (int64_t x = 0; x < w; ++x)
          blocked[static_cast<size_t>(kernels::BlockedIndex(b, k, y, x, c, h, w))] = plain[i++];
  return blocked;
}

template <typename Array>
std::vector<float> ToPlainNaive(const Array& blocked, int64_t n, int64_t c, int64_t h, int64_t w) {
  std::vector<float> plain;
  for (int64_t b = 0; b < n; ++b)
    for (int64_t k = 0; k < c; ++k)
      for (int64_t y = 0; y < h; ++y)
        for (int64_t x = 0; x < w; ++x)
          plain.push_back(blocked[static_cast<size_t>(kernels::BlockedIndex(b, k, y, x, c, h, w))]);
  return plain;
}

template <typename Array>
bool PadLanesAreZero(const Array& blocked, int64_t n, int64_t c, int64_t h, int64_t w) {
  const int64_t blocks = kernels::BlockCount(c), used = c - (blocks - 1) * kernels::kBlock;
  for (int64_t b = 0; b < n; ++b)
    for (int64_t p = 0; p < h * w; ++p)
      for (int64_t l = used; l < kernels::kBlock; ++l)
        if (!(blocked[static_cast<size_t>((((b + 1) * blocks - 1) * h * w + p) * kernels::kBlock +
                                          l)] == 0.0f))
          return false;
  return true;
}

}  // namespace kinglet::testing
