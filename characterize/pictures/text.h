// Text of pictures: made harmless, and how much room it takes.
#pragma once

#include <string>
#include <string_view>

namespace kinglet::characterize {

// The text with control characters as spaces, and '?' for each byte that is no UTF-8.
std::string CleanText(std::string_view text);

// Clean text as HTML and SVG show it, also in attributes with double quotes.
std::string MarkupText(std::string_view text);

// Pixels that clean text takes at most in a usual font without serifs of this size; about.
double TextWidth(std::string_view text, double font_size);

// The text itself where it is at most so wide, else its beginning and "...".
std::string FitText(const std::string& text, double font_size, double width);

// A number at a tick or in a label: "0.05", "12", "2500", "1.5M"; `step` is what numbers of this
// kind differ by.
std::string TickText(double value, double step);

}  // namespace kinglet::characterize
