#include "characterize/tune/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "characterize/tune/belief.h"

namespace kinglet::characterize {
namespace {

constexpr double kWorth = 0.015;           // a gain that another measurement is worth
constexpr double kKeepsUp = 0.97;          // of a rate: less throughput means that a queue grows
constexpr std::size_t kConfirmations = 2;  // that the search keeps measurements for

std::string HoldText(const SweepPoint& point, const SearchGoal& goal, double margin) {
  const Bound& bound = goal.bound;
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  const double latency = ImageLatency(point, goal);
  if (bound.latency_ms && latency * (1 + margin) > *bound.latency_ms) {
    add(fmt::format("p{} {:.4g} ms is {}", bound.percentile, latency,
                    latency > *bound.latency_ms ? "over the bound" : "too near to the bound"));
  }
  if (bound.memory_mb && point.peak_rss_mb * (1 + margin) > *bound.memory_mb) {
    add(fmt::format(
        "{:.0f} MiB are {}", point.peak_rss_mb,
        point.peak_rss_mb > *bound.memory_mb ? "over the bound" : "too near to the bound"));
  }
  if (goal.rate > 0 && point.images_per_s < kKeepsUp * goal.rate) {
    add(fmt::format("{:.4g} images/s do not keep up with the rate", point.images_per_s));
  }
  return text.empty() ? "holds the bound" : text;
}

class GridSearch {
 public:
  GridSearch(const std::vector<SweepKey>& grid, const SearchGoal& goal,
             const std::function<Prediction(const SweepKey&)>& predict, const MeasureTrial& measure)
      : grid_(grid),
        goal_(goal),
        measure_(measure),
        belief_(grid, goal, predict),
        measured_(grid.size()) {
    const auto share =
        static_cast<std::size_t>(goal.share_of_grid * static_cast<double>(grid.size()));
    most_ = std::max(share, goal.least_points);
  }

  SearchResult Run() {
    result_.grid = grid_.size();
    while (!result_.chosen) {
      const std::optional<std::size_t> best = Best();
      const std::optional<std::size_t> next = Next(best);
      const std::size_t left = most_ - std::min(most_, result_.trials.size());
      const std::size_t kept = std::min(kConfirmations, most_ / 2);
      if (next && left > (best ? kept : std::size_t{0})) {
        Try(*next, false);
      } else if (best && (left > 0 || confirmations_ < kConfirmations)) {
        result_.reason =
            next ? fmt::format("of {} that it may measure the rest is for confirming", most_)
                 : "no other point is expected to be better";
        Confirm(*best);
      } else {
        if (!best) result_.reason = "no point holds the bound, nor is one expected to";
        if (best) {
          result_.reason = "no measurements are left";
          result_.chosen = measured_[*best];
        }
        break;
      }
    }
    if (!result_.chosen) result_.nearest = Nearest();
    return std::move(result_);
  }

 private:
  double Score(double images_per_s, double latency_ms) const {
    return goal_.rate > 0 ? -std::log(latency_ms) : std::log(images_per_s);
  }

  // Of those that were measured and hold the bound with the margin.
  std::optional<std::size_t> Best() const {
    std::optional<std::size_t> best;
    double best_score = 0;
    for (std::size_t i = 0; i < grid_.size(); ++i) {
      if (!measured_[i] || !Holds(*measured_[i], goal_, goal_.margin)) continue;
      const double score = Score(measured_[i]->images_per_s, ImageLatency(*measured_[i], goal_));
      if (best && score <= best_score) continue;
      best = i;
      best_score = score;
    }
    return best;
  }

  // The share that a point is believed to be beyond the bound, as far as doubt allows.
  double HopedExcess(const Belief& belief) const {
    double excess = 0;
    const double room = 1 + goal_.margin;
    if (goal_.bound.latency_ms) {
      excess = belief.latency_ms * room * std::exp(-belief.doubt) / *goal_.bound.latency_ms - 1;
    }
    if (goal_.bound.memory_mb) {
      excess = std::max(
          excess, belief.memory_mb * room * (1 - belief.memory_doubt) / *goal_.bound.memory_mb - 1);
    }
    if (!std::isfinite(belief.latency_ms)) return belief.latency_ms;
    return std::max(excess, 0.0);
  }

  // The point that promises most, where it promises enough. Where nothing that was measured holds
  // the bound and nothing promises to, the one that is nearest to it.
  std::optional<std::size_t> Next(const std::optional<std::size_t>& best) const {
    std::optional<std::size_t> next;
    double most = 0;
    std::optional<std::size_t> nearest;
    double nearest_excess = 0;
    for (std::size_t i = 0; i < grid_.size(); ++i) {
      const Belief belief = belief_.Of(i);
      const double excess = HopedExcess(belief);
      if (!nearest || excess < nearest_excess) {
        nearest = i;
        nearest_excess = excess;
      }
      if (measured_[i] || excess > 0) continue;
      const double hoped = Score(belief.images_per_s, belief.latency_ms) + belief.doubt;
      if (next && hoped <= most) continue;
      next = i;
      most = hoped;
    }
    if (best) {
      const SweepPoint& point = *measured_[*best];
      if (next && most > Score(point.images_per_s, ImageLatency(point, goal_)) + kWorth)
        return next;
      return std::nullopt;
    }
    if (next) return next;
    return nearest && !measured_[*nearest] ? nearest : std::nullopt;
  }

