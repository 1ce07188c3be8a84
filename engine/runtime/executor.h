// Runs the steps of a plan on a team of threads. The only OpenMP of Kinglet is in executor.cc.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/plan/plan.h"

namespace kinglet {

// A barrier whose last arriver decides whether the team goes on. Waiting spins for some tens of
// microseconds, then sleeps: a spinning thread that lost its core would stall for a whole tick.
class TeamBarrier {
 public:
  // Returns false, for every thread alike, when `go_on()` of the last arriver did.
  template <typename F>
  bool Arrive(int team, F&& go_on) noexcept {
    const std::uint32_t generation = generation_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == team) {
      arrived_.store(0, std::memory_order_relaxed);
      go_on_ = go_on();
      generation_.fetch_add(1, std::memory_order_release);
      generation_.notify_all();
      return go_on_;
    }
    Wait(generation);
    return go_on_;
  }

 private:
  void Wait(std::uint32_t generation) noexcept;

  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  bool go_on_ = true;
};

// The pointers that the steps of one plan read and write, and the counters that hand out their
// work. Belongs to a session; made once for a plan.
class PlanBinding {
 public:
  explicit PlanBinding(const Plan& plan);

  // Resolves every slot. `inputs` and `outputs` are in the graph's order.
  void Bind(std::byte* arena, const std::vector<const void*>& inputs,
            const std::vector<void*>& outputs) noexcept;

  // Runs all steps with at most `threads` threads; `scratch` holds `scratch_stride` bytes for each.
  // Returns the index of the step that failed (status has the message), or -1.
  int Run(int threads, std::byte* scratch, std::size_t scratch_stride, RunStatus& status) noexcept;

 private:
  struct alignas(64) Counter {
    std::atomic<std::int64_t> next{0};
  };

  // Aborts when pad lanes of a blocked output of step s are not zero (KINGLET_CHECKS builds).
  void CheckPadLanes(std::size_t s) const noexcept;
  void RunSerial(std::byte* scratch, RunStatus& status) noexcept;
  void RunTeam(int team, std::byte* scratch, RunStatus& status) noexcept;

  const Plan& plan_;
  std::vector<const void*> input_pointers_;  // of all steps, one after the other
  std::vector<void*> output_pointers_;
  std::vector<std::size_t> first_input_;  // of each step
  std::vector<std::size_t> first_output_;
  std::unique_ptr<Counter[]> counters_;
  TeamBarrier barrier_;
  std::atomic<int> failed_step_{-1};
};

}  // namespace kinglet
