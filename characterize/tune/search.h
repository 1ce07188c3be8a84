// The best way to run a network under a bound, with few measurements: a model of the time proposes
// points, measurements correct it and decide.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "characterize/analysis/bounds.h"
#include "characterize/common/sweep_point.h"

namespace kinglet::characterize {

// What is known of a point before it is measured.
struct Prediction {
  double latency_ms = 0;  // of a batch
  double memory_mb = 0;   // MiB, all instances together
  double doubt = 0.3;     // standard deviation of the logarithm of the latency
};

struct SearchGoal {
  Bound bound{};
  // Images per second that arrive by themselves, and batches as soon as they are full; 0: a closed
  // loop, in which each instance begins its next batch at once. Keys of the grid have the rate of
  // their batches (GridOf).
  double rate = 0;
  double margin = 0.03;          // that measured latency and memory keep below the bound
  double share_of_grid = 0.25;   // points that are measured at most, of those of the grid
  std::size_t least_points = 4;  // that may be measured in any case
};

// A point that was measured.
struct Trial {
  SweepPoint point;
  double expected_images_per_s = 0;  // before it was measured, with what was known by then
  double expected_ms = 0;            // of the percentile of the bound
  bool confirms = false;             // the second time, for longer
  std::string verdict;               // what came of it, in words
};

struct SearchResult {
  std::vector<Trial> trials{};          // in their order
  std::optional<SweepPoint> chosen{};   // as it was confirmed; none: nothing holds the bound
  std::optional<SweepPoint> nearest{};  // to the bound, where nothing holds it
  std::size_t grid = 0;                 // points that there were to choose from
  std::string reason{};                 // why the search ended
};

// Lists of what may be combined. Threads times instances beyond `cpus` are left out unless all are;
// one instance is one of a thread.
struct GridLists {
  std::vector<int> batches, threads, instances;
  std::vector<InstanceKind> kinds = {InstanceKind::kThreads};
  int cpus = 1;
};
std::vector<SweepKey> GridOf(const SweepKey& base, const GridLists& lists, double rate);

// Measures a point; `confirm`: for longer than others.
using MeasureTrial = std::function<SweepPoint(const SweepKey& key, bool confirm)>;

// Highest throughput within the bound; with a rate, the shortest latency of those that keep up with
// it. What was chosen has been measured a second time, for longer, and holds the bound then, too.
SearchResult SearchGrid(const std::vector<SweepKey>& grid, const SearchGoal& goal,
                        const std::function<Prediction(const SweepKey&)>& predict,
                        const MeasureTrial& measure);

// True where `point` is better than `other` by more than a per cent and beyond noise, as both were
// measured in turns.
bool IsSurelyBetter(const SweepPoint& point, const SweepPoint& other, const SearchGoal& goal);

// Milliseconds at the percentile of the bound, from the arrival of an image: that of the batch, and
// the time until it is full, (batch - 1) / rate on the average.
double ImageLatency(const SweepPoint& point, const SearchGoal& goal);

// True where the point holds the bound and keeps up with the rate, with this much left (0.05: 5 %).
bool Holds(const SweepPoint& point, const SearchGoal& goal, double margin);

}  // namespace kinglet::characterize
