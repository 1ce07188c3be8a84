// Filled rectangles and text on a picture.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "kinglet/image.h"
#include "vision/draw/font.h"

namespace kinglet::vision {

using Color = std::array<std::uint8_t, 3>;

// Colours that differ well between neighbouring numbers.
Color ColorOf(std::size_t number);

// Pixels of a letter's stroke on a picture of this size.
int TextScale(const Image& image);

// The size of a label: its text at this scale with a margin around.
struct LabelSize {
  int width = 0, height = 0;
};
LabelSize SizeOfLabel(const std::string& drawable, int scale);

// The part of the rectangle that lies in the picture.
void Fill(Image& image, const Rect& rect, const Color& color);
// A filled background with the text on it in black or white, whichever is seen better.
void DrawLabel(Image& image, int x, int y, const std::string& drawable, int scale,
               const Color& background);

// Adds rows below and columns at the right of the picture, in white.
void Enlarge(Image& image, int width, int height);

}  // namespace kinglet::vision
