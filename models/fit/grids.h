// Which feature maps have as many positions as a detector has anchors.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace kinglet {

struct GridMatch {
  std::vector<double> strides;
  int boxes = 1;  // at each position
};

// Positions of a map of this stride.
std::int64_t Positions(double stride, int width, int height);

// Maps of usual strides that together have this many anchors: the most usual ones where there are
// several ways. Nothing when there are none.
std::optional<GridMatch> MatchGrids(std::int64_t anchors, int width, int height);

// One map for each number, with the same number of boxes at each position of all.
std::optional<GridMatch> MatchLevels(const std::vector<std::int64_t>& anchors, int width,
                                     int height);

// The stride of a map of this size; 0 where there is none.
double StrideOf(std::int64_t map_height, std::int64_t map_width, int width, int height);

}  // namespace kinglet
