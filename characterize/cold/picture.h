// Cold starts as a picture.
#pragma once

#include <vector>

#include "characterize/cold/cold.h"
#include "characterize/pictures/plot.h"

namespace kinglet::characterize {

// For each report a bar of its stages up to the first answer, and one of those of the second.
Plot ColdPlot(const std::vector<ColdReport>& reports);

}  // namespace kinglet::characterize
