// A profile as files for other tools.
#pragma once

#include <string>

#include "characterize/profile/profile.h"

namespace kinglet::characterize {

// Of the lines below. It changes when a key changes its meaning or goes.
inline constexpr int kLayerProfileFormat = 1;

// One object on one line: the run, the roof, and a list of the layers with milliseconds, GFLOP/s,
// bytes, and counts by the names of their events.
std::string ProfileJson(const NetworkProfile& profile);

// A heading and a row for each layer.
std::string ProfileCsv(const NetworkProfile& profile);

// One run as Chrome's trace events, which Perfetto and chrome://tracing show: the layers one after
// the other, what bounds them in their arguments, and their GFLOP/s as a counter track. Source:
// Trace Event Format (Google, 2016).
std::string ProfileTrace(const NetworkProfile& profile);

}  // namespace kinglet::characterize
