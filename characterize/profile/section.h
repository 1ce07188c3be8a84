// A profile as a part of a page.
#pragma once

#include "characterize/profile/profile.h"
#include "characterize/report/report.h"

namespace kinglet::characterize {

// Under a heading of level 2: where the time goes in words, the roofline, and all layers.
void AddProfile(const NetworkProfile& profile, Report& report);

}  // namespace kinglet::characterize
