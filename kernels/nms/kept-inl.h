// Selected boxes as structure of arrays, and the comparison of one candidate with a vector of them.
// Include kernels/common/dispatch.h first.
#if defined(KINGLET_KEPT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_KEPT_INL_H_
#undef KINGLET_KEPT_INL_H_
#else
#define KINGLET_KEPT_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

#include "hwy/highway.h"
#include "kernels/eltwise/array-inl.h"
#include "kernels/nms/grid.h"
#include "kernels/nms/nms.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

HWY_INLINE HWY_MAYBE_UNUSED Box LoadBox(BoxForm form, const float* p) {
  Box box;
  if (form == BoxForm::kCentreSize) {
    const float half_a = p[2] / 2, half_b = p[3] / 2;
    box = {p[0] - half_a, p[1] - half_b, p[0] + half_a, p[1] + half_b, 0};
  } else if (form == BoxForm::kCorners) {
    box = {p[0], p[1], p[2], p[3], 0};
  } else {
    box = {std::min(p[0], p[2]), std::min(p[1], p[3]), std::max(p[0], p[2]), std::max(p[1], p[3]),
           0};
  }
  box.area = (box.a2 - box.a1) * (box.b2 - box.b1);
  return box;
}

// Five arrays `stride` apart. Lanes past what was added hold boxes that overlap nothing.
struct KeptBoxes {
  float* a1;
  int64_t stride;

  void Set(int64_t i, const Box& box) const {
    float* p = a1 + i;
    p[0] = box.a1;
    p[stride] = box.b1;
    p[2 * stride] = box.a2;
    p[3 * stride] = box.b2;
    p[4 * stride] = box.area;
  }
  // Makes boxes [begin, end) overlap nothing.
  void Clear(int64_t begin, int64_t end) const {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    const float values[] = {kInf, kInf, -kInf, -kInf, 0};
    for (int64_t k = 0; k < 5; ++k) {
      std::fill(a1 + k * stride + begin, a1 + k * stride + end, values[k]);
    }
  }
};

// Whether any of boxes [begin, end), and of what follows them up to a whole vector, has an IoU
// above the threshold with the candidate.
HWY_INLINE HWY_MAYBE_UNUSED bool Suppressed(const KeptBoxes& kept, int64_t begin, int64_t end,
                                            const Box& box, float threshold) {
  const ArrayTag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const ArrayVec a1 = hn::Set(d, box.a1), b1 = hn::Set(d, box.b1), a2 = hn::Set(d, box.a2);
  const ArrayVec b2 = hn::Set(d, box.b2), area = hn::Set(d, box.area);
  const ArrayVec t = hn::Set(d, threshold), zero = hn::Zero(d);
  for (int64_t i = begin; i < end; i += lanes) {
    const float* p = kept.a1 + i;
    const int64_t stride = kept.stride;
    const ArrayVec height =
        hn::Sub(hn::Min(hn::LoadU(d, p + 2 * stride), a2), hn::Max(hn::LoadU(d, p), a1));
    const ArrayVec width =
        hn::Sub(hn::Min(hn::LoadU(d, p + 3 * stride), b2), hn::Max(hn::LoadU(d, p + stride), b1));
    const ArrayVec both = hn::Mul(hn::Max(height, zero), hn::Max(width, zero));
    const ArrayVec either = hn::Sub(hn::Add(hn::LoadU(d, p + 4 * stride), area), both);
    if (!hn::AllFalse(d, hn::Gt(both, hn::Mul(t, either)))) return true;
  }
  return false;
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_KEPT_INL_H_
