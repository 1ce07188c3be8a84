// A fit's report for people: tables and pictures on one page.
#pragma once

#include <string>

#include "characterize/fit/evaluate.h"
#include "characterize/pictures/plot.h"

namespace kinglet::characterize {

// Predicted against measured, of the predictor and of multiply-adds, or of the physical part where
// nothing was given to learn proxies from.
Plot ScatterPlot(const FitReport& report);
// The share within ten per cent by family, of the predictor and of the physical part.
Plot FamilyPlot(const FitReport& report);
// Median error over the number of networks learned from.
Plot LearningPlot(const FitReport& report);

// Writes report.html and the pictures as SVG and PNG into the folder, which is made where it is
// missing. Throws Error(kIo), and as WritePicture does.
void WriteFitReport(const FitReport& report, const Predictor& predictor, const std::string& folder);

}  // namespace kinglet::characterize
