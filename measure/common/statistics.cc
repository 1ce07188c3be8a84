#include "measure/common/statistics.h"

#include <algorithm>
#include <cmath>

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

Times Summarise(const std::vector<double>& milliseconds) {
  return {Median(milliseconds), *std::min_element(milliseconds.begin(), milliseconds.end()),
          Percentile(milliseconds, 95), milliseconds.size()};
}

}  // namespace kinglet::measure
