// Arithmetic on convolution shapes that several variants need.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/conv/conv.h"

namespace kinglet::kernels {

// Whether some window reaches outside the input.
constexpr bool NeedsPadding(const ConvShape& s) {
  return s.pad_top > 0 || s.pad_left > 0 ||
         (s.oh - 1) * s.sh - s.pad_top + int64_t{s.kh - 1} * s.dh >= s.ih ||
         (s.ow - 1) * s.sw - s.pad_left + int64_t{s.kw - 1} * s.dw >= s.iw;
}

// Multiply-adds of one image.
constexpr double MultiplyAdds(const ConvShape& s) {
  return static_cast<double>(s.oc) * static_cast<double>(s.oh * s.ow) *
         static_cast<double>(s.ic / s.groups) * s.kh * s.kw;
}

constexpr double WeightBytes(const ConvShape& s) {
  return 4.0 * static_cast<double>(s.oc) * static_cast<double>(s.ic / s.groups) * s.kh * s.kw;
}

// The traffic of inputs, outputs and weights of the batch, without arithmetic.
WorkStage ConvTraffic(const ConvShape& s);
// The same of other types.
WorkStage ConvTrafficOf(const ConvShape& s, ElementType input, ElementType output,
                        size_t weight_bytes);

// Elements from one image of a blocked float32 output to the next.
inline int64_t OutputStride(const ConvShape& s, const ConvArgs& args) {
  return args.output_stride != 0 ? args.output_stride : BlockCount(s.oc) * s.oh * s.ow * kBlock;
}

}  // namespace kinglet::kernels
