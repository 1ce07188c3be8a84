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

// The function of the active target. A pointer taken before the target is chosen would be a
// trampoline that chooses at each call; ActiveTarget() chooses first.
#ifndef KINGLET_RESOLVE
#define KINGLET_RESOLVE(fn) (::kinglet::kernels::ActiveTarget(), &HWY_DYNAMIC_DISPATCH(fn))
#endif
