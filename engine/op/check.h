// Invariants of the engine's own. Nothing that a file or a request contains may break one.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace kinglet {

#ifdef KINGLET_CHECKS
inline constexpr bool kChecks = true;
#else
inline constexpr bool kChecks = false;
#endif

}  // namespace kinglet

#define KINGLET_CHECK(condition, what)                                                           \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      std::fprintf(stderr, "%s:%d: broken invariant: %s (%s)\n", __FILE__, __LINE__, #condition, \
                   what);                                                                        \
      std::abort();                                                                              \
    }                                                                                            \
  } while (false)
