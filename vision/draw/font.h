// Text as rectangles.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kinglet::vision {

// Rows of a line of text, at scale 1.
inline constexpr int kLineHeight = 11;

struct Rect {
  int x = 0, y = 0, width = 0, height = 0;
};

// Printable ASCII only, with '?' for every other character (not byte), at most 80 characters.
std::string DrawableText(std::string_view utf8);

// Pixels from the left of the first letter to the right of the last one, at scale 1.
int TextWidth(const std::string& drawable);

// The strokes of the letters at scale 1, from (0, 0) to (TextWidth, kLineHeight - 1).
std::vector<Rect> TextStrokes(const std::string& drawable);

}  // namespace kinglet::vision
