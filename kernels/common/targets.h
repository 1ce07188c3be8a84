// The one list of instruction sets that Kinglet's kernels are compiled for: the compiler's
// baseline, AVX2, AVX-512 (Highway's AVX3), and NEON on AArch64. Every further target costs build
// time in each kernel file. Included through kernels/common/dispatch.h.
#pragma once

#include "hwy/detect_targets.h"

// Highway evaluates this macro lazily, so it is replaced after the target bits are known: which of
// them exist depends on Highway's version.
#undef HWY_DISABLED_TARGETS

#if HWY_ARCH_X86
#if defined(HWY_SSE2)  // since 1.0.4 the baseline of x86-64; before, plain scalar code
#define KINGLET_BASELINE_X86 HWY_SSE2
#else
#define KINGLET_BASELINE_X86 0
#endif
#ifdef KINGLET_WITHOUT_AVX512  // half of the build time of a sanitizer
#define KINGLET_AVX512_X86 0
#else
#define KINGLET_AVX512_X86 HWY_AVX3
#endif
#define HWY_DISABLED_TARGETS \
  (~(HWY_SCALAR | HWY_EMU128 | KINGLET_BASELINE_X86 | HWY_AVX2 | KINGLET_AVX512_X86))
#elif HWY_ARCH_ARM
#if defined(HWY_NEON_WITHOUT_AES)  // the same arithmetic, on every AArch64
#define HWY_DISABLED_TARGETS (~(HWY_SCALAR | HWY_EMU128 | HWY_NEON_WITHOUT_AES))
#else
#define HWY_DISABLED_TARGETS (~(HWY_SCALAR | HWY_EMU128 | HWY_NEON))
#endif
#else
#define HWY_DISABLED_TARGETS 0
#endif
