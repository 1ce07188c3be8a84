// Time from a few figures of a network: y = exp(a) x1^b1 x2^b2, by least squares of the logarithms.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kinglet::characterize {

// A figure of all networks, in their order.
struct Figure {
  std::string name;
  std::vector<double> values{};
};

struct Regression {
  std::vector<std::string> figures{};  // one or two
  double intercept = 0;                // a
  std::vector<double> exponents{};     // b1, b2
  // Of each network by the regression of all others: predicted / measured.
  std::vector<double> left_out{};
  double left_out_error = 0;  // mean of |predicted / measured - 1| of these
  // The same when the figures, too, are chosen anew without the network that is left out: what a
  // network that nobody has seen may expect.
  double nested_error = 0;

  double Predict(std::span<const double> figures_of_one) const;
};

// The one or two of the figures whose regression predicts left-out networks best. Figures with
// values that are not above 0 are left out. None where fewer than five networks are given or no
// figure is left.
std::optional<Regression> BestRegression(const std::vector<Figure>& figures,
                                         std::span<const double> y);

}  // namespace kinglet::characterize
