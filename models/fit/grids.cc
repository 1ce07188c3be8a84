#include "models/fit/grids.h"

#include <array>
#include <cmath>

namespace kinglet {
namespace {

constexpr int kMostBoxes = 9;
constexpr std::array<double, 6> kStrides = {8, 16, 32, 64, 4, 128};

// What detectors have, the most usual first.
const std::vector<std::vector<double>>& UsualStrides() {
  static const std::vector<std::vector<double>> kUsual = {{8, 16, 32},
                                                          {8, 16, 32, 64},
                                                          {8, 16, 32, 64, 128},
                                                          {4, 8, 16, 32},
                                                          {4, 8, 16, 32, 64},
                                                          {16, 32},
                                                          {8, 16},
                                                          {4, 8, 16},
                                                          {16, 32, 64},
                                                          {8},
                                                          {16},
                                                          {32},
                                                          {4}};
  return kUsual;
}

std::int64_t Side(double stride, int side) {
  return static_cast<std::int64_t>(std::ceil(side / stride));
}

}  // namespace

std::int64_t Positions(double stride, int width, int height) {
  return Side(stride, width) * Side(stride, height);
}

std::optional<GridMatch> MatchGrids(std::int64_t anchors, int width, int height) {
  if (anchors <= 0) return std::nullopt;
  for (int boxes = 1; boxes <= kMostBoxes; ++boxes) {
    for (const std::vector<double>& strides : UsualStrides()) {
      std::int64_t count = 0;
      for (const double stride : strides) count += boxes * Positions(stride, width, height);
      if (count == anchors) return GridMatch{strides, boxes};
    }
  }
  return std::nullopt;
}

std::optional<GridMatch> MatchLevels(const std::vector<std::int64_t>& anchors, int width,
                                     int height) {
  for (int boxes = 1; boxes <= kMostBoxes; ++boxes) {
    GridMatch match{{}, boxes};
    for (const std::int64_t count : anchors) {
      for (const double stride : kStrides) {
        if (boxes * Positions(stride, width, height) != count) continue;
        match.strides.push_back(stride);
        break;
      }
    }
    if (match.strides.size() == anchors.size()) return match;
  }
  return std::nullopt;
}

double StrideOf(std::int64_t map_height, std::int64_t map_width, int width, int height) {
  for (const double stride : kStrides) {
    if (Side(stride, height) == map_height && Side(stride, width) == map_width) return stride;
  }
  return 0;
}

}  // namespace kinglet
