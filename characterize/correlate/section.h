// Correlations as a part of a page.
#pragma once

#include <string>

#include "characterize/correlate/study.h"
#include "characterize/report/report.h"

namespace kinglet::characterize {

// "latency_ms = 0.02 * multiply_adds^0.81 * steps^0.3"; "" without a regression.
std::string RegressionText(const EngineFit& fit);
// "a network that is left out is predicted within 12 % on average ...".
std::string RegressionErrorText(const EngineFit& fit);

// What was found in words, the pictures, the correlations with each target, and all metrics.
void AddStudy(const CorrelationStudy& study, Report& report);

}  // namespace kinglet::characterize
