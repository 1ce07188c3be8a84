// From boxes in a network's input to boxes in the picture that it was made of.
#pragma once

#include <span>
#include <vector>

#include "kinglet/detect.h"

namespace kinglet {

class PictureBoxes {
 public:
  // `unit_x` and `unit_y` are pixels of the network's input for each unit of its boxes.
  PictureBoxes(const PictureMapping& mapping, PictureSize picture, double unit_x, double unit_y)
      : mapping_(mapping), picture_(picture), unit_x_(unit_x), unit_y_(unit_y) {}

  // Appends the detection with the box {x1, y1, x2, y2} of the network, clipped to the picture, and
  // these landmarks, x and y of each; not when a coordinate of the box is NaN or nothing of the box
  // lies in the picture.
  void Add(std::size_t index, float score, const float* box, std::vector<Detection>& detections,
           std::span<const float> landmarks = {}) const;

 private:
  PictureMapping mapping_;
  PictureSize picture_;
  double unit_x_, unit_y_;
};

}  // namespace kinglet
