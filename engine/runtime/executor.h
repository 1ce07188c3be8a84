// Runs the steps of a plan on a crew of threads.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/dynamic/team.h"
#include "engine/plan/plan.h"
#include "engine/runtime/workers.h"

namespace kinglet {

// Hands out the units of one step in chunks, and knows when all of them are done. Nobody waits for
// threads, only for work: one that lost its core while it held no chunk holds up nobody, and runs
// after the others when it is back. Each thread begins with its own share of the units, the same
// part of every step, because what it reads was then mostly written by itself and lies in its
// cache; a thread without work takes chunks of the others' shares.
class StepProgress {
 public:
  // For the next run by at most `team` workers.
  void Reset(int team) noexcept {
    const auto shares = static_cast<std::size_t>(std::min<std::int64_t>(team, kMaxShares));
    for (std::size_t i = 0; i < shares; ++i) shares_[i].next.store(0, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    complete_.store(0, std::memory_order_relaxed);
  }
  // Takes a chunk of `units` units, [begin, end), for one of `team` workers; false when none are
  // left. `single`: a unit is much work.
  bool Take(std::int64_t units, bool single, int team, int worker, std::int64_t& begin,
            std::int64_t& end) noexcept;
  // Reports `count` units as done. Who reports the last ones calls `check` before anybody goes on.
  template <typename F>
  void Finish(std::int64_t count, std::int64_t units, F&& check) noexcept {
    if (done_.fetch_add(count, std::memory_order_acq_rel) + count != units) return;
    check();
    complete_.store(1);  // before the look for who waits: not to be reordered with it
    complete_.notify_all();
  }
  // Returns when all units are done. Spins for some tens of microseconds, then calls `before_sleep`
  // and sleeps; true if it did.
  template <typename F>
  bool Wait(F&& before_sleep) noexcept {
    if (Spin()) return false;
    before_sleep();
    complete_.wait(0, std::memory_order_acquire);
    return true;
  }

 private:
  // Waits a little; true when all units are done.
  bool Spin() const noexcept;

  struct alignas(64) Share {
    std::atomic<std::int64_t> next{0};  // counted from the share's first unit
  };
  static constexpr std::int64_t kMaxShares = 16;  // larger teams work on each by several threads

  std::array<Share, kMaxShares> shares_;
  alignas(64) std::atomic<std::int64_t> done_{0};
  std::atomic<int> complete_{0};
};

// The team of a session's program: the crew of the run that goes on.
class ThreadTeam final : public Team {
 public:
  explicit ThreadTeam(int threads) : threads_(threads) {}
  // Who helps from now on, at most as many as there are threads; null: nobody.
  void Use(Crew* crew) noexcept { crew_ = crew; }
  int threads() const override { return threads_; }
  void Run(std::int64_t units, bool single, void* self, Function function) noexcept override;

 private:
  int threads_;
  Crew* crew_ = nullptr;
  StepProgress progress_;
};

// The pointers that the steps of a plan read and write. Belongs to a session; made once for a plan,
// which must outlive its use.
class PlanBinding {
 public:
  explicit PlanBinding(const Plan& plan);

  // Resolves every slot. `inputs` and `outputs` are in the graph's order.
  void Bind(std::byte* arena, const std::vector<const void*>& inputs,
            const std::vector<void*>& outputs) noexcept;

 private:
  friend class Executor;

  std::size_t steps() const { return first_input_.size(); }

  const Plan& plan_;
  std::vector<const void*> input_pointers_;  // of all steps, one after the other
  std::vector<void*> output_pointers_;
  std::vector<std::size_t> first_input_;  // of each step
  std::vector<std::size_t> first_output_;
  std::vector<std::size_t> first_single_;  // of each step, its first in SingleSteps; their number
};

class StepTimer;

// Runs the plans of a session, one at a time, with the counters that hand out their work.
class Executor {
 public:
  // Makes room for as many steps as the plan has, before it is run. Throws std::bad_alloc.
  void Reserve(const Plan& plan);

  // Runs all steps with the threads of `crew`; `scratch` holds `scratch_stride` bytes for each.
  // Returns the index of the step that failed (status has the message), or -1. `step_seconds`,
  // where not null, gets the time that each of SingleSteps(plan) took.
  int Run(const PlanBinding& binding, Crew& crew, std::byte* scratch, std::size_t scratch_stride,
          RunStatus& status, double* step_seconds = nullptr) noexcept;

  // Of the last run: seconds, and the share of it that a thread waited on average for one that had
  // stopped: longer than a chunk of the step takes.
  double seconds() const { return seconds_; }
  double stalled() const { return stalled_; }

 private:
  void RunSerial(const PlanBinding& binding, std::byte* scratch, RunStatus& status,
                 StepTimer& timer) noexcept;
  void RunTeam(const PlanBinding& binding, int team, int worker, std::byte* scratch,
               RunStatus& status, StepTimer& timer) noexcept;

  std::size_t capacity_ = 0;  // steps
  std::unique_ptr<StepProgress[]> progress_;
  std::unique_ptr<double[]> ends_;  // of each step, when it is timed
  std::atomic<int> failed_step_{-1};
  std::atomic<double> stalled_seconds_{0};  // of all threads in this run
  double seconds_ = 0;
  double stalled_ = 0;
};

}  // namespace kinglet
