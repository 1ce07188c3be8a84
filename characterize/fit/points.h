// A dataset by what is predicted of it: networks at points, with their layers.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "characterize/dataset/dataset.h"

namespace kinglet::characterize {

struct MeasuredPoint {
  DataRow network;
  std::vector<DataRow> layers;
  std::vector<DataRow>
      alternatives;  // kernels that could be in the layers' places, those there too

  const std::string& name() const { return network[RowText::kNetwork]; }
  const std::string& family() const { return network[RowText::kFamily]; }
};

// Those that are to be trusted, in order: not marked, measured while the reference loop was within
// a tenth of the dataset's usual speed, and with all their layers. `dropped`: how many others there
// were.
std::vector<MeasuredPoint> PointsOf(const Dataset& dataset, std::size_t& dropped);

}  // namespace kinglet::characterize
