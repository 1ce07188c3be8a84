// The pictures and the page of a sweep.
#pragma once

#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"
#include "characterize/report/report.h"
#include "measure/common/machine.h"

namespace kinglet::characterize {

// What was found, the best points under bounds, the pictures, and a table of all points; for pages
// of a sweep and of several things. `level` of its headings.
void AddSweep(Report& report, const std::vector<SweepPoint>& sweep, int level = 1);

// The machine as facts, those that are not known left out.
void AddMachine(Report& report, const measure::Machine& machine);

// Writes pictures/*.svg and *.png and report.html into the folder of a sweep, which exists. Throws
// Error(kIo), as CheckGnuplot does, which is to be asked before anything is measured.
void WriteSweepReport(const std::string& folder, const std::vector<SweepPoint>& sweep,
                      const measure::Machine& machine);

}  // namespace kinglet::characterize
