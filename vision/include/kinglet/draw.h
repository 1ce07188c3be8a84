// Boxes and text on pictures.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kinglet/image.h"

namespace kinglet {

struct DrawnBox {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;  // pixels, continuous: pixel i covers i to i + 1
  std::string label;
  std::size_t color = 0;  // any number; the same one is the same colour on every picture
  std::string brief{};    // instead of the label where that has no room; "": nothing then
  std::vector<PicturePoint> points{};  // marked in another colour: landmarks
};

struct DrawOptions {
  int line_width = 0;  // pixels, 1 to 100; 0: by the picture and the size of the box
};

// Draws the boxes, the first on top of the others, each with its points and with its label on a
// filled background. Lines and letters grow with the picture and with the box. Labels lie inside
// the picture, outside of all boxes where there is room, and beside one another; one that would
// hide another label, or a good part of a box, is written smaller, then as `brief`, then left out.
// Where a picture is too small for a label, the label goes into a strip that is added below it,
// which may make the picture wider too. Characters other than printable ASCII are shown as '?', and
// labels of more than 80 are cut. Of more than 500 boxes the first 500 get labels.
void DrawBoxes(Image& image, std::span<const DrawnBox> boxes, const DrawOptions& options = {});

// Draws lines of text in the upper left corner, on a filled background; in a strip below where they
// do not fit.
void DrawCaption(Image& image, std::span<const std::string> lines);

}  // namespace kinglet
