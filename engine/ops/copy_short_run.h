// A copy of a run of bytes that is short more often than not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace kinglet {

inline void CopyShortRun(const std::byte* from, std::int64_t bytes, std::byte* to) noexcept {
  constexpr std::int64_t kChunk = 16, kMost = 256;
  if (bytes < kChunk || bytes > kMost) {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
    return;
  }
  for (std::int64_t at = 0; at + kChunk < bytes; at += kChunk) {
    std::memcpy(to + at, from + at, kChunk);
  }
  std::memcpy(to + bytes - kChunk, from + bytes - kChunk, kChunk);  // overlaps the one before
}

}  // namespace kinglet
