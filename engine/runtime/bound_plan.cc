#include "engine/runtime/bound_plan.h"

#include <algorithm>

#include "kernels/common/aligned.h"

namespace kinglet {

BoundPlan::BoundPlan(const std::shared_ptr<const Plan>& of, std::size_t outputs, int threads)
    : plan(of), binding(*of) {
  constexpr std::size_t kPage = 4096;
  // Threads begin on pages of their own, and not all at the same place of one.
  scratch_stride =
      (of->scratch_bytes + kPage - 1) / kPage * kPage + kernels::RoundUpToLine(std::size_t{1});
  scratch_offset = kernels::RoundUpToLine(of->arena_bytes);
  bytes = of->arena_bytes + kPage + scratch_stride * static_cast<std::size_t>(threads);
  std::vector<bool> is_output(of->outputs.size());
  for (std::size_t k = 0; k < outputs; ++k) {
    const ValueSource source = SourceOf(*of, k);
    if (source.kind == ValueSource::Kind::kFixed) is_output[source.index] = true;
  }
  borders.assign(of->outputs.size(), kNotHere);
  for (std::size_t j = 0; j < borders.size(); ++j) {
    if (is_output[j]) continue;
    borders[j] = bytes = kernels::RoundUpToLine(bytes);
    bytes += StoredBytes(of->outputs[j].type, of->outputs[j].shape);
  }
}

ValueSource BoundPlan::SourceOf(const Plan& plan, std::size_t k) {
  return plan.dynamic == nullptr ? ValueSource{ValueSource::Kind::kFixed, k}
                                 : plan.dynamic->outputs[k];
}

BoundPlan& BoundPlans::Of(const std::shared_ptr<const Plan>& plan, std::size_t outputs,
                          int threads) {
  const auto found = std::find_if(plans_.begin(), plans_.end(),
                                  [&](const auto& bound) { return bound->plan.lock() == plan; });
  if (found != plans_.end()) {
    std::rotate(plans_.begin(), found, found + 1);
    return *plans_.front();
  }
  auto bound = std::make_unique<BoundPlan>(plan, outputs, threads);
  std::erase_if(plans_, [](const auto& old) { return old->plan.expired(); });
  if (plans_.size() == kMost) plans_.pop_back();
  plans_.insert(plans_.begin(), std::move(bound));
  return *plans_.front();
}

}  // namespace kinglet
