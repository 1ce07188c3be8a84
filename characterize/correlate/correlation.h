// How two figures of the same things go together.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace kinglet::characterize {

struct Correlation {
  double value = 0;           // -1 to 1
  double low = -1, high = 1;  // 95 % confidence interval
};

// Pearson's: how near pairs (x, y) are to a line. The interval is Fisher's, by atanh. Not a number
// where fewer than two pairs are given or one of the figures is the same everywhere; of fewer than
// four pairs the interval is -1 to 1.
Correlation Pearson(std::span<const double> x, std::span<const double> y);

// Spearman's: the same of the ranks, so that any function that only grows gives 1. The interval is
// that of Bonett and Wright, Sample size requirements for estimating Pearson, Kendall and Spearman
// correlations, 2000.
Correlation Spearman(std::span<const double> x, std::span<const double> y);

// 1 for the smallest; equal values have the mean of their ranks.
std::vector<double> Ranks(std::span<const double> values);

}  // namespace kinglet::characterize
