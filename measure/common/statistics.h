// What a number of measured times comes to.
#pragma once

#include <cstddef>
#include <vector>

namespace kinglet::measure {

// The middle one, or the mean of the two in the middle. Of at least one value.
double Median(std::vector<double> values);

// The smallest of the values that at least `percent` of a hundred are not above (nearest rank),
// above 0 to 100. Of at least one value.
double Percentile(std::vector<double> values, double percent);

struct Times {
  double median_ms = 0;
  double min_ms = 0;
  double p95_ms = 0;
  std::size_t runs = 0;
};
// Of at least one run.
Times Summarise(const std::vector<double>& milliseconds);

}  // namespace kinglet::measure
