// How pictures look: the same in all of them.
#pragma once

#include <cstddef>

namespace kinglet::characterize {

// Colours that those who see no red or no green tell apart, too (Okabe and Ito 2008), and a shape
// of points for each (gnuplot's numbers).
struct Look {
  const char* colour;
  int point;
};
inline constexpr Look kLooks[] = {{"#0072B2", 7},  {"#D55E00", 5}, {"#009E73", 9}, {"#CC79A7", 13},
                                  {"#E69F00", 11}, {"#56B4E9", 6}, {"#555555", 4}, {"#000000", 2}};
inline constexpr std::size_t kLookCount = sizeof kLooks / sizeof kLooks[0];

inline constexpr const char* kTextColour = "#222222";
inline constexpr const char* kLineColour = "#666666";  // axes and guides
inline constexpr const char* kGridColour = "#E2E2E2";

inline constexpr double kFontSize = 15;
inline constexpr double kTitleSize = 17;
inline constexpr double kLabelSize = 13;  // at points
inline constexpr double kPointRadius = 5;

}  // namespace kinglet::characterize
