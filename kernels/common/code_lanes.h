// Pad lanes of blocked codes (kernels/common/blocked.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/common/blocked.h"

namespace kinglet::kernels {

// Zeroes the lanes from `valid` on of `count` neighbouring pixels of 64 bytes. 1 <= valid <= 64.
inline void ZeroCodeLanes(void* pixels, int64_t count, int64_t valid) {
  constexpr int64_t kStore = 16;  // bytes that a compiler writes with one instruction
  if (valid == kPixelBytes) return;
  auto* pixel = static_cast<std::byte*>(pixels);
  for (int64_t p = 0; p < count; ++p, pixel += kPixelBytes) {
    if (kPixelBytes - valid < kStore) {
      std::memset(pixel + valid, 0, static_cast<size_t>(kPixelBytes - valid));
      continue;
    }
    for (int64_t lane = valid; lane + kStore <= kPixelBytes; lane += kStore) {
      std::memset(pixel + lane, 0, kStore);
    }
    std::memset(pixel + kPixelBytes - kStore, 0, kStore);
  }
}

}  // namespace kinglet::kernels
