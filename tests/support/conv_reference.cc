#include "tests/support/conv_reference.h"

#include <cmath>

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

}  // namespace

ConvReference NaiveConv(const kernels::ConvShape& s, const std::vector<float>& input,
                        const std::vector<float>& oihw, const std::vector<float>& bias,
                        const std::vector<float>& residual, const kernels::Epilogue& epilogue) {
  ConvReference result;
  const int64_t group_ic = s.ic / s.groups;
  const int64_t group_oc = s.oc / s.groups;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t o = 0; o < s.oc; ++o) {
      const float* in = input.data() + (n * s.ic + o / group_oc * group_ic) * s.ih * s.iw;
      for (int64_t p = 0; p < s.oh * s.ow; ++p) {
        Term sum = Window(s, in, oihw.data() + o * group_ic * s.kh * s.kw, p / s.ow, p % s.ow);
        for (const float extra : {bias.empty() ? 0.0f : bias[static_cast<size_t>(o)],
                                  residual.empty() ? 0.0f : residual[result.values.size()]}) {
          sum.value += extra;
          sum.magnitude += std::abs(extra);
        }
        result.values.push_back(Activate(epilogue, sum.value));
        result.magnitude.push_back(sum.magnitude);
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
