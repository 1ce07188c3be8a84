// Where everything of a panel is. Pixels from its upper left corner, so that nothing overlaps.
#pragma once

#include <string>
#include <vector>

#include "characterize/pictures/plot.h"
#include "characterize/pictures/scale.h"

namespace kinglet::characterize {

struct Box {
  double left, top, right, bottom;

  bool Overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  bool Holds(const Box& other) const {
    return other.left >= left && other.right <= right && other.top >= top && other.bottom <= bottom;
  }
};

// A bar, in values of the axes as they are drawn.
struct Bar {
  double x_from, x_to, y_from, y_to;
};

struct LegendEntry {
  std::size_t series;
  double x, y;  // left end and middle of its sample
  std::string text;
};

// A piece of text inside the axes; `series` npos: of a guide.
struct PlacedLabel {
  std::string text;
  double x, y;  // left end, middle
  std::size_t series;
};

inline constexpr double kSampleWidth = 28;  // of a line in the legend

struct Layout {
  Box inside{};       // the axes
  Scale across, up;   // of the axes as they are drawn: from the left, and from below
  bool down = false;  // values of `up` grow downwards
  std::vector<Tick> across_ticks, up_ticks;
  bool turned = false;                        // names below the axis are turned
  std::string title, across_label, up_label;  // as much as there is room for
  std::vector<LegendEntry> legend;
  std::vector<std::vector<Bar>> bars;  // of each series
  std::vector<PlacedLabel> labels;

  double X(double value) const;
  double Y(double value) const;
};

// A value pair as it is drawn: x across and y up, or turned.
struct Place {
  double across, up;
};
inline Place PlaceOf(const Panel& panel, double x, double y) {
  return panel.horizontal ? Place{y, x} : Place{x, y};
}

Layout LayOut(const Panel& panel);

// Those of the labels that find room beside their points, without covering points or each other.
std::vector<PlacedLabel> PlaceLabels(const Panel& panel, const Layout& layout);

}  // namespace kinglet::characterize
