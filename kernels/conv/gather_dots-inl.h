// RunGatherDots of the target that is being compiled, for kernel files that bind it to functions of
// their own. Include kernels/common/dispatch.h first.
#if defined(KINGLET_GATHER_DOTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_GATHER_DOTS_INL_H_
#undef KINGLET_GATHER_DOTS_INL_H_
#else
#define KINGLET_GATHER_DOTS_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/conv/gather_dots.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

// Defined in kernels/conv/gather_dots.cc.
void RunGatherDots(const GatherDots& g) noexcept;

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_GATHER_DOTS_INL_H_
