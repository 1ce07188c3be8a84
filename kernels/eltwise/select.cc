#include "kernels/eltwise/select.h"

#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/eltwise/select.cc"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// By masks: what the condition says is not to be guessed.
template <typename T, bool kYesRepeats, bool kNoRepeats>
void Loop(const uint8_t* HWY_RESTRICT condition, const T* HWY_RESTRICT yes,
          const T* HWY_RESTRICT no, T* HWY_RESTRICT y, size_t n) {
  if (n == 0) return;
  const T one_yes = yes[0], one_no = no[0];
  for (size_t i = 0; i < n; ++i) {
    const T a = kYesRepeats ? one_yes : yes[i], b = kNoRepeats ? one_no : no[i];
    const T mask = static_cast<T>(T{0} - static_cast<T>(condition[i]));
    y[i] = static_cast<T>((a & mask) | (b & static_cast<T>(~mask)));
  }
}

template <typename T>
void Select(const bool* conditions, SelectSource yes, SelectSource no, void* to,
            size_t n) noexcept {
  const auto* condition = reinterpret_cast<const uint8_t*>(conditions);  // 0 or 1
  const T* a = static_cast<const T*>(yes.values);
  const T* b = static_cast<const T*>(no.values);
  T* y = static_cast<T*>(to);
  if (yes.repeats && no.repeats) return Loop<T, true, true>(condition, a, b, y, n);
  if (yes.repeats) return Loop<T, true, false>(condition, a, b, y, n);
  if (no.repeats) return Loop<T, false, true>(condition, a, b, y, n);
  Loop<T, false, false>(condition, a, b, y, n);
}

}  // namespace

SelectFn SelectForTarget(size_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return Select<uint8_t>;
    case 2:
      return Select<uint16_t>;
    case 4:
      return Select<uint32_t>;
    default:
      return Select<uint64_t>;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Select);
HWY_EXPORT(SelectForTarget);

SelectFn GetSelect(size_t element_bytes) noexcept {
  return KINGLET_RESOLVE(SelectForTarget)(element_bytes);
}

}  // namespace kinglet::kernels
#endif
