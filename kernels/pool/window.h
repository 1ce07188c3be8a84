// Which taps of a pooling window lie inside of the input, along one dimension.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kinglet::kernels {

struct PoolAxis {
  int64_t in, out, kernel, stride, dilation, pad_begin, pad_end;
};

struct PoolTaps {
  int64_t start;       // input index of tap 0, possibly negative
  int64_t begin, end;  // taps inside of the input; begin == end when there is none
  int64_t padded;      // taps inside of the padded input
  int64_t count() const { return end - begin; }
};

inline int64_t CeilDivPositive(int64_t a, int64_t b) {
  if (a <= 0) return 0;
  return b == 1 ? a : (a + b - 1) / b;  // a division takes longer than all the rest
}

inline PoolTaps TapsAt(const PoolAxis& a, int64_t o) {
  PoolTaps t;
  t.start = o * a.stride - a.pad_begin;
  t.begin = std::min(CeilDivPositive(-t.start, a.dilation), a.kernel);
  t.end = std::max(t.begin, std::min(a.kernel, CeilDivPositive(a.in - t.start, a.dilation)));
  t.padded = std::min(a.kernel, CeilDivPositive(a.in + a.pad_end - t.start, a.dilation));
  return t;
}

// The outputs [begin, end) whose windows lie wholly inside of the input.
struct PoolInterior {
  int64_t begin, end;
};

inline PoolInterior InteriorOf(const PoolAxis& a) {
  const int64_t begin = std::min(CeilDivPositive(a.pad_begin, a.stride), a.out);
  const int64_t room = a.in - 1 + a.pad_begin - (a.kernel - 1) * a.dilation;
  const int64_t end = room < 0 ? 0 : std::min(a.out, room / a.stride + 1);
  return {begin, std::max(begin, end)};
}

// With a dilation a window can step over the whole input.
inline bool EveryWindowHasATap(const PoolAxis& a) {
  const PoolInterior inside = InteriorOf(a);
  for (int64_t o = 0; o < a.out; ++o) {
    if (o == inside.begin && inside.begin < inside.end) o = inside.end;
    if (o < a.out && TapsAt(a, o).count() == 0) return false;
  }
  return true;
}

}  // namespace kinglet::kernels
