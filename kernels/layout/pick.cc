#include "kernels/layout/pick.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layout/pick.cc"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

template <typename T, typename Index>
bool Run(const Pick& pick, const void* x_data, const void* index_data, int64_t count,
         void* y_data) noexcept {
  const auto* HWY_RESTRICT x = static_cast<const T*>(x_data);
  const auto* HWY_RESTRICT indices = static_cast<const Index*>(index_data);
  auto* HWY_RESTRICT y = static_cast<T*>(y_data);
  const int64_t size = pick.size, stride = pick.stride, step = pick.step;
  int64_t wrong = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = indices[i];
    wrong |= (at < -size ? 1 : 0) | (at >= size ? 1 : 0);
  }
  if (wrong != 0) return false;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = indices[i];
    y[i] = x[i * step + (at + (at < 0 ? size : 0)) * stride];
  }
  return true;
}

template <typename T>
PickFn Of(bool wide_indices) {
  return wide_indices ? &Run<T, int64_t> : &Run<T, int32_t>;
}

}  // namespace

PickFn PickForTarget(int64_t element_bytes, bool wide_indices) {
  switch (element_bytes) {
    case 1:
      return Of<uint8_t>(wide_indices);
    case 2:
      return Of<uint16_t>(wide_indices);
    case 4:
      return Of<uint32_t>(wide_indices);
    default:
      return Of<uint64_t>(wide_indices);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Pick);
HWY_EXPORT(PickForTarget);

PickFn GetPick(int64_t element_bytes, bool wide_indices) noexcept {
  return KINGLET_RESOLVE(PickForTarget)(element_bytes, wide_indices);
}

}  // namespace kinglet::kernels
#endif
