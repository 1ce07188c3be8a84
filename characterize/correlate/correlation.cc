#include "characterize/correlate/correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kinglet::characterize {
namespace {

constexpr double k95Percent = 1.959964;

double PearsonValue(std::span<const double> x, std::span<const double> y) {
  const auto count = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / count;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / count;
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  if (!(xx > 0) || !(yy > 0)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(xy / std::sqrt(xx) / std::sqrt(yy), -1.0, 1.0);
}

// `variance` is that of atanh(value), times n - 3.
Correlation WithInterval(double value, std::size_t count, double variance) {
  Correlation correlation{value};
  if (count < 4 || std::isnan(value)) return correlation;
  constexpr double kMostCertain = 1 - 1e-15;  // atanh(1) is infinite
  const double z = std::atanh(std::clamp(value, -kMostCertain, kMostCertain));
  const double reach = k95Percent * std::sqrt(variance / static_cast<double>(count - 3));
  correlation.low = std::tanh(z - reach);
  correlation.high = std::tanh(z + reach);
  return correlation;
}

}  // namespace

Correlation Pearson(std::span<const double> x, std::span<const double> y) {
  if (x.size() < 2) return {std::numeric_limits<double>::quiet_NaN()};
  return WithInterval(PearsonValue(x, y), x.size(), 1);
}

Correlation Spearman(std::span<const double> x, std::span<const double> y) {
  if (x.size() < 2) return {std::numeric_limits<double>::quiet_NaN()};
  const double value = PearsonValue(Ranks(x), Ranks(y));
  // Few networks in the same order may be so by chance: half the step to the next possible value is
  // left, or the interval would be a point.
  const double count = static_cast<double>(x.size());
  const double most = std::max(0.0, 1 - 6 / (count * count * count - count));
  Correlation correlation =
      WithInterval(std::clamp(value, -most, most), x.size(), 1 + value * value / 2);
  correlation.value = value;
  correlation.low = std::min(correlation.low, value);
  correlation.high = std::max(correlation.high, value);
  return correlation;
}

std::vector<double> Ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = static_cast<double>(begin + 1 + end) / 2;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

}  // namespace kinglet::characterize
