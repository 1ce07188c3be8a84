#include "engine/runtime/team_size.h"

#include <algorithm>

namespace kinglet {
namespace {

constexpr double kFirstPatience = 0.05;
constexpr double kLastPatience = 2;
constexpr int kLeastRuns = 4;  // so that trials cost long runs little, too

}  // namespace

// t threads that wait for a share s of their time do the work of t (1 - s): that is less than t - 1
// from 1 / t on, and a little earlier since t threads do not do t times the work of one.
double TeamSize::Bearable() const { return 0.8 / team_; }

void TeamSize::Ended(double stalled, double seconds) {
  if (threads_ <= 1) return;
  // So much that one run alone never decides.
  stalled_ += (std::min(stalled, 1.5 * Bearable()) - stalled_) / 2;
  since_ += seconds;
  ++runs_;
  const bool long_enough = since_ >= patience_ && runs_ >= kLeastRuns;
  if (team_ > 1 && stalled_ > Bearable()) {
    Shrink();
  } else if (team_ < threads_ && long_enough) {
    Grow();
  } else if (on_trial_ && long_enough) {
    on_trial_ = false;
  }
}

void TeamSize::Shrink() {
  patience_ = on_trial_ ? std::min(2 * patience_, kLastPatience) : kFirstPatience;
  --team_;
  stalled_ = 0;
  since_ = 0;
  runs_ = 0;
  on_trial_ = false;
}

// What made it smaller is on record: a single bad run more ends the trial.
void TeamSize::Grow() {
  ++team_;
  stalled_ = Bearable();
  since_ = 0;
  runs_ = 0;
  on_trial_ = true;
}

}  // namespace kinglet
