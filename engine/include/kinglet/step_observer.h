// For tools that look at the steps of a run: what counts something beside the time of each.
#pragma once

#include <cstddef>

namespace kinglet {

// Is told of the steps of Session::Profile. Calls come one after the other, from the threads of the
// run, and everything that it does counts as time of the step that follows.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  // Before the first step.
  virtual void Began() noexcept = 0;
  // The steps [first, end) of PlanInfo::steps are done, and none behind them has begun: one, or
  // those of a segment of the graph, whose runs lie side by side. Steps without work, and those
  // that wait for data, are not told of.
  virtual void Ended(std::size_t first, std::size_t end) noexcept = 0;
};

// While it lives, the observer is told of what this thread profiles. One at a time on a thread.
class ObserveSteps {
 public:
  explicit ObserveSteps(StepObserver& observer);
  ~ObserveSteps();
  ObserveSteps(const ObserveSteps&) = delete;
  ObserveSteps& operator=(const ObserveSteps&) = delete;
};

}  // namespace kinglet
