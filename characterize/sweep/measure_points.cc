#include "characterize/sweep/measure_points.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include "kinglet/error.h"
#include "kinglet/precision.h"

namespace kinglet::characterize {
namespace {

struct PointTurns {
  std::vector<TurnRecord> turns{};
  bool done = false;  // as IsDone, which takes time to find out
};

// std::shuffle is another one in each standard library.
void Shuffle(std::vector<std::size_t>& order, std::mt19937_64& random) {
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
}

// Sorts earlier turns by their points; those of no point here are left out.
std::vector<PointTurns> ByPoint(const std::vector<SweepKey>& keys,
                                const std::vector<TurnRecord>& records, const Trust& trust) {
  std::vector<PointTurns> points(keys.size());
  for (const TurnRecord& record : records) {
    const auto found = std::find(keys.begin(), keys.end(), record.key);
    if (found != keys.end()) {
      points[static_cast<std::size_t>(found - keys.begin())].turns.push_back(record);
    }
  }
  for (PointTurns& point : points) point.done = IsDone(point.turns, trust);
  return points;
}

// How far all points are, and how long the rest takes when it takes as long as before.
class Pace {
 public:
  Pace(const Trust& trust, std::size_t points) : trust_(trust), cost_(points, 0) {}

  void Took(std::size_t point, double seconds) {
    cost_[point] = seconds;
    sum_ += seconds;
    ++count_;
  }

  Progress Now(const std::vector<PointTurns>& points, const SweepKey& key) const {
    Progress progress;
    progress.total = points.size() * trust_.turns;
    progress.key = key;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const std::size_t left = Left(points[i]);
      progress.done += trust_.turns - left;
      const double cost = cost_[i] > 0 ? cost_[i] : count_ > 0 ? sum_ / count_ : 0;
      progress.seconds_left += cost * static_cast<double>(left);
    }
    return progress;
  }

 private:
  std::size_t Left(const PointTurns& point) const {
    if (point.done) return 0;
    const auto good = static_cast<std::size_t>(
        std::count_if(point.turns.begin(), point.turns.end(),
                      [](const TurnRecord& turn) { return turn.disturbed.empty(); }));
    return std::max<std::size_t>(trust_.turns - std::min(good, trust_.turns), 1);
  }

  const Trust& trust_;
  std::vector<double> cost_;  // of the last turn of each point
  double sum_ = 0;
  double count_ = 0;
};

std::vector<double> Smaller(std::vector<double> a, const std::vector<double>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) a[i] = std::min(a[i], b[i]);
  return a;
}

// Takes one turn, with the host's speed after it; a failure for want of memory is its record.
// `before`: what each CPU delivered before it, and then after it.
TurnRecord TakeOne(const SweepKey& key, const measure::TurnPlan& plan, const Measuring& measuring,
                   std::vector<double>& before) {
  TurnRecord record;
  record.key = key;
  try {
    record.result = measuring.turn(plan);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kResource) throw;
    record.failed = error.what();
    return record;
  }
  const measure::ReferenceSpeed speed = measuring.reference();
  record.host_gflops = Smaller(before, speed.gflops);
  record.host_mhz = speed.clock_mhz;
  before = speed.gflops;
  return record;
}

// A turn begins with the picture behind those of the turns before it, and prepares hardly more than
// it will run on.
void GoOnWithPictures(const std::vector<TurnRecord>& turns, measure::TurnPlan& plan) {
  std::size_t runs = 0;
  std::size_t most = 0;
  for (const TurnRecord& turn : turns) {
    runs += turn.result.runs;
    most = std::max(most, turn.result.runs);
  }
  plan.first_picture = runs * static_cast<std::size_t>(plan.point.batch);
  plan.most_batches = most == 0 ? 0 : most + most / 4 + 1;
}

}  // namespace

measure::TurnPlan TurnOf(const SweepKey& key, const Subject& subject, const Trust& trust,
                         std::size_t turn) {
  measure::TurnPlan plan;
  plan.point = subject.base;
  plan.point.network = key.network;
  plan.point.batch = key.batch;
  plan.point.threads = key.threads;
  plan.point.compile.precision = PrecisionOf(key.precision).value_or(Precision::kModel);
  if (!key.tuning.empty()) plan.point.compile.tuning_file = key.tuning;
  plan.instances = key.instances;
  plan.processes = key.kind == InstanceKind::kProcesses;
  plan.rate = key.rate;
  plan.seed = subject.seed + turn;
  plan.window_s = trust.window_s();
  plan.warm_up_s = std::min(plan.warm_up_s, plan.window_s / 2);
  plan.pictures = subject.pictures;
  return plan;
}

std::vector<TurnRecord> TakeTurns(const std::vector<SweepKey>& keys, const Subject& subject,
                                  const Trust& trust, std::vector<TurnRecord> earlier,
                                  const Measuring& measuring) {
  std::vector<TurnRecord> all = std::move(earlier);
  Pace pace(trust, keys.size());
  std::mt19937_64 random(subject.seed);
  constexpr int kFirstLoops = 5;  // until the clock is up
  std::vector<double> before;
  for (int i = 0; i < kFirstLoops; ++i) before = measuring.reference().gflops;
  while (true) {
    // What the host delivers as a rule is known better after each round: a turn that counted may
    // count no more, or the other way round.
    JudgeTurns(all, trust);
    std::vector<PointTurns> points = ByPoint(keys, all, trust);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!points[i].done) order.push_back(i);
    }
    if (order.empty()) return all;
    Shuffle(order, random);
    for (const std::size_t i : order) {
      measuring.progress(pace.Now(points, keys[i]));
      const double begin = measuring.clock();
      measure::TurnPlan plan = TurnOf(keys[i], subject, trust, points[i].turns.size());
      GoOnWithPictures(points[i].turns, plan);
      all.push_back(TakeOne(keys[i], plan, measuring, before));
      JudgeTurn(all.back(), HostRuleOf(all), trust);
      points[i].turns.push_back(all.back());
      points[i].done = IsDone(points[i].turns, trust);
      pace.Took(i, measuring.clock() - begin);
      measuring.keep(all.back());
    }
  }
}

std::vector<SweepPoint> MeasurePoints(const std::vector<SweepKey>& keys, const Subject& subject,
                                      const Trust& trust, const Measuring& measuring) {
  return MergeRun(keys, TakeTurns(keys, subject, trust, {}, measuring), trust);
}

SweepPoint MeasurePoint(const SweepKey& key, const Subject& subject, const Trust& trust,
                        const Measuring& measuring) {
  return MeasurePoints({key}, subject, trust, measuring).front();
}

}  // namespace kinglet::characterize
