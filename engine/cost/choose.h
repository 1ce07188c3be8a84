// The one place where a kernel is chosen among candidates.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "engine/cost/cost_model.h"

namespace kinglet {

struct Candidate {
  std::size_t index = 0;    // the caller's
  std::string_view kernel;  // "conv/direct_f32"
  int revision = 1;         // of the kernel
  double seconds = 0;       // of the kernel: predicted, or measured where it was
  bool measured = false;
  double around_seconds = 0;  // changes of layout before and behind it
};

// Chooses for `key`. Where candidates were measured, in their present revision, the measured ones
// alone count, by their measured seconds. Sorts the candidates; null when there are none.
const Candidate* Choose(std::vector<Candidate>& candidates, const ChoiceKey& key,
                        const CostModel& cost);

}  // namespace kinglet
