#include "models/postprocess/picture_boxes.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kinglet {
namespace {

// NaN stays NaN.
float Clip(double x, int size) {
  return static_cast<float>(std::isnan(x) ? x : std::clamp(x, 0.0, static_cast<double>(size)));
}

}  // namespace

void PictureBoxes::Add(std::size_t index, float score, const float* box,
                       std::vector<Detection>& detections, std::span<const float> landmarks) const {
  Detection d;
  d.index = index;
  d.score = score;
  d.x1 = Clip(mapping_.PictureX(static_cast<double>(box[0]) * unit_x_), picture_.width);
  d.y1 = Clip(mapping_.PictureY(static_cast<double>(box[1]) * unit_y_), picture_.height);
  d.x2 = Clip(mapping_.PictureX(static_cast<double>(box[2]) * unit_x_), picture_.width);
  d.y2 = Clip(mapping_.PictureY(static_cast<double>(box[3]) * unit_y_), picture_.height);
  if (!(d.x2 > d.x1 && d.y2 > d.y1)) return;  // true for NaN
  for (std::size_t i = 0; i + 1 < landmarks.size(); i += 2) {
    const double x = static_cast<double>(landmarks[i]) * unit_x_;
    const double y = static_cast<double>(landmarks[i + 1]) * unit_y_;
    d.landmarks.push_back(
        {static_cast<float>(mapping_.PictureX(x)), static_cast<float>(mapping_.PictureY(y))});
  }
  detections.push_back(std::move(d));
}

}  // namespace kinglet
