// The kernels of a network at several batch sizes and numbers of threads, side by side.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "characterize/predict/foresee.h"
#include "kinglet/model.h"

namespace kinglet::cli {

struct KernelPoint {
  int batch = 1;
  int threads = 1;
  PlanInfo plan;
  characterize::Forecast forecast;
  std::vector<double> measured{};  // seconds of each step; empty: not measured
};

// One row for each step, the columns of each point beside those of the one before where the output
// is wide enough, else in a table below; a kernel that differs from the point before is marked with
// '*'. The last rows are the sums.
std::string KernelText(const std::vector<KernelPoint>& points);

// The steps of one point.
nlohmann::ordered_json KernelJson(const KernelPoint& point);

}  // namespace kinglet::cli
