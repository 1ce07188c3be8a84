#include "measure/common/repeat.h"

#include <algorithm>
#include <chrono>

namespace kinglet::measure {
namespace {

constexpr double kFarBehind = 3.0;
constexpr int kMinRounds = 3;
constexpr int kFirstTurns = 5;  // of a candidate that takes less than kTickSeconds
constexpr double kTickSeconds = 10e-3;
constexpr double kSampleSeconds = 200e-6;

double TimeOnce(const std::function<void()>& run, int repeats, const Clock& clock) {
  const double start = clock();
  for (int i = 0; i < repeats; ++i) run();
  return (clock() - start) / repeats;
}

void FirstTurns(std::span<const std::function<void()>> candidates, std::span<double> seconds,
                const Clock& clock) {
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    for (int turn = 0; turn < kFirstTurns; ++turn) {
      const double once = TimeOnce(candidates[i], 1, clock);
      seconds[i] = seconds[i] > 0 ? std::min(seconds[i], once) : once;
      if (once > kTickSeconds) break;
    }
  }
}

}  // namespace

double SteadySeconds() {
  const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
  return now.count();
}

std::vector<double> TimeRuns(const std::function<void()>& run, const Repetition& repetition,
                             const Clock& clock) {
  if (repetition.warm_up_ms > 0) {
    const double warming = clock();
    do {
      run();
    } while (1e3 * (clock() - warming) < repetition.warm_up_ms);
  }
  std::vector<double> times;
  const double begin = clock();
  double last = begin;
  const auto wants_more = [&] {
    if (repetition.runs > 0) return times.size() < repetition.runs;
    if (times.size() < repetition.min_runs) return true;
    const bool room = repetition.max_runs == 0 || times.size() < repetition.max_runs;
    return room && 1e3 * (last - begin) < repetition.budget_ms;
  };
  while (wants_more()) {
    const double start = clock();
    run();
    last = clock();
    times.push_back(1e3 * (last - start));
  }
  return times;
}

void ShortestInTurns(std::span<const std::function<void()>> candidates, double budget_seconds,
                     std::span<double> seconds, const Clock& clock) {
  if (candidates.empty()) return;
  FirstTurns(candidates, seconds, clock);
  const double best = *std::min_element(seconds.begin(), seconds.end());
  double spent = 0;
  for (int round = 0; round < kMinRounds || spent < budget_seconds; ++round) {
    const double start = clock();
    int turns = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (seconds[i] > kFarBehind * best) continue;
      const double repeats = std::clamp(kSampleSeconds / seconds[i], 1.0, 1000.0);
      seconds[i] = std::min(seconds[i], TimeOnce(candidates[i], static_cast<int>(repeats), clock));
      ++turns;
    }
    spent += (clock() - start) / std::max(turns, 1);
  }
}

}  // namespace kinglet::measure
