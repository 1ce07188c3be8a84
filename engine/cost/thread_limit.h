#pragma once

namespace kinglet {

// More than any machine has use for; so many are a mistake, not a wish.
inline constexpr int kMostThreads = 1024;

}  // namespace kinglet
