// Mean and variance of float32, and the normalisation by them: layer, instance and group
// normalisation (Ba et al. 2016, arXiv:1607.06450; Ulyanov et al. 2016, arXiv:1607.08022).
//
// moments: mean = sum x / n and squares = sum (x - mean)^2, n >= 1, by pieces of some thousand
// elements that are joined in double (Chan, Golub and LeVeque 1979).
// run: y[i] = (x[i] - mean) * factor + shift.
// row: y[i] = (x[i] - mean) * inverse * scale[i] + shift[i], shift 0 where it is null.
// Alignment: any. Over-read, over-write: none. Aliasing: y may be x; otherwise no overlap.
// Bounds, u = 2^-24: mean 80u * mean|x|; squares 160u * (squares + n * mean(|x|)^2 * 80u); y 4u *
// (|x - mean| * inverse * |scale| + |shift|). NaN and infinity spread to all of a row.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

struct Moments {
  double mean;
  double squares;  // sum of squared differences from the mean
};

struct NormalizeTable {
  Moments (*moments)(const float* x, int64_t n) noexcept;
  void (*run)(const float* x, float mean, float factor, float shift, float* y, int64_t n) noexcept;
  void (*row)(const float* x, float mean, float inverse, const float* scale, const float* shift,
              float* y, int64_t n) noexcept;
  // Of each of the 16 channels of a block, over `pixels` >= 1 of them.
  void (*moments_blocked)(const float* x, int64_t pixels, Moments* moments) noexcept;
};

// Functions for the active target. Fetch them at plan time.
const NormalizeTable& GetNormalizeTable() noexcept;

}  // namespace kinglet::kernels
