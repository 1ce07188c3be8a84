#include "kernels/eltwise/rotate.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/eltwise/rotate.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(ArrayTag()));

struct Pairs {
  ArrayVec a, b;
};

HWY_INLINE Pairs Turn(ArrayVec a, ArrayVec b, const float* cosines, const float* sines) {
  const ArrayVec c = hn::LoadU(ArrayTag(), cosines), s = hn::LoadU(ArrayTag(), sines);
  return {hn::MulSub(c, a, hn::Mul(s, b)), hn::MulAdd(s, a, hn::Mul(c, b))};
}

HWY_INLINE void TurnOne(const float* a, const float* b, float cosine, float sine, float* ya,
                        float* yb) {
  const float first = cosine * *a - sine * *b;
  *yb = sine * *a + cosine * *b;
  *ya = first;
}

void Halves(const float* x, const float* cosines, const float* sines, int64_t pairs,
            float* y) noexcept {
  const ArrayTag d;
  int64_t i = 0;
  for (; i + kLanes <= pairs; i += kLanes) {
    const Pairs turned =
        Turn(hn::LoadU(d, x + i), hn::LoadU(d, x + pairs + i), cosines + i, sines + i);
    hn::StoreU(turned.a, d, y + i);
    hn::StoreU(turned.b, d, y + pairs + i);
  }
  for (; i < pairs; ++i) {
    TurnOne(x + i, x + pairs + i, cosines[i], sines[i], y + i, y + pairs + i);
  }
}

void Interleaved(const float* x, const float* cosines, const float* sines, int64_t pairs,
                 float* y) noexcept {
  int64_t i = 0;
  for (; i + kLanes <= pairs; i += kLanes) {
    ArrayVec a, b;
    hn::LoadInterleaved2(ArrayTag(), x + 2 * i, a, b);
    const Pairs turned = Turn(a, b, cosines + i, sines + i);
    hn::StoreInterleaved2(turned.a, turned.b, ArrayTag(), y + 2 * i);
  }
  for (; i < pairs; ++i) {
    TurnOne(x + 2 * i, x + 2 * i + 1, cosines[i], sines[i], y + 2 * i, y + 2 * i + 1);
  }
}

}  // namespace

RotateFn RotateForTarget(bool interleaved) { return interleaved ? &Interleaved : &Halves; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Rotate);
HWY_EXPORT(RotateForTarget);

RotateFn GetRotate(bool interleaved) noexcept {
  return KINGLET_RESOLVE(RotateForTarget)(interleaved);
}

}  // namespace kinglet::kernels
#endif
