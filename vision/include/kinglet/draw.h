// Boxes and text on pictures.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "kinglet/image.h"

namespace kinglet {

struct DrawnBox {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;  // pixels, continuous: pixel i covers i to i + 1
  std::string label;
  std::size_t color = 0;  // any number; the same one is the same colour on every picture
};

// Draws the boxes, the first on top of the others, each with its label on a filled background.
// Lines and letters grow with the picture. Labels lie inside the picture, beside one another where
// there is room; where a picture is too small for a label, the label goes into a strip that is
// added below it, which may make the picture wider too. Characters other than printable ASCII are
// shown as '?', and labels of more than 80 are cut. Of more than 500 boxes the first 500 get
// labels.
void DrawBoxes(Image& image, std::span<const DrawnBox> boxes);

// Draws lines of text in the upper left corner, on a filled background; in a strip below where they
// do not fit.
void DrawCaption(Image& image, std::span<const std::string> lines);

}  // namespace kinglet
