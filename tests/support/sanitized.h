// Whether this is a build with sanitizers, where networks run some ten times as long.
#pragma once

namespace kinglet::testing {

#ifdef KINGLET_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace kinglet::testing
