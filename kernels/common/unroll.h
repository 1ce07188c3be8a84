// Complete unrolling of a loop with a constant trip count, which keeps arrays of vectors in
// registers: KINGLET_UNROLL before the loop.
#pragma once

#if defined(__clang__)
#define KINGLET_UNROLL _Pragma("clang loop unroll(full)")
#else
#define KINGLET_UNROLL _Pragma("GCC unroll 64")
#endif
