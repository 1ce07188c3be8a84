// Where labels of boxes go on a picture.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vision/draw/canvas.h"

namespace kinglet::vision {

struct PlacedLabel {
  Rect rect;
  std::string text;
  int scale = 1;
};

class LabelPlacer {
 public:
  // `boxes` are all that labels may hide. `largest` is the scale of letters for the largest boxes.
  LabelPlacer(int width, int height, std::vector<Rect> boxes, int largest);

  // A place for the first of the texts that finds one, near the box and outside of it where there
  // is room; nothing where all would hide too much of a box or of a label placed before.
  std::optional<PlacedLabel> Place(const Rect& box, std::span<const std::string> texts);

 private:
  struct Cost {
    double labels = 0;  // pixels of other labels that are hidden
    double share = 0;   // of the box that is hidden most
    bool Beats(const Cost& other) const {
      return labels != other.labels ? labels < other.labels : share < other.share;
    }
  };
  struct Candidate {
    PlacedLabel label;
    Cost cost;
  };

  Cost CostOf(const Rect& rect) const;
  // The best place for a text of this size; none where the picture is too small.
  std::optional<Candidate> Best(const Rect& box, const std::string& text, int scale) const;

  int width_, height_;
  std::vector<Rect> boxes_;
  int largest_;
  std::vector<Rect> placed_;
};

}  // namespace kinglet::vision
