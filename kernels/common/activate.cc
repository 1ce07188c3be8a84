#include "kernels/common/activate.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/common/activate.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

void Activate(const Epilogue& e, float* values, size_t count) noexcept {
  if (e.activation == Activation::kNone) return;
  const size_t whole = count / 16 * 16;
  ActivateSpan(e, values, whole);
  if (whole == count) return;
  float rest[16] = {};
  std::memcpy(rest, values + whole, (count - whole) * sizeof(float));
  ActivateSpan(e, rest, 16);
  std::memcpy(values + whole, rest, (count - whole) * sizeof(float));
}

ActivateFn GetActivate() { return &Activate; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Activate);
HWY_EXPORT(GetActivate);

ActivateFn ResolveActivate() { return KINGLET_RESOLVE(GetActivate)(); }

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
