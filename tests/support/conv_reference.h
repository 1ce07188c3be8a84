// Convolution by its definition, in double, and conversions to and from the blocked layout.
#pragma once

#include <vector>

#include "kernels/conv/conv.h"

namespace kinglet::testing {

struct ConvReference {
  std::vector<double> values;           // NCHW, after the activation
  std::vector<double> magnitude;        // |bias| + |residual| + sum of |weight * input|
  std::vector<double> mixed_magnitude;  // |bias| + |residual| + sum of |weight| * max |input|
};

// Plain NCHW operands; `bias` and `residual` may be empty.
ConvReference NaiveConv(const kernels::ConvShape& s, const std::vector<float>& input,
                        const std::vector<float>& oihw, const std::vector<float>& bias,
                        const std::vector<float>& residual, const kernels::Epilogue& epilogue);

// NCHW to NCHW16c; pad lanes get `pad`.
std::vector<float> ToBlocked(const std::vector<float>& plain, int64_t n, int64_t c, int64_t h,
                             int64_t w, float pad);

}  // namespace kinglet::testing
