// What a sweep found, in words.
#pragma once

#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"

namespace kinglet::characterize {

// A sentence or two for each: the most throughput of each network, cliffs with the layers whose
// kernels changed, knees, several instances over one, processes over threads, and points that are
// marked.
std::vector<std::string> SweepWords(const std::vector<SweepPoint>& sweep);

}  // namespace kinglet::characterize
