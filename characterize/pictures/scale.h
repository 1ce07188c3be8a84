// From values to places along an axis, and the ticks of it.
#pragma once

#include <string>
#include <vector>

#include "characterize/pictures/plot.h"

namespace kinglet::characterize {

struct Scale {
  double from = 0, to = 1;  // from < to; above 0 where it is logarithmic
  int log_base = 0;

  // 0 at `from`, 1 at `to`.
  double Fraction(double value) const;
  bool Shows(double value) const;
};

struct Tick {
  double at;
  std::string text;
};

// The range of an axis for these values, of which those that it cannot show are passed over;
// `from_zero`: as of bars.
Scale ScaleOf(const Axis& axis, const std::vector<double>& values, bool from_zero);

// About `most` ticks or fewer, at round numbers; the names where the axis has some.
std::vector<Tick> TicksOf(const Axis& axis, const Scale& scale, int most);

}  // namespace kinglet::characterize
