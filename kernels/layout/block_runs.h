// Units (n, block, row) of a blocked tensor, rows innermost, as runs of memory.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kinglet::kernels {

// Rows [row, row + rows) of block `block` of image `n`.
struct BlockRun {
  int64_t n, block, row, rows;
};

// Cuts [begin, end) of units of `h` rows at block borders and hands each piece to `f`.
template <class F>
void ForEachRun(int64_t blocks, int64_t h, int64_t begin, int64_t end, F f) {
  while (begin < end) {
    const int64_t outer = begin / h, row = begin % h;
    const int64_t rows = std::min(h - row, end - begin);
    f(BlockRun{outer / blocks, outer % blocks, row, rows});
    begin += rows;
  }
}

}  // namespace kinglet::kernels
