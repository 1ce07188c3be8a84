// What a picture shows. A plot is one panel with axes, or a few of them that are compared (small
// multiples instead of one crowded panel). Text may be anything: it is shown as it is.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace kinglet::characterize {

struct Axis {
  std::string label;  // with its unit: "throughput, images/s"
  // 0: linear; 2 or 10: logarithmic, with ticks at the powers of 2, or at 1, 2, 5 of those of ten.
  // Values that are not above 0 are left out there.
  int log_base = 0;
  // Not given: by the data, rounded outwards. Linear axes begin at 0 unless the data is far from
  // it.
  std::optional<double> from{}, to{};
  // Names at 0, 1, 2 ... instead of numbers.
  std::vector<std::string> names{};
};

enum class Style {
  kLinesPoints,
  kLines,
  kPoints,
  kBars,  // of the x axis, one group at each x; with Panel::horizontal of the y axis
};

// Colours and shapes that tell series apart go by their order, so that the same thing may look the
// same in several panels. They are told apart without colours, too.
struct Series {
  std::string name;  // in the legend; "": not there
  Style style = Style::kLinesPoints;
  std::vector<double> x{}, y{};       // as many of each; values that are not finite leave a gap
  std::vector<double> low{}, high{};  // ends of error bars, as many as values; empty: none
  std::vector<std::string> labels{};  // at the points ("" where there is none); those that find no
                                      // room are left out, the first and the last at last
  std::optional<int> colour{};        // the look of that series instead of its own, from 0
  bool dashed = false;                // lines
};

// A line across the panel: a bound, a diagonal needs a series.
struct Guide {
  bool vertical = false;
  double at = 0;
  std::string text{};  // beside it
};

struct Panel {
  std::string title;
  Axis x{}, y{};
  std::vector<Series> series{};
  std::vector<Guide> guides{};
  bool stacked = false;  // bars at the same x stand on one another; else beside one another
  // Bars lie: their x is still the place and their y the length, and so are the axes x and y, but x
  // goes downwards on the left. For long names. Other styles stand as they are, turned.
  bool horizontal = false;
  int width = 600, height = 420;  // pixels of this panel alone
};

struct Plot {
  std::string title;  // over several panels; "" for one
  std::vector<Panel> panels;
  int columns = 2;  // of panels beside one another
};

}  // namespace kinglet::characterize
