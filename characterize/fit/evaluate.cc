#include "characterize/fit/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "characterize/fit/proxies.h"
#include "characterize/generate/draws.h"
#include "kinglet/error.h"
#include "measure/common/statistics.h"

namespace kinglet::characterize {
namespace {

constexpr std::size_t kLeastNetworks = 10;

std::vector<double> RanksOf(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i;
    while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
    const double rank = static_cast<double>(i + end - 1) / 2;
    for (; i < end; ++i) ranks[order[i]] = rank;
  }
  return ranks;
}

// Which fold a point is in: by family, or by network where there is one family.
std::vector<std::size_t> FoldsOf(const std::vector<MeasuredPoint>& points, int wanted,
                                 std::size_t& folds) {
  std::map<std::string, std::size_t> sizes;
  for (const MeasuredPoint& point : points) ++sizes[point.family()];
  const bool families = sizes.size() > 1;
  if (!families) {
    sizes.clear();
    for (const MeasuredPoint& point : points) ++sizes[point.name()];
  }
  folds = std::min(static_cast<std::size_t>(std::max(wanted, 2)), sizes.size());
  // The largest first, each to the fold with fewest points.
  std::vector<std::pair<std::size_t, std::string>> order;
  for (const auto& [name, size] : sizes) order.emplace_back(size, name);
  std::sort(order.rbegin(), order.rend());
  std::vector<std::size_t> load(folds);
  std::map<std::string, std::size_t> fold_of;
  for (const auto& [size, name] : order) {
    const auto least =
        static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    fold_of[name] = least;
    load[least] += size;
  }
  std::vector<std::size_t> of;
  for (const MeasuredPoint& point : points) {
    of.push_back(fold_of.at(families ? point.family() : point.name()));
  }
  return of;
}

PointRefs Where(const std::vector<MeasuredPoint>& points,
                const std::function<bool(std::size_t)>& yes) {
  PointRefs refs;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (yes(i)) refs.push_back(&points[i]);
  }
  return refs;
}

class Fitter {
 public:
  Fitter(const std::vector<MeasuredPoint>& points, const FitOptions& options, FitReport& report)
      : points_(points), options_(options), report_(report) {}

  Predictor Fit() {
    fold_of_ = FoldsOf(points_, options_.folds, report_.folds);
    total_ = report_.folds + 1 + (options_.learning ? kCurve.size() : 0);
    report_.Begin(points_,
                  {kPredictorMethod, kPhysicalMethod, kMacsMethod, kBytesMethod, kTableMethod});
    sums_.assign(points_.size(), 0);
    for (std::size_t fold = 0; fold < report_.folds; ++fold) LeaveOut(fold);
    CorrectNetworks();
    if (options_.learning) LearningCurve();
    Predictor predictor =
        TrainLayers(Where(points_, [](std::size_t) { return true; }), options_.boosting);
    Step();
    Finish(predictor);
    return predictor;
  }

 private:
  static constexpr std::array kCurve = {0.125, 0.25, 0.5, 1.0};

  void Step() {
    ++done_;
    if (options_.progress) options_.progress(done_, total_);
  }

  void LeaveOut(std::size_t fold) {
    const PointRefs train = Where(points_, [&](std::size_t i) { return fold_of_[i] != fold; });
    const Predictor predictor = TrainLayers(train, options_.boosting);
    const LogLinear macs(train, false);
    const LogLinear bytes(train, true);
    const LayerTable table(train);
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (fold_of_[i] != fold) continue;
      sums_[i] = SumUs(predictor, points_[i]);
      report_.predicted_us[kPhysicalMethod][i] = points_[i].network[RowNumber::kPhysical];
      report_.predicted_us[kMacsMethod][i] = macs.PredictUs(points_[i]);
      report_.predicted_us[kBytesMethod][i] = bytes.PredictUs(points_[i]);
      report_.predicted_us[kTableMethod][i] = table.PredictUs(points_[i]);
      for (const DataRow& layer : points_[i].layers) {
        if (predictor.Find(layer[RowText::kKernel]) == nullptr ||
            layer[RowNumber::kMeasured] <= 0) {
          continue;
        }
        layer_logs_[layer[RowText::kKernel]].push_back(
            std::log(layer[RowNumber::kMeasured] / CorrectedUs(predictor, layer)));
      }
    }
    Step();
  }

  // Each fold's by what was learned from the sums of the others, which had not been seen either.
  void CorrectNetworks() {
    for (std::size_t fold = 0; fold < report_.folds; ++fold) {
      PointRefs train;
      std::vector<double> sums;
      for (std::size_t i = 0; i < points_.size(); ++i) {
        if (fold_of_[i] == fold) continue;
        train.push_back(&points_[i]);
        sums.push_back(sums_[i]);
      }
      const Correction correction = TrainNetworks(train, sums, options_.boosting.seed);
      for (std::size_t i = 0; i < points_.size(); ++i) {
        if (fold_of_[i] != fold) continue;
        const auto features = FeaturesOfNetwork(points_[i].network, sums_[i]);
        report_.predicted_us[kPredictorMethod][i] =
            sums_[i] * std::exp(static_cast<double>(correction.trees.Evaluate(features)));
      }
    }
  }

  // Every fifth network is held out, whatever its family; the others are learned from in growing
  // numbers.
  void LearningCurve() {
    std::vector<std::pair<std::uint64_t, std::string>> order;
    std::set<std::string> seen;
    Draws draws(options_.boosting.seed);
    for (const MeasuredPoint& point : points_) {
      if (seen.insert(point.name()).second) order.emplace_back(draws.Next(), point.name());
    }
    std::sort(order.begin(), order.end());
    const std::size_t held = std::max<std::size_t>(order.size() / 5, 1);
    std::map<std::string, std::size_t> place;
    for (std::size_t i = 0; i < order.size(); ++i) place[order[i].second] = i;
    for (const double share : kCurve) {
      const auto count = std::max<std::size_t>(
          static_cast<std::size_t>(share * static_cast<double>(order.size() - held)), 1);
      const Predictor predictor = TrainLayers(Where(points_,
                                                    [&](std::size_t i) {
                                                      const std::size_t at =
                                                          place.at(points_[i].name());
                                                      return at >= held && at < held + count;
                                                    }),
                                              options_.boosting);
      std::vector<double> predicted;
      std::vector<double> measured;
      for (const MeasuredPoint& point : points_) {
        if (place.at(point.name()) >= held) continue;
        predicted.push_back(SumUs(predictor, point));
        measured.push_back(point.network[RowNumber::kMeasured]);
      }
      report_.learning.push_back({count, SummariseErrors(predicted, measured)});
      Step();
    }
  }

  void Finish(Predictor& predictor) {
    predictor.networks = report_.networks;
    predictor.network = TrainNetworks(Where(points_, [](std::size_t) { return true; }), sums_,
                                      options_.boosting.seed);
    std::vector<double> learned;
    std::vector<double> physical;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      learned.push_back(
          std::log(report_.measured_us[i] / report_.predicted_us[kPredictorMethod][i]));
      physical.push_back(
          std::log(report_.measured_us[i] / report_.predicted_us[kPhysicalMethod][i]));
    }
    predictor.network.interval = IntervalOf(std::move(learned));
    predictor.physical = IntervalOf(std::move(physical));
    for (auto& [kernel, correction] : predictor.kernels) {
      correction.interval = IntervalOf(layer_logs_[kernel]);
    }
  }

  const std::vector<MeasuredPoint>& points_;
  const FitOptions& options_;
  FitReport& report_;
  std::vector<std::size_t> fold_of_;
  std::vector<double> sums_;  // of layers, by predictors that had not seen the point's fold
  std::map<std::string, std::vector<double>> layer_logs_;
  std::size_t done_ = 0;
  std::size_t total_ = 0;
};

}  // namespace

