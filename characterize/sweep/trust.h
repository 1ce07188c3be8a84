// When the turns of a point are enough, which of them count, and what they come to.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"
#include "measure/network/turn.h"

namespace kinglet::characterize {

// When a point is measured well.
struct Trust {
  double duration_s = 4;   // windows of a point together: when they are over, it is done
  double interval = 0.01;  // and before, when the confidence interval of the median is within this
                           // share of it to both sides
  std::size_t min_turns = 3;
  std::size_t turns = 4;  // that the duration is divided into
  // A turn beyond one of these was disturbed and is taken again.
  double host_share = 0.9;  // of what the host delivers as a rule, around the turn
  double steal = 0.02;      // of the CPU time that the host took away in the window
  double others = 0.05;     // CPUs that other programs took in the window
  // By how much the medians of turns may differ before the point is marked.
  double spread = 0.2;

  double window_s() const { return duration_s / static_cast<double>(turns); }
  std::size_t most_turns() const { return 2 * turns; }  // disturbed ones included

  bool operator==(const Trust&) const = default;
};

// A turn that was taken.
struct TurnRecord {
  SweepKey key{};
  measure::TurnResult result{};
  // What the reference loop did on each CPU, the smaller of before and after it, 1e9 operations per
  // second.
  std::vector<double> host_gflops{};
  double host_mhz = 0;      // clock of the reference loop
  double host_share = 1;    // of the loop's best in the run; the slowest CPU counts
  double rule_share = 1;    // of what the host delivers as a rule
  std::string disturbed{};  // why it does not count; "": it does
  std::string failed{};     // the error that it ended with, instead of a result; "": none
};

// What the host delivers around the turns of a run, of each CPU.
struct HostRule {
  std::vector<double> best{};
  // As a rule: the upper decile. It is that of the quiet turns where a neighbour is there for most
  // of them, and not the rare best of a host that is slower nearly always.
  std::vector<double> usual{};

  double share() const;  // of the best that it delivers as a rule; the slowest CPU counts
};

HostRule HostRuleOf(std::span<const TurnRecord> turns);

// Sets the shares of a turn, and whether it counts.
void JudgeTurn(TurnRecord& turn, const HostRule& rule, const Trust& trust);
// All turns of a run, by what the host delivered in all of it.
void JudgeTurns(std::span<TurnRecord> turns, const Trust& trust);

// Why such a turn does not count: "other programs took 0.52 of a CPU".
std::string DisturbanceOf(const TurnRecord& turn, const Trust& trust);

// True when no further turn is needed, or allowed: enough that count, or as many as there may be.
bool IsDone(std::span<const TurnRecord> turns, const Trust& trust);

// All turns of one point, at least one. Disturbed ones count only where no others are there. A
// point without enough undisturbed turns is marked; so is one whose turns failed, and an open loop
// whose queue grew without end.
SweepPoint MergeTurns(std::span<const TurnRecord> turns, const Trust& trust);

// The points of a run that have a turn, in the order of the keys.
std::vector<SweepPoint> MergeRun(const std::vector<SweepKey>& keys, std::vector<TurnRecord> turns,
                                 const Trust& trust);

}  // namespace kinglet::characterize
