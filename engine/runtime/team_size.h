// How many threads a session runs with, when others are busy on the same cores.
#pragma once

namespace kinglet {

// A thread that shares its core with another process stops for whole time slices, and everybody
// else waits at the end of the step. Where threads wait so much that one fewer would be as fast,
// the team goes on with one fewer, and tries the larger one again: after 50 ms first, then after
// twice as long each time that it is no better, up to 2 s.
class TeamSize {
 public:
  explicit TeamSize(int threads) : threads_(threads), team_(threads) {}

  // Threads for the next run.
  int Now() const { return team_; }
  // Of a run with these threads: the share of its time, 0 to 1, that a thread waited on average for
  // one that had stopped, and how long it took.
  void Ended(double stalled, double seconds);

 private:
  double Bearable() const;
  void Shrink();
  void Grow();

  int threads_;
  int team_;
  double stalled_ = 0;     // average, the last run counts half
  double patience_ = 0;    // seconds before a larger team is tried
  double since_ = 0;       // seconds since the size changed
  int runs_ = 0;           // since then
  bool on_trial_ = false;  // larger than it was, not proven yet
};

}  // namespace kinglet
