// What a session keeps of the plans that it has run.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/plan/division.h"
#include "engine/plan/plan.h"
#include "engine/runtime/executor.h"

namespace kinglet {

// A plan with its pointers, and where its parts lie in the session's memory.
struct BoundPlan {
  // For `threads` threads. `outputs`: how many the graph has.
  BoundPlan(const std::shared_ptr<const Plan>& of, std::size_t outputs, int threads);

  // Where output k of the graph comes from.
  static ValueSource SourceOf(const Plan& plan, std::size_t k);

  std::weak_ptr<const Plan> plan;  // gone when the model has dropped it
  PlanBinding binding;
  std::size_t bytes = 0;  // of memory that a run needs
  std::size_t scratch_offset = 0;
  std::size_t scratch_stride = 0;    // of each thread
  std::vector<std::size_t> borders;  // offsets of what the fixed graph hands to the rest,
                                     // kNotHere for outputs of the graph
  static constexpr std::size_t kNotHere = static_cast<std::size_t>(-1);
};

// The last ones that were used. A plan is kept alive by the model alone.
class BoundPlans {
 public:
  // The one of this plan, made when there is none. It stays where it is until the next call.
  BoundPlan& Of(const std::shared_ptr<const Plan>& plan, std::size_t outputs, int threads);

 private:
  static constexpr std::size_t kMost = 64;

  std::vector<std::unique_ptr<BoundPlan>> plans_;  // most recently used first
};

}  // namespace kinglet
