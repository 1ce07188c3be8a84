#include "models/quantize/ranges.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kinglet {
namespace {

constexpr double kPercentile = 0.9999;
constexpr double kLeastPercentile = 0.999;  // of the search by least squares
constexpr int kSteps = 24;                  // of a search, from there to the bounds
constexpr double kLeastScale = 1e-30;       // far above the numbers that CPUs flush

// The code of a value, by the rule of QuantizeLinear.
double Rounded(double value, const CodeScale& codes) {
  const double code =
      std::clamp(std::nearbyint(value / codes.scale) + codes.zero_point, 0.0, 255.0);
  return (code - codes.zero_point) * codes.scale;
}

}  // namespace

CodeScale CodesOf(double low, double high) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  CodeScale codes;
  const double scale = (high - low) / 255;
  if (scale < kLeastScale) return codes;
  codes.scale = static_cast<float>(scale);
  codes.zero_point =
      static_cast<std::uint8_t>(std::clamp(std::nearbyint(-low / codes.scale), 0.0, 255.0));
  return codes;
}

bool Observed::AddBounds(std::span<const float> values) {
  float low = 0, high = 0;
  bool finite = true;
  for (const float x : values) {
    low = std::min(low, x);
    high = std::max(high, x);
    finite = finite && std::isfinite(x);
  }
  low_ = std::min(low_, static_cast<double>(low));
  high_ = std::max(high_, static_cast<double>(high));
  return finite;
}

void Observed::Count(std::span<const float> values) {
  counts_.resize(kBins, 0);
  const double width = high_ - low_;
  if (!(width > 0)) return;
  const double factor = kBins / width;
  for (const float x : values) {
    if (x == 0) {
      ++zeros_;
      continue;
    }
    const double bin = std::clamp((x - low_) * factor, 0.0, kBins - 1.0);
    ++counts_[static_cast<std::size_t>(bin)];
  }
}

double Observed::Quantile(double share) const {
  const auto total = std::accumulate(counts_.begin(), counts_.end(), zeros_);
  const double wanted = share * static_cast<double>(total);
  double passed = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    passed += static_cast<double>(counts_[i]);
    const double end = low_ + static_cast<double>(i + 1) * (high_ - low_) / kBins;
    // Zeros lie in the bin that has 0 in it.
    const double with_zeros = end > 0 ? passed + static_cast<double>(zeros_) : passed;
    if (with_zeros >= wanted) return end;
  }
  return high_;
}

double Observed::Noise(const CodeScale& codes) const {
  double sum = 0, count = static_cast<double>(zeros_);
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const double difference = ValueOf(i) - Rounded(ValueOf(i), codes);
    sum += difference * difference * static_cast<double>(counts_[i]);
    count += static_cast<double>(counts_[i]);
  }
  return count > 0 ? sum / count : 0;
}

double Observed::Divergence(const CodeScale& codes) const {
  // Of each code, its values are taken to be equally frequent; what is outside falls on the ends.
  std::vector<double> by_code(256, 0), bins(256, 0);
  std::vector<std::size_t> code_of(counts_.size());
  double total = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const double value = Rounded(ValueOf(i), codes);
    code_of[i] = static_cast<std::size_t>(std::nearbyint(value / codes.scale) + codes.zero_point);
    const bool inside = ValueOf(i) >= codes.low() && ValueOf(i) <= codes.high();
    by_code[code_of[i]] += inside ? static_cast<double>(counts_[i]) : 0;
    bins[code_of[i]] += counts_[i] > 0 ? 1 : 0;
    total += static_cast<double>(counts_[i]);
  }
  double divergence = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const double p = static_cast<double>(counts_[i]) / total;
    const double q = std::max(by_code[code_of[i]] / bins[code_of[i]] / total, 1e-12);
    divergence += p * std::log(p / q);
  }
  return divergence;
}

CodeScale Observed::Choose(RangeRule rule) const {
  if (rule == RangeRule::kMinMax || counts_.empty()) return CodesOf(low_, high_);
  if (rule == RangeRule::kPercentile) {
    return CodesOf(Quantile(1 - kPercentile), Quantile(kPercentile));
  }
  const bool entropy = rule == RangeRule::kEntropy;
  const double inner_low = std::min(Quantile(1 - kLeastPercentile), 0.0);
  const double inner_high = std::max(Quantile(kLeastPercentile), 0.0);
  CodeScale best = CodesOf(low_, high_);
  double least = entropy ? Divergence(best) : Noise(best);
  for (int i = 0; i <= kSteps; ++i) {
    const double low = low_ + (inner_low - low_) * i / kSteps;
    for (int j = 0; j <= kSteps; ++j) {
      const double high = high_ + (inner_high - high_) * j / kSteps;
      const CodeScale codes = CodesOf(low, high);
      const double cost = entropy ? Divergence(codes) : Noise(codes);
      if (cost >= least) continue;
      least = cost;
      best = codes;
    }
    if (inner_low == low_) break;
  }
  return best;
}

double Observed::SignalToNoise(const CodeScale& codes) const {
  double power = 0, count = static_cast<double>(zeros_);
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    power += ValueOf(i) * ValueOf(i) * static_cast<double>(counts_[i]);
    count += static_cast<double>(counts_[i]);
  }
  const double noise = Noise(codes);
  if (!(power > 0) || !(noise > 0)) return kPerfectSignal;
  return std::min(10 * std::log10(power / count / noise), kPerfectSignal);
}

}  // namespace kinglet
