// Cutting work into parts.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Range {
  int64_t begin, end;
};

// Number `index` of `parts` nearly equal parts of [0, count).
constexpr Range EvenPart(int64_t count, int64_t parts, int64_t index) {
  return {count * index / parts, count * (index + 1) / parts};
}

}  // namespace kinglet::kernels
