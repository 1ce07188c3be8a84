// How well networks are predicted that training did not see, beside what simpler proxies predict of
// the same ones (Ponomarev et al. 2021).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "characterize/fit/train.h"

namespace kinglet::characterize {

// Of relative errors |predicted - measured| / measured.
struct ErrorSummary {
  std::size_t points = 0;
  double median = 0, mean = 0;
  double within_5 = 0, within_10 = 0;  // shares
  double spearman = 0;                 // rank correlation of predicted and measured
};
ErrorSummary SummariseErrors(const std::vector<double>& predicted,
                             const std::vector<double>& measured);
// Of ranks, ties sharing their mean; 0 where one of them has a single value.
double Spearman(const std::vector<double>& a, const std::vector<double>& b);

// Names of the methods in reports.
inline constexpr const char* kPredictorMethod = "predictor";
inline constexpr const char* kPhysicalMethod = "physical part";
inline constexpr const char* kMacsMethod = "multiply-adds";
inline constexpr const char* kBytesMethod = "multiply-adds and bytes";
inline constexpr const char* kTableMethod = "table of layers";

struct LearningPoint {
  std::size_t networks = 0;  // trained on
  ErrorSummary errors;       // of networks held out
};

struct FitReport {
  // `folds` 0: of a dataset apart, by a predictor that was there.
  std::size_t networks = 0, points = 0, dropped = 0, folds = 0;
  double noise = 0;  // median over points of half the spread between turns: what no model can beat
  std::vector<std::string> methods;                         // "predictor", "physical part", ...
  std::map<std::string, std::vector<double>> predicted_us;  // by method, parallel to the points
  std::vector<double> measured_us;
  std::vector<std::string> families;  // of the points
  std::vector<int> batches;
  std::vector<LearningPoint> learning;

  // What was measured of these points, and room for what is predicted by these methods.
  void Begin(const std::vector<MeasuredPoint>& of, std::vector<std::string> by);
  // Of the points that `of` says yes to; of all without it.
  ErrorSummary Errors(const std::string& method,
                      const std::function<bool(std::size_t)>& of = {}) const;
};

struct FitOptions {
  BoostingOptions boosting{};
  int folds = 6;         // that families are divided among
  bool learning = true;  // the learning curve, which trains four times more
  std::function<void(std::size_t done, std::size_t total)> progress{};
};

// A predictor of all points, with intervals of what cross-validation leaves out, and the report of
// that. Folds are whole families where there are two or more, else networks. Throws
// Error(kInvalidInput) for fewer than ten networks, and as GrowTrees does.
Predictor Fit(const Dataset& dataset, const FitOptions& options, FitReport& report);

}  // namespace kinglet::characterize
