#include "kernels/nms/nms.h"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nms/nms.cc"
#include "kernels/common/aligned.h"
#include "kernels/common/dispatch.h"
#include "kernels/nms/kept-inl.h"
#include "kernels/nms/keys.h"

namespace kinglet::kernels {

#ifndef KINGLET_NMS_SCRATCH_
#define KINGLET_NMS_SCRATCH_
inline int64_t KeptStride(const Nms& nms, int64_t count) {
  return RoundUpToLine(std::min(nms.max_output, count) + 16);
}
#endif

}  // namespace kinglet::kernels

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

int64_t Run(const Nms& nms, const float* boxes, uint64_t* keys, int64_t count,
            void* scratch) noexcept {
  if (nms.max_output <= 0) return 0;
  constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(ArrayTag()));
  const KeptBoxes kept{static_cast<float*>(scratch), KeptStride(nms, count)};
  SortKeys(keys, count, reinterpret_cast<uint64_t*>(kept.a1 + 5 * kept.stride));
  int64_t kept_count = 0, selected_count = 0;
  for (int64_t k = 0; k < count && selected_count < nms.max_output; ++k) {
    const Box box = LoadBox(nms.form, boxes + size_t{4} * KeyIndex(keys[k]));
    if (box.HasArea()) {
      if (Suppressed(kept, 0, kept_count, box, nms.iou_threshold)) continue;
      if (kept_count % kLanes == 0) kept.Clear(kept_count, kept_count + kLanes);
      kept.Set(kept_count++, box);
    }
    keys[selected_count++] = keys[k];
  }
  return selected_count;
}

}  // namespace

NmsFn NmsForTarget() { return Run; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

HWY_EXPORT(NmsForTarget);

NmsFn GetNms() noexcept { return KINGLET_RESOLVE(NmsForTarget)(); }

size_t NmsScratchBytes(const Nms& nms, int64_t count) noexcept {
  if (nms.max_output <= 0) return 0;
  return static_cast<size_t>(KeptStride(nms, count)) * 5 * sizeof(float) +
         static_cast<size_t>(count) * sizeof(uint64_t);
}

}  // namespace kinglet::kernels
#endif
