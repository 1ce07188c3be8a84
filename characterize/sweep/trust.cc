#include "characterize/sweep/trust.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "measure/common/statistics.h"

namespace kinglet::characterize {
namespace {

double SecondsOfAll(std::span<const TurnRecord* const> turns) {
  double seconds = 0;
  for (const TurnRecord* turn : turns) seconds += turn->result.window_s;
  return seconds;
}

// Those that count, if nothing is wrong with too many.
std::vector<const TurnRecord*> Undisturbed(std::span<const TurnRecord> turns) {
  std::vector<const TurnRecord*> good;
  for (const TurnRecord& turn : turns) {
    if (turn.failed.empty() && turn.disturbed.empty()) good.push_back(&turn);
  }
  return good;
}

bool AnyFailed(std::span<const TurnRecord> turns) {
  return std::any_of(turns.begin(), turns.end(),
                     [](const TurnRecord& turn) { return !turn.failed.empty(); });
}

std::vector<double> LatenciesOf(std::span<const TurnRecord* const> turns) {
  std::vector<double> all;
  for (const TurnRecord* turn : turns) {
    all.insert(all.end(), turn->result.latencies_ms.begin(), turn->result.latencies_ms.end());
  }
  return all;
}

// Runs of one turn have more in common with each other than with those of another, so that the
// interval of all runs together would be too narrow: the medians of turns have a say, too.
measure::Interval IntervalOf(std::span<const TurnRecord* const> turns,
                             const std::vector<double>& latencies, double median) {
  measure::Interval interval = measure::MedianInterval(latencies);
  std::vector<double> medians;
  for (const TurnRecord* turn : turns) {
    if (!turn->result.latencies_ms.empty()) {
      medians.push_back(measure::Median(turn->result.latencies_ms));
    }
  }
  if (medians.size() < 2) return interval;
  const double half = measure::MeanHalfWidth(medians);
  interval.low = std::max(std::min(interval.low, median - half), 0.0);
  interval.high = std::max(interval.high, median + half);
  return interval;
}

Latency LatencyOf(std::span<const TurnRecord* const> turns) {
  Latency latency;
  for (const TurnRecord* turn : turns) latency.runs += turn->result.runs;
  const std::vector<double> all = LatenciesOf(turns);
  if (all.empty()) return latency;
  latency.mean_ms = measure::Mean(all);
  latency.min_ms = *std::min_element(all.begin(), all.end());
  latency.p50_ms = measure::Median(all);
  latency.p90_ms = measure::Percentile(all, 90);
  latency.p95_ms = measure::Percentile(all, 95);
  latency.p99_ms = measure::Percentile(all, 99);
  if (latency.mean_ms > 0) latency.variation = measure::StandardDeviation(all) / latency.mean_ms;
  const measure::Interval interval = IntervalOf(turns, all, latency.p50_ms);
  latency.median_low_ms = interval.low;
  latency.median_high_ms = interval.high;
  return latency;
}

bool IsNarrow(const Latency& latency, double share) {
  const double half = share * latency.p50_ms;
  return latency.runs > 0 && latency.p50_ms - latency.median_low_ms <= half &&
         latency.median_high_ms - latency.p50_ms <= half;
}

bool IsEnough(std::span<const TurnRecord* const> good, const Trust& trust) {
  constexpr double kNearlyAll = 0.99;  // a window is a little longer or shorter than asked for
  if (good.empty()) return false;
  if (SecondsOfAll(good) >= kNearlyAll * trust.duration_s) return true;
  return good.size() >= trust.min_turns && IsNarrow(LatencyOf(good), trust.interval);
}

// Means over the turns, each weighted by its window.
void AddMeans(std::span<const TurnRecord* const> turns, SweepPoint& point) {
  const double all = SecondsOfAll(turns);
  double runs = 0;
  double switches = 0;
  double faults = 0;
  double clocks = 0;
  for (const TurnRecord* turn : turns) {
    const measure::TurnResult& result = turn->result;
    const double share = all > 0 ? result.window_s / all : 1.0 / static_cast<double>(turns.size());
    point.images_per_s += share * result.images_per_s;
    point.core_utilisation.resize(
        std::max(point.core_utilisation.size(), result.load.utilisation.size()));
    for (std::size_t i = 0; i < result.load.utilisation.size(); ++i) {
      point.core_utilisation[i] += share * result.load.utilisation[i];
    }
    clocks += share * (result.clock_mhz > 0 ? result.clock_mhz : turn->host_mhz);
    runs += static_cast<double>(result.runs);
    switches += result.usage.context_switches;
    faults += result.usage.page_faults;
    point.peak_rss_mb = std::max(point.peak_rss_mb, result.peak_rss_mb);
    point.host_share = std::min(point.host_share, turn->host_share);
  }
  point.clock_mhz = clocks;
  if (runs > 0) {
    point.context_switches_per_run = switches / runs;
    point.page_faults_per_run = faults / runs;
  }
}

// An open loop in which batches come faster than they can go.
std::string Overrun(std::span<const TurnRecord* const> turns, const SweepKey& key) {
  constexpr double kFarBehind = 0.2;  // of the window
  double backlog = 0;
  for (const TurnRecord* turn : turns) {
    if (turn->result.backlog_s > kFarBehind * turn->result.window_s) {
      backlog = std::max(backlog, turn->result.backlog_s);
    }
  }
  if (key.rate <= 0 || backlog == 0) return "";
  return fmt::format(
      "{:g} batches/s are more than it can do: the queue grew until the end, by "
      "{:.2g} s of waiting in a turn",
      key.rate, backlog);
}

// Turns that nothing disturbed and that differ all the same: something did that cannot be seen from
// here, as another guest of the host.
std::string Unsteady(std::span<const TurnRecord* const> counted, const Trust& trust) {
  double least = 0;
  double most = 0;
  for (const TurnRecord* turn : counted) {
    if (turn->result.latencies_ms.empty()) continue;
    const double median = measure::Median(turn->result.latencies_ms);
    least = least > 0 ? std::min(least, median) : median;
    most = std::max(most, median);
  }
  if (most <= least * (1 + trust.spread)) return "";
  return fmt::format("its turns differ by {:.0f} %", 100 * (most / least - 1));
}

std::string MarkOf(std::span<const TurnRecord> turns, std::span<const TurnRecord* const> counted,
                   const Trust& trust) {
  for (const TurnRecord& turn : turns) {
    if (!turn.failed.empty()) return turn.failed;
  }
  const std::vector<const TurnRecord*> good = Undisturbed(turns);
  std::string overrun = Overrun(counted, turns.front().key);
  if (!overrun.empty()) return overrun;
  if (IsEnough(good, trust) || good.size() >= trust.min_turns) return Unsteady(counted, trust);
  const TurnRecord* disturbed = nullptr;
  for (const TurnRecord& turn : turns) {
    if (!turn.disturbed.empty()) disturbed = &turn;
  }
  if (disturbed == nullptr) return "";  // interrupted before it was done
  return fmt::format("{} of {} turns were disturbed: {}", turns.size() - good.size(), turns.size(),
                     disturbed->disturbed);
}

// The smallest share over the CPUs that both have.
double ShareOf(const std::vector<double>& speeds, const std::vector<double>& of) {
  double share = 1;
  for (std::size_t i = 0; i < std::min(speeds.size(), of.size()); ++i) {
    if (of[i] > 0) share = std::min(share, speeds[i] / of[i]);
  }
  return share;
}

}  // namespace

double HostRule::share() const { return ShareOf(usual, best); }

HostRule HostRuleOf(std::span<const TurnRecord> turns) {
  constexpr double kUpperDecile = 90;
  std::vector<std::vector<double>> speeds;  // of each CPU
  for (const TurnRecord& turn : turns) {
    speeds.resize(std::max(speeds.size(), turn.host_gflops.size()));
    for (std::size_t i = 0; i < turn.host_gflops.size(); ++i) {
      speeds[i].push_back(turn.host_gflops[i]);
    }
  }
  HostRule rule;
  for (std::vector<double>& each : speeds) {
    rule.best.push_back(*std::max_element(each.begin(), each.end()));
    rule.usual.push_back(measure::Percentile(std::move(each), kUpperDecile));
  }
  return rule;
}

void JudgeTurn(TurnRecord& turn, const HostRule& rule, const Trust& trust) {
  if (!turn.failed.empty()) return;
  turn.host_share = ShareOf(turn.host_gflops, rule.best);
  turn.rule_share = ShareOf(turn.host_gflops, rule.usual);
  turn.disturbed = DisturbanceOf(turn, trust);
}

void JudgeTurns(std::span<TurnRecord> turns, const Trust& trust) {
  const HostRule rule = HostRuleOf(turns);
  for (TurnRecord& turn : turns) JudgeTurn(turn, rule, trust);
}

std::string DisturbanceOf(const TurnRecord& turn, const Trust& trust) {
  const measure::Load& load = turn.result.load;
  if (load.steal > trust.steal) {
    return fmt::format("the host took {:.0f} % of the CPU time away", 100 * load.steal);
  }
  constexpr double kOthersOfAll = 0.01;  // CPUs: what large machines have running at any time
  const double others =
      std::max(trust.others, kOthersOfAll * static_cast<double>(load.utilisation.size()));
  if (load.others > others) {
    return fmt::format("other programs took {:.2f} of a CPU", load.others);
  }
  if (turn.rule_share < trust.host_share) {
    return fmt::format("the reference loop ran at {:.0f} % of what it does as a rule",
                       100 * turn.rule_share);
  }
  return "";
}

bool IsDone(std::span<const TurnRecord> turns, const Trust& trust) {
  if (turns.empty()) return false;
  return turns.size() >= trust.most_turns() || AnyFailed(turns) ||
         IsEnough(Undisturbed(turns), trust);
}

SweepPoint MergeTurns(std::span<const TurnRecord> turns, const Trust& trust) {
  SweepPoint point;
  point.key = turns.front().key;
  std::vector<const TurnRecord*> counted = Undisturbed(turns);
  if (counted.empty()) {
    for (const TurnRecord& turn : turns) {
      if (turn.failed.empty()) counted.push_back(&turn);
    }
  }
  point.mark = MarkOf(turns, counted, trust);
  point.turns = counted.size();
  if (counted.empty()) return point;
  point.latency = LatencyOf(counted);
  AddMeans(counted, point);
  for (const measure::KernelOfLayer& each : counted.front()->result.kernels) {
    point.kernels.push_back({each.layer, each.kernel});
  }
  return point;
}

std::vector<SweepPoint> MergeRun(const std::vector<SweepKey>& keys, std::vector<TurnRecord> turns,
                                 const Trust& trust) {
  const double rule_share = HostRuleOf(turns).share();
  JudgeTurns(turns, trust);
  std::vector<SweepPoint> points;
  for (const SweepKey& key : keys) {
    std::vector<TurnRecord> of_point;
    std::copy_if(turns.begin(), turns.end(), std::back_inserter(of_point),
                 [&](const TurnRecord& turn) { return turn.key == key; });
    if (of_point.empty()) continue;
    points.push_back(MergeTurns(of_point, trust));
    points.back().host_rule = rule_share;
  }
  return points;
}

}  // namespace kinglet::characterize