  SweepPoint& Try(std::size_t i, bool confirm) {
    const Belief belief = belief_.Of(i);
    Trial trial = {measure_(grid_[i], confirm), belief.images_per_s, belief.latency_ms, confirm,
                   ""};
    trial.point.key = grid_[i];
    trial.verdict = (confirm ? "again, for longer: " : "") +
                    HoldText(trial.point, goal_, confirm ? goal_.margin / 2 : goal_.margin);
    if (!trial.point.mark.empty()) trial.verdict += "; " + trial.point.mark;
    result_.trials.push_back(trial);
    measured_[i] = trial.point;
    belief_.Learn(trial.point);
    return *measured_[i];
  }

  void Confirm(std::size_t i) {
    ++confirmations_;
    const SweepPoint& point = Try(i, true);
    if (Holds(point, goal_, goal_.margin / 2)) result_.chosen = point;
  }

  std::optional<SweepPoint> Nearest() const {
    const SweepPoint* nearest = nullptr;
    double least = 0;
    for (const std::optional<SweepPoint>& point : measured_) {
      if (!point) continue;
      SweepPoint of_image = *point;  // with what its bound is about
      of_image.latency.p50_ms = of_image.latency.p90_ms = of_image.latency.p95_ms =
          of_image.latency.p99_ms = ImageLatency(*point, goal_);
      double excess = Excess(of_image, goal_.bound);
      if (goal_.rate > 0) excess = std::max(excess, 1 - point->images_per_s / goal_.rate);
      if (nearest != nullptr && excess >= least) continue;
      nearest = &*point;
      least = excess;
    }
    return nearest == nullptr ? std::nullopt : std::optional(*nearest);
  }

  const std::vector<SweepKey>& grid_;
  const SearchGoal& goal_;
  const MeasureTrial& measure_;
  BeliefModel belief_;
  std::vector<std::optional<SweepPoint>> measured_;
  std::size_t most_ = 0;
  std::size_t confirmations_ = 0;
  SearchResult result_;
};

}  // namespace

std::vector<SweepKey> GridOf(const SweepKey& base, const GridLists& lists, double rate) {
  std::vector<SweepKey> all;
  std::vector<SweepKey> fitting;
  for (const int threads : lists.threads) {
    for (const int instances : lists.instances) {
      for (const int batch : lists.batches) {
        for (const InstanceKind kind : lists.kinds) {
          SweepKey key = base;
          key.threads = threads;
          key.instances = instances;
          key.batch = batch;
          key.kind = instances > 1 ? kind : InstanceKind::kThreads;
          key.rate = rate / batch;
          if (std::find(all.begin(), all.end(), key) != all.end()) continue;
          all.push_back(key);
          if (threads * instances <= lists.cpus) fitting.push_back(key);
        }
      }
    }
  }
  return fitting.empty() ? all : fitting;
}

bool IsSurelyBetter(const SweepPoint& point, const SweepPoint& other, const SearchGoal& goal) {
  constexpr double kBetter = 1.01;
  const bool apart = point.latency.median_high_ms < other.latency.median_low_ms;
  const bool better = goal.rate > 0
                          ? kBetter * ImageLatency(point, goal) < ImageLatency(other, goal)
                          : point.images_per_s > kBetter * other.images_per_s;
  return apart && better && point.mark.empty() && other.mark.empty();
}

double ImageLatency(const SweepPoint& point, const SearchGoal& goal) {
  const double fill = goal.rate > 0 ? 1e3 * (point.key.batch - 1) / goal.rate : 0;
  return PercentileOf(point.latency, goal.bound.percentile) + fill;
}

bool Holds(const SweepPoint& point, const SearchGoal& goal, double margin) {
  const Bound& bound = goal.bound;
  const double room = 1 + margin;
  if (bound.latency_ms && ImageLatency(point, goal) * room > *bound.latency_ms) return false;
  if (bound.memory_mb && point.peak_rss_mb * room > *bound.memory_mb) return false;
  return goal.rate <= 0 || point.images_per_s >= kKeepsUp * goal.rate;
}

SearchResult SearchGrid(const std::vector<SweepKey>& grid, const SearchGoal& goal,
                        const std::function<Prediction(const SweepKey&)>& predict,
                        const MeasureTrial& measure) {
  return GridSearch(grid, goal, predict, measure).Run();
}

}  // namespace kinglet::characterize
