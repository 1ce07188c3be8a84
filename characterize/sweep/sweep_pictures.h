// The pictures of a sweep, of which only those are made that there is data for: small multiples, a
// panel for each network.
#pragma once

#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"
#include "characterize/pictures/plot.h"

namespace kinglet::characterize {

struct SweepPicture {
  std::string name;     // of its files, without a suffix: "throughput_batch"
  std::string caption;  // what is to be seen
  Plot plot;
};

// Latency against throughput with the batch at the points; throughput against the batch with the
// changes of kernels and the cliffs marked; use of the cores, and clock; memory; several instances
// over one; processes over threads. (Hanhirova et al. 2018: figures 3 to 7, 9, 16 to 18.)
std::vector<SweepPicture> SweepPictures(const std::vector<SweepPoint>& sweep);

}  // namespace kinglet::characterize
