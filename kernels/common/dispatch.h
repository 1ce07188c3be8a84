// Multi-target compilation of a kernel file, and the resolution of its entry points.
//
// A kernel file is compiled once for each target of kernels/common/targets.h:
//
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "kernels/family/file.cc"
//   #include "kernels/common/dispatch.h"        // before every *-inl.h
//   #include "kernels/common/epilogue-inl.h"
//
//   HWY_BEFORE_NAMESPACE();
//   namespace kinglet::kernels {
//   namespace HWY_NAMESPACE {
//   namespace hn = hwy::HWY_NAMESPACE;
//   void Foo(const float* x, size_t n, float* y) noexcept { ... }
//   FooFn GetFoo() { return &Foo; }   // Highway 1.0.3 cannot export a noexcept function itself
//   }  // namespace HWY_NAMESPACE
//   }  // namespace kinglet::kernels
//   HWY_AFTER_NAMESPACE();
//
//   #if HWY_ONCE
//   namespace kinglet::kernels {
//   KINGLET_EXPORT_TARGET(Foo);
//   HWY_EXPORT(GetFoo);
//   FooFn ResolveFoo() { return KINGLET_RESOLVE(GetFoo)(); }   // at plan time, kept in the plan
//   }  // namespace kinglet::kernels
//   #endif
//
// No include guard around the includes: they are evaluated again for every target.
#include "kernels/common/cpu_target.h"
#include "kernels/common/targets.h"
// clang-format off: foreach_target.h comes before highway.h
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// Compiled for each target, so what it returns is what the dispatch of this file really reaches.
HWY_MAYBE_UNUSED const char* CompiledTarget() {
#if HWY_TARGET == HWY_AVX2
  return "avx2";
#elif HWY_TARGET == HWY_AVX3
  return "avx512";
#elif HWY_ARCH_ARM_A64 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  return "neon";
#else
  return "baseline";
#endif
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#ifndef KINGLET_RESOLVE
// A pointer to the function of the active target. HWY_DYNAMIC_DISPATCH would ask for Highway's, of
// which the process has one: SupportedTargets(), and whoever else uses Highway, choose it again.
#if (HWY_TARGETS & (HWY_TARGETS - 1)) == 0
#define KINGLET_RESOLVE(fn) (&HWY_STATIC_DISPATCH(fn))
#else
#define KINGLET_RESOLVE(fn) (HWY_DISPATCH_TABLE(fn)[::kinglet::kernels::ActiveTableIndex()])
#endif

// Once in each kernel file, in namespace kinglet::kernels: TargetOf<name>(), the target that this
// file's functions run on, for the test of the dispatch. That lists every kernel file.
#define KINGLET_EXPORT_TARGET(name)                                                   \
  HWY_EXPORT(CompiledTarget);                                                         \
  const char* TargetOf##name() noexcept;                                              \
  const char* TargetOf##name() noexcept { return KINGLET_RESOLVE(CompiledTarget)(); } \
  static_assert(true)
#endif
