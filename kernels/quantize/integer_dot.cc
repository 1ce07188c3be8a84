#include "kernels/quantize/integer_dot.h"

#include <algorithm>

namespace kinglet::kernels {
namespace {

// Of so few elements every sum fits int32: 32768 * 255 * 255 < 2^31.
constexpr int64_t kExact = 32768;

// Modulo 2^32.
int32_t WrappingSum(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

int32_t Dot(const int16_t* a, const int16_t* b, int64_t n) {
  int32_t sum = 0;
  for (int64_t k = 0; k < n; ++k) sum += static_cast<int32_t>(a[k]) * static_cast<int32_t>(b[k]);
  return sum;
}

// Two columns share what is read of the row.
void TwoDots(const int16_t* row, const int16_t* b, const int16_t* c, int64_t n, int32_t* sums) {
  int32_t first = 0;
  int32_t second = 0;
  for (int64_t k = 0; k < n; ++k) {
    const auto a = static_cast<int32_t>(row[k]);
    first += a * static_cast<int32_t>(b[k]);
    second += a * static_cast<int32_t>(c[k]);
  }
  sums[0] = WrappingSum(sums[0], first);
  sums[1] = WrappingSum(sums[1], second);
}

}  // namespace

void IntegerDots(const int16_t* row, const int16_t* columns, int64_t count, int64_t depth,
                 int32_t* sums) noexcept {
  std::fill(sums, sums + count, 0);
  for (int64_t from = 0; from < depth; from += kExact) {
    const int64_t n = std::min(kExact, depth - from);
    const auto column = [&](int64_t j) { return columns + j * depth + from; };
    int64_t j = 0;
    for (; j + 1 < count; j += 2) TwoDots(row + from, column(j), column(j + 1), n, sums + j);
    if (j < count) sums[j] = WrappingSum(sums[j], Dot(row + from, column(j), n));
  }
}

}  // namespace kinglet::kernels
