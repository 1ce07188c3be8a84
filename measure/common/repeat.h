// Running something again and again, and how long each run takes.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace kinglet::measure {

// Seconds since some moment. Tests make their own.
using Clock = std::function<double()>;
double SteadySeconds();

struct Repetition {
  double warm_up_ms = 300;   // one run at least that does not count; 0: none
  double budget_ms = 2000;   // after which no further run begins
  std::size_t min_runs = 9;  // whatever they take
  std::size_t max_runs = 0;  // 0: any number
  std::size_t runs = 0;      // exactly so many, whatever they take; 0: by the others
};

// Milliseconds of each run that counts, in their order.
std::vector<double> TimeRuns(const std::function<void()>& run, const Repetition& repetition,
                             const Clock& clock = &SteadySeconds);

// Lowers `seconds` (0: nothing known yet), one for each candidate, to the shortest time seen in
// rounds in which each candidate has its turn, for about `budget_seconds` each. Those far behind
// after the first turns get no other.
void ShortestInTurns(std::span<const std::function<void()>> candidates, double budget_seconds,
                     std::span<double> seconds, const Clock& clock = &SteadySeconds);

}  // namespace kinglet::measure
