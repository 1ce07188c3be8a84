// A profile as a picture.
#pragma once

#include "characterize/pictures/plot.h"
#include "characterize/profile/profile.h"

namespace kinglet::characterize {

// Each layer that computes at its intensity and speed below the roof of the machine: what memory
// and the caches could bring, and the peak. Layers that take at least a twentieth of the run have
// their share beside them.
Plot RooflinePlot(const NetworkProfile& profile);

}  // namespace kinglet::characterize
