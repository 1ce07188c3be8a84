#include "engine/cost/choose.h"

#include <algorithm>

namespace kinglet {
namespace {

// A candidate is worth timing when the model, which is never that wrong, sees it this near.
constexpr double kWorthTiming = 3;

double Total(const Candidate& c) { return c.seconds + c.around_seconds; }

void TakeMeasured(std::vector<Candidate>& candidates, const KernelTimes& times) {
  const auto measured = [&](const Candidate& c) {
    const auto found = times.find(c.kernel);
    return found != times.end() && found->second.revision == c.revision;
  };
  if (std::none_of(candidates.begin(), candidates.end(), measured)) return;
  std::erase_if(candidates, [&](const Candidate& c) { return !measured(c); });
  for (Candidate& c : candidates) {
    c.seconds = times.find(c.kernel)->second.seconds;
    c.measured = true;
  }
}

}  // namespace

const Candidate* Choose(std::vector<Candidate>& candidates, const ChoiceKey& key,
                        const CostModel& cost) {
  if (candidates.empty()) return nullptr;
  if (cost.tuning != nullptr && !cost.exploring) {
    const auto found = cost.tuning->find(key);
    if (found != cost.tuning->end()) TakeMeasured(candidates, found->second);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return Total(a) < Total(b); });
  std::size_t at = cost.exploring ? std::min(cost.candidate, candidates.size() - 1) : 0;
  while (at > 0 && Total(candidates[at]) > kWorthTiming * Total(candidates[0])) --at;
  return &candidates[at];
}

}  // namespace kinglet
