// Tables of source samples and weights for one axis of a resize.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/resize/picture.h"
#include "kinglet/preprocess.h"

namespace kinglet::vision {

// Outputs [first, first + count) of an axis on which `in` samples become `out`.
struct Axis {
  std::int64_t in = 0, out = 0, first = 0, count = 0;
};

// Samples that one output of the rule needs at most; 2 for kNone and kBilinear.
std::size_t TapCount(ResizeRule rule, const Axis& axis);

// Each fills memory of the caller: `count` values for `first`, `second` and `fraction`,
// count x TapCount for `weights`.
kernels::LinearTaps MakeLinearTaps(const Axis& axis, std::int32_t* first, std::int32_t* second,
                                   float* fraction);
// kBilinearAntialias or kArea.
kernels::FilterTaps MakeFilterTaps(ResizeRule rule, const Axis& axis, std::int32_t* first,
                                   float* weights);

}  // namespace kinglet::vision