double Spearman(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> x = RanksOf(a);
  const std::vector<double> y = RanksOf(b);
  const double mean = (static_cast<double>(x.size()) - 1) / 2;
  double xy = 0;
  double xx = 0;
  double yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

ErrorSummary SummariseErrors(const std::vector<double>& predicted,
                             const std::vector<double>& measured) {
  ErrorSummary summary;
  summary.points = measured.size();
  if (measured.empty()) return summary;
  std::vector<double> errors;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    errors.push_back(std::abs(predicted[i] - measured[i]) / measured[i]);
  }
  const auto share = [&](double limit) {
    const auto count =
        std::count_if(errors.begin(), errors.end(), [&](double error) { return error <= limit; });
    return static_cast<double>(count) / static_cast<double>(errors.size());
  };
  summary.within_5 = share(0.05);
  summary.within_10 = share(0.10);
  summary.mean =
      std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
  summary.median = measure::Median(std::move(errors));
  summary.spearman = Spearman(predicted, measured);
  return summary;
}

void FitReport::Begin(const std::vector<MeasuredPoint>& of, std::vector<std::string> by) {
  methods = std::move(by);
  for (const std::string& method : methods) predicted_us[method].assign(of.size(), 0);
  std::set<std::string> names;
  std::vector<double> spreads;
  for (const MeasuredPoint& point : of) {
    names.insert(point.name());
    spreads.push_back(point.network[RowNumber::kSpread] / 2);
    measured_us.push_back(point.network[RowNumber::kMeasured]);
    families.push_back(point.family());
    batches.push_back(static_cast<int>(point.network[RowNumber::kBatch]));
  }
  networks = names.size();
  points = of.size();
  noise = spreads.empty() ? 0 : measure::Median(std::move(spreads));
}

ErrorSummary FitReport::Errors(const std::string& method,
                               const std::function<bool(std::size_t)>& of) const {
  std::vector<double> predicted;
  std::vector<double> measured;
  const std::vector<double>& all = predicted_us.at(method);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (of && !of(i)) continue;
    predicted.push_back(all[i]);
    measured.push_back(measured_us[i]);
  }
  return SummariseErrors(predicted, measured);
}

Predictor Fit(const Dataset& dataset, const FitOptions& options, FitReport& report) {
  if (const std::string problem = BoostingProblem(); !problem.empty()) {
    throw Error(ErrorCode::kUnsupported, problem);
  }
  if (dataset.machines.size() != 1) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("a predictor is of one machine, and the dataset has {}",
                            dataset.machines.size()));
  }
  const std::vector<MeasuredPoint> points = PointsOf(dataset, report.dropped);
  std::set<std::string> networks;
  for (const MeasuredPoint& point : points) networks.insert(point.name());
  if (networks.size() < kLeastNetworks) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("{} networks can be learned from (and {} points cannot), expected {} "
                            "or more; measure more of them, on a quiet machine",
                            networks.size(), report.dropped, kLeastNetworks));
  }
  Predictor predictor = Fitter(points, options, report).Fit();
  const DatasetMachine& machine = dataset.machines.begin()->second;
  predictor.cpu = machine.cpu;
  predictor.instruction_set = machine.instruction_set;
  predictor.figures = machine.figures;
  return predictor;
}

}  // namespace kinglet::characterize
