// Ranges of values, and the codes that stand for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kinglet/quantize.h"

namespace kinglet {

// value = scale * (code - zero_point), the code from 0 to 255.
struct CodeScale {
  float scale = 1;
  std::uint8_t zero_point = 0;

  double low() const { return 0 - static_cast<double>(scale) * zero_point; }
  double high() const { return static_cast<double>(scale) * (255 - zero_point); }
};

// What was seen of the values of one range: first their bounds, then how often each came.
class Observed {
 public:
  static constexpr std::size_t kBins = 2048;

  // The first time through the pictures. False where a number is not finite.
  bool AddBounds(std::span<const float> values);
  // The second time.
  void Count(std::span<const float> values);

  double low() const { return low_; }
  double high() const { return high_; }
  // The codes by this rule. Zero has a code of its own.
  CodeScale Choose(RangeRule rule) const;
  // Power of the values divided by that of what the codes change, in decibels.
  double SignalToNoise(const CodeScale& codes) const;

 private:
  double ValueOf(std::size_t bin) const {
    return low_ + (static_cast<double>(bin) + 0.5) * (high_ - low_) / kBins;
  }
  double Quantile(double share) const;
  double Noise(const CodeScale& codes) const;       // mean square of what the codes change
  double Divergence(const CodeScale& codes) const;  // of Kullback and Leibler

  double low_ = 0, high_ = 0;
  std::uint64_t zeros_ = 0;  // exact ones, which no codes change
  std::vector<std::uint64_t> counts_;
};

// The codes of [low, high], widened to have zero in it.
CodeScale CodesOf(double low, double high);

}  // namespace kinglet
