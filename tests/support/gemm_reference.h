// One element of a matrix product by its definition, in double.
#pragma once

#include <cmath>
#include <cstdint>

namespace kinglet::testing {

struct Product {
  double value;
  double magnitude;  // sum of the absolute terms
};

inline Product NaiveProduct(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                            int64_t k) {
  Product sum{0, 0};
  for (int64_t i = 0; i < k; ++i) {
    const double term = double{a[i * a_stride]} * b[i * b_stride];
    sum.value += term;
    sum.magnitude += std::abs(term);
  }
  return sum;
}

}  // namespace kinglet::testing
