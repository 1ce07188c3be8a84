// Measuring points in turns, so that all of them see the same machine: its quiet and its loud
// minutes are shared out among them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"
#include "characterize/sweep/trust.h"
#include "measure/common/reference_loop.h"
#include "measure/common/repeat.h"
#include "measure/network/turn.h"

namespace kinglet::characterize {

// What all points of a sweep are measured with: files, limits, shapes, descriptor; each point sets
// network, batch, threads and precision in it.
struct Subject {
  measure::Point base{};
  std::string pictures{};  // folder; "": random numbers
  std::uint64_t seed = 1;  // of arrivals, and of the order in each round
};

// The plan of one turn of the point.
measure::TurnPlan TurnOf(const SweepKey& key, const Subject& subject, const Trust& trust,
                         std::size_t turn);

struct Progress {
  std::size_t done = 0, total = 0;  // turns, about
  double seconds_left = 0;          // about; 0: not known yet
  SweepKey key{};                   // whose turn it is
};

// How turns are taken and told of. Tests have turns and hosts of their own.
struct Measuring {
  std::function<measure::TurnResult(const measure::TurnPlan&)> turn = measure::TakeTurnInOwnProcess;
  std::function<measure::ReferenceSpeed()> reference = [] { return measure::RunReferenceLoop(); };
  std::function<double()> clock = measure::SteadySeconds;
  std::function<void(const TurnRecord&)> keep = [](const TurnRecord&) {};
  std::function<void(const Progress&)> progress = [](const Progress&) {};
};

// Takes turns of all points, each round in another order, until each is done (IsDone). `earlier`:
// turns that were taken before, by which points may be done already. Returns all turns, those
// included. A turn that ends for want of memory is a record that failed; other errors are thrown.
std::vector<TurnRecord> TakeTurns(const std::vector<SweepKey>& keys, const Subject& subject,
                                  const Trust& trust, std::vector<TurnRecord> earlier = {},
                                  const Measuring& measuring = {});

// One point, or some; in the order of the keys.
SweepPoint MeasurePoint(const SweepKey& key, const Subject& subject, const Trust& trust = {},
                        const Measuring& measuring = {});
std::vector<SweepPoint> MeasurePoints(const std::vector<SweepKey>& keys, const Subject& subject,
                                      const Trust& trust = {}, const Measuring& measuring = {});

}  // namespace kinglet::characterize
