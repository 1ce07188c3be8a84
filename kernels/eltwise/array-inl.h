// Loads and stores of float arrays of any length. Include kernels/common/dispatch.h first.
#if defined(KINGLET_ARRAY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_ARRAY_INL_H_
#undef KINGLET_ARRAY_INL_H_
#else
#define KINGLET_ARRAY_INL_H_
#endif

#include <cstddef>
#include <cstring>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using ArrayTag = hn::CappedTag<float, 16>;  // a pixel of a blocked tensor is a whole number of them
using ArrayVec = hn::Vec<ArrayTag>;

// The first `count` < Lanes() values; ones in the other lanes, which raise no exception in any
// function.
HWY_INLINE HWY_MAYBE_UNUSED ArrayVec LoadTail(const float* x, size_t count) {
  const ArrayTag d;
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(hn::Set(d, 1.0f), d, lanes);
  std::memcpy(lanes, x, count * sizeof(float));
  return hn::Load(d, lanes);
}

HWY_INLINE HWY_MAYBE_UNUSED void StoreTail(ArrayVec v, float* y, size_t count) {
  const ArrayTag d;
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  std::memcpy(y, lanes, count * sizeof(float));
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_ARRAY_INL_H_
