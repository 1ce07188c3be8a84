// Counts for each step of a network.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "characterize/counters/counters.h"
#include "kinglet/step_observer.h"

namespace kinglet::characterize {

// Adds up, over the profiles that it observes, what the source counts while each step runs.
class LayerCounters final : public StepObserver {
 public:
  // `source` outlives it.
  LayerCounters(CounterSource& source, std::size_t steps);

  void Began() noexcept override;
  void Ended(std::size_t first, std::size_t end) noexcept override;

  // Counts of one run for each step, in the order of the source's names. Steps whose runs lie side
  // by side (StepObserver) share theirs in proportion to `seconds`. Steps that were not told of
  // have no counts.
  std::vector<std::vector<double>> PerRun(std::span<const double> seconds) const;

 private:
  CounterSource& source_;
  std::size_t events_;
  std::size_t runs_ = 0;
  std::vector<double> before_, now_;
  std::vector<double> sums_;         // of the first step of what ended together
  std::vector<std::size_t> ends_{};  // of each first step; 0: not told of
};

}  // namespace kinglet::characterize
