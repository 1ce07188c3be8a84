#include "characterize/profile/layer_counters.h"

#include <numeric>

namespace kinglet::characterize {

LayerCounters::LayerCounters(CounterSource& source, std::size_t steps)
    : source_(source),
      events_(source.names().size()),
      before_(events_),
      now_(events_),
      sums_(steps * events_),
      ends_(steps) {}

void LayerCounters::Began() noexcept {
  ++runs_;
  source_.Read(before_);
}

void LayerCounters::Ended(std::size_t first, std::size_t end) noexcept {
  if (end > ends_.size()) return;
  source_.Read(now_);
  for (std::size_t e = 0; e < events_; ++e) sums_[first * events_ + e] += now_[e] - before_[e];
  ends_[first] = end;
  source_.Read(before_);  // adding up is nobody's work
}

std::vector<std::vector<double>> LayerCounters::PerRun(std::span<const double> seconds) const {
  std::vector<std::vector<double>> counts(ends_.size());
  for (std::size_t first = 0; first < ends_.size(); ++first) {
    const std::size_t end = ends_[first];
    if (end <= first) continue;
    const auto together = seconds.subspan(first, end - first);
    const double all = std::accumulate(together.begin(), together.end(), 0.0);
    for (std::size_t step = first; step < end; ++step) {
      const double even = 1.0 / static_cast<double>(end - first);
      const double share = all > 0 ? seconds[step] / all : even;
      for (std::size_t e = 0; e < events_; ++e) {
        counts[step].push_back(share * sums_[first * events_ + e] / static_cast<double>(runs_));
      }
    }
  }
  return counts;
}

}  // namespace kinglet::characterize
