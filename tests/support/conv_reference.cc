#include "tests/support/conv_reference.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "kernels/common/blocked.h"
#include "tests/support/activation.h"

namespace kinglet::testing {
namespace {

struct Term {
  double value, magnitude;
};

Term Window(const kernels::ConvShape& s, const float* input, const float* weights, int64_t y,
            int64_t x) {
  Term sum{0, 0};
  for (int64_t c = 0; c < s.ic / s.groups; ++c) {
    for (int64_t i = 0; i < s.kh; ++i) {
      for (int64_t j = 0; j < s.kw; ++j) {
        const int64_t iy = y * s.sh - s.pad_top + i * s.dh;
        const int64_t ix = x * s.sw - s.pad_left + j * s.dw;
        if (iy < 0 || iy >= s.ih || ix < 0 || ix >= s.iw) continue;
        const double product =
            double{input[(c * s.ih + iy) * s.iw + ix]} * weights[(c * s.kh + i) * s.kw + j];
        sum.value += product;
        sum.magnitude += std::abs(product);
      }
    }
  }
  return sum;
}

double Largest(std::span<const float> values) {
  double largest = 0;
  for (const float v : values) largest = std::max(largest, std::abs(double{v}));
  return largest;
}

double AbsoluteSum(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += std::abs(double{v});
  return sum;
}

}  // namespace

ConvReference NaiveConv(const kernels::ConvShape& s, const std::vector<float>& input,
                        const std::vector<float>& oihw, const std::vector<float>& bias,
                        const std::vector<float>& residual, const kernels::Epilogue& epilogue) {
  ConvReference result;
  const int64_t group_ic = s.ic / s.groups;
  const int64_t group_oc = s.oc / s.groups;
  const auto image_floats = static_cast<size_t>(s.ic * s.ih * s.iw);
  const auto filter_floats = static_cast<size_t>(group_ic * s.kh * s.kw);
  for (int64_t n = 0; n < s.n; ++n) {
    const double largest = Largest({&input[static_cast<size_t>(n) * image_floats], image_floats});
    for (int64_t o = 0; o < s.oc; ++o) {
      const double mixed =
          largest * AbsoluteSum({&oihw[static_cast<size_t>(o) * filter_floats], filter_floats});
      const float* in = input.data() + (n * s.ic + o / group_oc * group_ic) * s.ih * s.iw;
      for (int64_t p = 0; p < s.oh * s.ow; ++p) {
        double extras = 0;
        Term sum = Window(s, in, oihw.data() + o * group_ic * s.kh * s.kw, p / s.ow, p % s.ow);
        for (const float extra : {bias.empty() ? 0.0f : bias[static_cast<size_t>(o)],
                                  residual.empty() ? 0.0f : residual[result.values.size()]}) {
          sum.value += extra;
          extras += std::abs(extra);
        }
        result.values.push_back(Activate(epilogue, sum.value));
        result.magnitude.push_back(sum.magnitude + extras);
        result.mixed_magnitude.push_back(mixed + extras);
      }
    }
  }
  return result;
}

std::vector<float> ToBlocked(const std::vector<float>& plain, int64_t n, int64_t c, int64_t h,
                             int64_t w, float pad) {
  std::vector<float> blocked(static_cast<size_t>(kernels::BlockedCount(n, c, h, w)), 0.0f);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < kernels::RoundUpToBlock(c); ++k) {
      for (int64_t p = 0; p < h * w; ++p) {
        const auto at = static_cast<size_t>(kernels::BlockedIndex(i, k, p / w, p % w, c, h, w));
        blocked[at] = k < c ? plain[static_cast<size_t>((i * c + k) * h * w + p)] : pad;
      }
    }
  }
  return blocked;
}

}  // namespace kinglet::testing
