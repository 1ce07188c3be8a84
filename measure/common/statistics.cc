#include "measure/common/statistics.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

namespace kinglet::measure {

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t count = values.size();
  return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

double Percentile(std::vector<double> values, double percent) {
  const auto count = static_cast<double>(values.size());
  const double rank = std::clamp(std::ceil(percent / 100 * count), 1.0, count);
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank) - 1;
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

Interval MedianInterval(std::vector<double> values) {
  constexpr double kOneSide = 0.025;
  std::sort(values.begin(), values.end());
  const std::size_t count = values.size();
  const auto n = static_cast<double>(count);
  // P(at most k of n values are below the median), added up from 0; `k` values are left out at
  // each end.
  double log_term = -n * std::log(2.0);
  double sum = std::exp(log_term);
  std::size_t left_out = 0;
  while (sum <= kOneSide && 2 * (left_out + 1) < count) {
    const auto k = static_cast<double>(left_out);
    log_term += std::log((n - k) / (k + 1));
    sum += std::exp(log_term);
    ++left_out;
  }
  const std::size_t first = left_out > 0 ? left_out - 1 : 0;
  return {values[first], values[count - 1 - first]};
}

double Mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double StandardDeviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double MeanHalfWidth(const std::vector<double>& values) {
  // Quantiles 0.975 for 1, 2, ... degrees of freedom.
  constexpr double kStudent[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                                 2.306,  2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
                                 2.131,  2.120, 2.110, 2.101, 2.093, 2.086};
  if (values.size() < 2) return std::numeric_limits<double>::infinity();
  const std::size_t last = std::size(kStudent) - 1;
  const double student = kStudent[std::min(values.size() - 2, last)];
  return student * StandardDeviation(values) / std::sqrt(static_cast<double>(values.size()));
}

Times Summarise(const std::vector<double>& milliseconds) {
  return {Median(milliseconds), *std::min_element(milliseconds.begin(), milliseconds.end()),
          Percentile(milliseconds, 95), milliseconds.size()};
}

}  // namespace kinglet::measure
