#include "characterize/tune/belief.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kinglet::characterize {
namespace {

constexpr double kFirstTail = 1.1;  // percentile of the bound over the mean
// Doubt about a factor where something with as many threads and instances was measured, at the same
// batch and for each doubling away from it; never more than the prediction's own.
constexpr double kDoubtOfSame = 0.02, kDoubtOfDoubling = 0.15;
// Memory is counted and not guessed, but for what a process has beside.
constexpr double kMemoryDoubtOfOther = 0.1, kMemoryDoubtOfSame = 0.02;
constexpr double kFullLoad = 0.95;    // from which a queue grows without end
constexpr double kTailOfWaits = 4.6;  // 99 % of exponential waits are below so many means

bool AlikeBut(const SweepKey& a, const SweepKey& b) {
  return a.threads == b.threads && a.instances == b.instances && a.kind == b.kind;
}

double Doublings(int batch, int other) {
  return std::abs(std::log2(static_cast<double>(batch) / other));
}

// What batches wait for an instance, by the usual approximation for a queue with constant times
// of service; infinite where they come faster than they go.
double WaitMs(const SweepKey& key, double service_ms) {
  const double instances = key.instances;
  const double load = key.rate * service_ms * 1e-3 / instances;
  if (load >= kFullLoad) return std::numeric_limits<double>::infinity();
  return kTailOfWaits * service_ms * load / (2 * (1 - load) * instances);
}

}  // namespace

BeliefModel::BeliefModel(const std::vector<SweepKey>& grid, const SearchGoal& goal,
                         const std::function<Prediction(const SweepKey&)>& predict)
    : grid_(grid), goal_(goal) {
  for (const SweepKey& key : grid) predictions_.push_back(predict(key));
}

void BeliefModel::Learn(const SweepPoint& point) {
  const auto found = std::find(grid_.begin(), grid_.end(), point.key);
  if (found == grid_.end() || point.latency.mean_ms <= 0) return;
  const Prediction& predicted = predictions_[static_cast<std::size_t>(found - grid_.begin())];
  const std::size_t same = static_cast<std::size_t>(
      std::find_if(lessons_.begin(), lessons_.end(),
                   [&](const Lesson& lesson) { return lesson.key == point.key; }) -
      lessons_.begin());
  if (same < lessons_.size()) lessons_.erase(lessons_.begin() + static_cast<std::ptrdiff_t>(same));
  // With a rate, the shortest run is the one that waited for nobody.
  const double service = point.key.rate > 0 ? point.latency.min_ms : point.latency.mean_ms;
  lessons_.push_back({point.key, std::log(service / predicted.latency_ms),
                      PercentileOf(point.latency, goal_.bound.percentile) / point.latency.mean_ms,
                      (point.peak_rss_mb - predicted.memory_mb) / point.key.instances});
}

BeliefModel::Correction BeliefModel::CorrectionOf(const SweepKey& key, double doubt) const {
  if (lessons_.empty()) return {0, doubt, kFirstTail, 0, kMemoryDoubtOfOther};
  // The nearest batches on both sides, and the nearest of others.
  const Lesson* below = nullptr;
  const Lesson* above = nullptr;
  double sum = 0;
  double tail = 0;
  double memory = 0;
  for (const Lesson& lesson : lessons_) {
    sum += lesson.log_factor;
    tail = std::max(tail, lesson.tail);
    memory += lesson.memory;
    if (!AlikeBut(lesson.key, key)) continue;
    if (lesson.key.batch <= key.batch &&
        (below == nullptr || lesson.key.batch > below->key.batch)) {
      below = &lesson;
    }
    if (lesson.key.batch >= key.batch &&
        (above == nullptr || lesson.key.batch < above->key.batch)) {
      above = &lesson;
    }
  }
  const auto count = static_cast<double>(lessons_.size());
  if (below == nullptr && above == nullptr) {
    return {sum / count, doubt, tail, memory / count, kMemoryDoubtOfOther};
  }
  if (below == nullptr) below = above;
  if (above == nullptr) above = below;
  const double down = Doublings(key.batch, below->key.batch);
  const double up = Doublings(key.batch, above->key.batch);
  const double weight = down + up > 0 ? up / (down + up) : 1;  // of the smaller batch
  const auto mix = [&](double a, double b) { return weight * a + (1 - weight) * b; };
  return {mix(below->log_factor, above->log_factor),
          std::min(kDoubtOfSame + kDoubtOfDoubling * std::min(down, up), doubt),
          mix(below->tail, above->tail), mix(below->memory, above->memory), kMemoryDoubtOfSame};
}

Belief BeliefModel::Of(std::size_t index) const {
  const SweepKey& key = grid_[index];
  const Prediction& predicted = predictions_[index];
  const Correction correction = CorrectionOf(key, predicted.doubt);
  const double service = predicted.latency_ms * std::exp(correction.log_factor);
  Belief belief;
  belief.doubt = correction.doubt;
  belief.memory_doubt = correction.memory_doubt;
  belief.memory_mb = predicted.memory_mb + correction.memory * key.instances;
  if (key.rate > 0) {
    const double fill = 1e3 * (key.batch - 1) / goal_.rate;
    belief.latency_ms = service + WaitMs(key, service) + fill;
    belief.images_per_s = goal_.rate;
  } else {
    belief.latency_ms = service * correction.tail;
    belief.images_per_s = 1e3 * key.batch * key.instances / service;
  }
  return belief;
}

}  // namespace kinglet::characterize
