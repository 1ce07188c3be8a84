// Cold starts as a part of a page.
#pragma once

#include <vector>

#include "characterize/cold/cold.h"
#include "characterize/report/report.h"

namespace kinglet::characterize {

// Under a heading of level 2: the picture, and a table for each engine. At least one report.
void AddCold(const std::vector<ColdReport>& reports, Report& report);

}  // namespace kinglet::characterize
