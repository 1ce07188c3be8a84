// The discrete Fourier transform of one line of any length, in double precision.
//
//   X[k] = sum over n < N of x[n] exp(-2 pi i k n / N); the inverse has the other sign and 1 / N.
// Lengths that are powers of two by Cooley and Tukey's algorithm (1965), others by Bluestein's
// (1970): a convolution by a transform of the next power of two that holds it.
// Work: O(N log N). Alignment: any. Aliasing: in place.
// Bound: about 10 * 2^-53 * log2(N) times the norm of x.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kinglet::kernels {

struct Complex {
  double re = 0, im = 0;
};

class Fft {
 public:
  explicit Fft(int64_t length);  // at least 1

  int64_t length() const noexcept { return length_; }
  // Of `work`: elements that Run needs, at least `length`.
  int64_t work_length() const noexcept { return size_; }
  // Transforms work[0, length); what lies behind is overwritten.
  void Run(Complex* work, bool inverse) const noexcept;

 private:
  void Transform(Complex* x) const noexcept;

  int64_t length_;
  int64_t size_;                 // the power of two
  std::vector<Complex> roots_;   // exp(-2 pi i k / size), k < size / 2
  std::vector<Complex> chirp_;   // Bluestein: exp(-pi i k^2 / length), k < length
  std::vector<Complex> filter_;  // the transform of its inverse, over size
};

}  // namespace kinglet::kernels
