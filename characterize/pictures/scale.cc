#include "characterize/pictures/scale.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "characterize/pictures/text.h"

namespace kinglet::characterize {
namespace {

constexpr double kLogRoom = 1.2;   // beside the outermost values of a logarithmic axis
constexpr int kStepsOfRange = 10;  // that a linear range is rounded to
constexpr double kFarFromZero =
    0.6;  // of the largest value: from there a range need not begin at 0

// The smallest of 1, 2, 5, 10 ... that is at least `step`, above 0.
double RoundStep(double step) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

Scale LinearScale(double low, double high, bool from_zero) {
  if (low >= 0 && (from_zero || low < kFarFromZero * high || high == 0)) low = 0;
  if (high <= 0 && (from_zero || high > kFarFromZero * low)) high = 0;
  if (!(low < high)) {  // one value
    const double room = low == 0 ? 1 : std::abs(low) / 2;
    high = low + room;
    low = low == 0 ? 0 : low - room;
  }
  const double step = RoundStep((high - low) / kStepsOfRange);
  return {step * std::floor(low / step + 1e-9), step * std::ceil(high / step - 1e-9), 0};
}

void Keep(double& end, const std::optional<double>& given, int log_base) {
  if (given && std::isfinite(*given) && (log_base == 0 || *given > 0)) end = *given;
}

std::vector<Tick> LinearTicks(const Scale& scale, int most) {
  const double step = RoundStep((scale.to - scale.from) / std::max(most, 2));
  std::vector<Tick> ticks;
  for (double i = std::ceil(scale.from / step - 1e-9); i * step <= scale.to + 1e-9 * step; ++i) {
    ticks.push_back({i * step, TickText(i * step, step)});
  }
  return ticks;
}

// At powers of the base times each factor, all powers or each second, third ... of them.
std::vector<Tick> LogTicks(const Scale& scale, const std::vector<double>& factors, int stride) {
  const double base = scale.log_base;
  const auto first = static_cast<int>(std::floor(std::log(scale.from) / std::log(base)));
  const auto last = static_cast<int>(std::ceil(std::log(scale.to) / std::log(base)));
  std::vector<Tick> ticks;
  for (int power = first; power <= last; ++power) {
    if (power % stride != 0) continue;
    for (const double factor : factors) {
      const double at = factor * std::pow(base, power);
      if (scale.Shows(at)) ticks.push_back({at, TickText(at, at)});
    }
  }
  return ticks;
}

}  // namespace

double Scale::Fraction(double value) const {
  if (log_base == 0) return (value - from) / (to - from);
  return std::log(value / from) / std::log(to / from);
}

bool Scale::Shows(double value) const {
  if (!std::isfinite(value) || (log_base != 0 && value <= 0)) return false;
  const double fraction = Fraction(value);
  return fraction >= -1e-9 && fraction <= 1 + 1e-9;
}

Scale ScaleOf(const Axis& axis, const std::vector<double>& values, bool from_zero) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double value : values) {
    if (!std::isfinite(value) || (axis.log_base != 0 && value <= 0)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const bool none = low > high;
  Scale scale;
  if (!axis.names.empty()) {
    scale = {-0.5, static_cast<double>(axis.names.size()) - 0.5, 0};
  } else if (axis.log_base != 0) {
    scale = {none ? 1 : low / kLogRoom, none ? 10 : high * kLogRoom, axis.log_base};
  } else {
    scale = none ? Scale{} : LinearScale(low, high, from_zero);
  }
  Keep(scale.from, axis.from, axis.log_base);
  Keep(scale.to, axis.to, axis.log_base);
  if (!(scale.from < scale.to)) {  // an end that is given lies beyond the data
    (axis.to ? scale.from : scale.to) = axis.log_base != 0
                                            ? (axis.to ? scale.to / 10 : scale.from * 10)
                                        : axis.to ? scale.to - 1
                                                  : scale.from + 1;
  }
  return scale;
}

std::vector<Tick> TicksOf(const Axis& axis, const Scale& scale, int most) {
  std::vector<Tick> ticks;
  if (!axis.names.empty()) {
    for (std::size_t i = 0; i < axis.names.size(); ++i) {
      ticks.push_back({static_cast<double>(i), CleanText(axis.names[i])});
    }
    return ticks;
  }
  if (scale.log_base == 0) return LinearTicks(scale, most);
  const auto few = [&] { return ticks.size() <= static_cast<std::size_t>(std::max(most, 2)); };
  if (scale.log_base == 10) {
    if (scale.to / scale.from < 4) return LinearTicks(scale, most);  // too few round powers
    ticks = LogTicks(scale, {1, 2, 5}, 1);
    if (few()) return ticks;
  }
  for (int stride = 1; stride < 100; ++stride) {
    ticks = LogTicks(scale, {1}, stride);
    if (few()) break;
  }
  return ticks;
}

}  // namespace kinglet::characterize
