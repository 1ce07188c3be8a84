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

struct Interval {
  double low = 0, high = 0;
};
// The 95 % confidence interval of the median of what the values are a sample of, by order
// statistics (the number of values below the median is binomial; Conover, Practical Nonparametric
// Statistics, 3.2). Of fewer than six values, where no interval is that sure, their whole range. Of
// at least one value.
Interval MedianInterval(std::vector<double> values);

// By Student's t: half the width of the 95 % confidence interval of the mean. Infinite for fewer
// than two values.
double MeanHalfWidth(const std::vector<double>& values);

double Mean(const std::vector<double>& values);               // 0 of none
double StandardDeviation(const std::vector<double>& values);  // of a sample; 0 of fewer than two

struct Times {
  double median_ms = 0;
  double min_ms = 0;
  double p95_ms = 0;
  std::size_t runs = 0;
};
// Of at least one run.
Times Summarise(const std::vector<double>& milliseconds);

}  // namespace kinglet::measure
