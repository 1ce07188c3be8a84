// Complete unrolling of a loop with a constant trip count, which keeps arrays of vectors in
// registers: KINGLET_UNROLL before the loop.
//
// KINGLET_UNROLL_BY_4: four copies of the body in sequence. GCC would mix the loads of copies that
// the source spells out, and spill.
#pragma once

#if defined(__clang__)
#define KINGLET_UNROLL_BY_4 _Pragma("clang loop unroll_count(4)")
#define KINGLET_UNROLL _Pragma("clang loop unroll(full)")
#else
#define KINGLET_UNROLL_BY_4 _Pragma("GCC unroll 4")
#define KINGLET_UNROLL _Pragma("GCC unroll 64")
#endif
