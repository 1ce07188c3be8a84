#include "characterize/correlate/regression.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kinglet::characterize {
namespace {

constexpr std::size_t kLeastNetworks = 5;

// Logarithms of the figures that a regression is of, and of y.
struct LogData {
  std::vector<const std::vector<double>*> x;
  const std::vector<double>& y;
};

struct Fit {
  double intercept = 0;
  std::vector<double> slopes{};
};

// Least squares of one or two figures about their means, without the networks where `out` says so.
// None where the figures do not tell networks apart.
std::optional<Fit> FitLogs(const LogData& data, const std::vector<bool>& out) {
  const std::size_t count = data.y.size(), terms = data.x.size();
  double used = 0, mean_y = 0;
  double mean[2] = {}, xx[2][2] = {}, xy[2] = {};
  for (std::size_t i = 0; i < count; ++i) {
    if (out[i]) continue;
    ++used;
    mean_y += data.y[i];
    for (std::size_t t = 0; t < terms; ++t) mean[t] += (*data.x[t])[i];
  }
  mean_y /= used;
  for (double& m : mean) m /= used;
  for (std::size_t i = 0; i < count; ++i) {
    if (out[i]) continue;
    for (std::size_t t = 0; t < terms; ++t) {
      const double dx = (*data.x[t])[i] - mean[t];
      xy[t] += dx * (data.y[i] - mean_y);
      for (std::size_t u = 0; u < terms; ++u) xx[t][u] += dx * ((*data.x[u])[i] - mean[u]);
    }
  }
  Fit fit;
  constexpr double kSame = 1e-9;  // share of the squares, below which figures are one
  if (terms == 1) {
    if (!(xx[0][0] > 0)) return std::nullopt;
    fit.slopes = {xy[0] / xx[0][0]};
  } else {
    const double determinant = xx[0][0] * xx[1][1] - xx[0][1] * xx[1][0];
    if (!(determinant > kSame * xx[0][0] * xx[1][1])) return std::nullopt;
    fit.slopes = {(xy[0] * xx[1][1] - xy[1] * xx[0][1]) / determinant,
                  (xy[1] * xx[0][0] - xy[0] * xx[1][0]) / determinant};
  }
  fit.intercept = mean_y;
  for (std::size_t t = 0; t < terms; ++t) fit.intercept -= fit.slopes[t] * mean[t];
  return fit;
}

double PredictLog(const Fit& fit, const LogData& data, std::size_t network) {
  double sum = fit.intercept;
  for (std::size_t t = 0; t < data.x.size(); ++t) sum += fit.slopes[t] * (*data.x[t])[network];
  return sum;
}

// predicted / measured of each network that is not `out`, by the regression of the others. None
// where one of these cannot be made.
std::optional<std::vector<double>> LeaveOneOut(const LogData& data, std::vector<bool> out) {
  std::vector<double> ratios(data.y.size());
  for (std::size_t i = 0; i < data.y.size(); ++i) {
    if (out[i]) continue;
    out[i] = true;
    const std::optional<Fit> fit = FitLogs(data, out);
    out[i] = false;
    if (!fit) return std::nullopt;
    ratios[i] = std::exp(PredictLog(*fit, data, i) - data.y[i]);
  }
  return ratios;
}

double MeanError(const std::vector<double>& ratios, const std::vector<bool>& out) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    if (out[i]) continue;
    sum += std::abs(ratios[i] - 1);
    ++count;
  }
  return sum / count;
}

// One or two figures by their numbers.
using Chosen = std::vector<std::size_t>;

class Chooser {
 public:
  Chooser(const std::vector<std::vector<double>>& logs, const std::vector<double>& y)
      : logs_(logs), y_(y) {}

  LogData Data(const Chosen& chosen) const {
    LogData data{{}, y_};
    for (const std::size_t figure : chosen) data.x.push_back(&logs_[figure]);
    return data;
  }

  // The figures with the least error over the networks that are not `out`; none: there are none.
  Chosen Best(const std::vector<bool>& out) const {
    Chosen best;
    double least = 0;
    const auto consider = [&](Chosen chosen) {
      const auto ratios = LeaveOneOut(Data(chosen), out);
      if (!ratios) return;
      const double error = MeanError(*ratios, out);
      // What is hardly better is not worth another figure.
      constexpr double kBetter = 0.98, kNothing = 1e-12;
      if (best.empty() || error < kBetter * least - kNothing) {
        least = error;
        best = std::move(chosen);
      }
    };
    for (std::size_t a = 0; a < logs_.size(); ++a) consider({a});
    for (std::size_t a = 0; a < logs_.size(); ++a) {
      for (std::size_t b = a + 1; b < logs_.size(); ++b) consider({a, b});
    }
    return best;
  }

 private:
  const std::vector<std::vector<double>>& logs_;
  const std::vector<double>& y_;
};

// What networks may expect that neither the regression nor the choice of its figures has seen.
double NestedError(const Chooser& chooser, const std::vector<double>& y) {
  const std::vector<bool> none(y.size());
  std::vector<double> ratios(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    std::vector<bool> out = none;
    out[i] = true;
    const LogData data = chooser.Data(chooser.Best(out));
    const std::optional<Fit> fit = FitLogs(data, out);
    if (data.x.empty() || !fit) return std::numeric_limits<double>::quiet_NaN();
    ratios[i] = std::exp(PredictLog(*fit, data, i) - y[i]);
  }
  return MeanError(ratios, none);
}

std::vector<double> Logs(std::span<const double> values) {
  std::vector<double> logs;
  for (const double value : values) logs.push_back(std::log(value));
  return logs;
}

bool AllPositive(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value) && value > 0; });
}

}  // namespace

double Regression::Predict(std::span<const double> figures_of_one) const {
  double sum = intercept;
  for (std::size_t f = 0; f < exponents.size(); ++f) {
    sum += exponents[f] * std::log(figures_of_one[f]);
  }
  return std::exp(sum);
}

std::optional<Regression> BestRegression(const std::vector<Figure>& figures,
                                         std::span<const double> y) {
  if (y.size() < kLeastNetworks || !AllPositive(y)) return std::nullopt;
  std::vector<std::vector<double>> logs;
  std::vector<std::string> names;
  for (const Figure& figure : figures) {
    if (figure.values.size() != y.size() || !AllPositive(figure.values)) continue;
    logs.push_back(Logs(figure.values));
    names.push_back(figure.name);
  }
  const std::vector<double> log_y = Logs(y);
  const std::vector<bool> none(y.size());
  const Chooser chooser(logs, log_y);
  const Chosen chosen = chooser.Best(none);
  if (chosen.empty()) return std::nullopt;
  const LogData data = chooser.Data(chosen);
  const std::optional<Fit> fit = FitLogs(data, none);
  if (!fit) return std::nullopt;
  Regression regression;
  for (const std::size_t figure : chosen) regression.figures.push_back(names[figure]);
  regression.intercept = fit->intercept;
  regression.exponents = fit->slopes;
  regression.left_out = *LeaveOneOut(data, none);
  regression.left_out_error = MeanError(regression.left_out, none);
  regression.nested_error = NestedError(chooser, log_y);
  return regression;
}

}  // namespace kinglet::characterize
