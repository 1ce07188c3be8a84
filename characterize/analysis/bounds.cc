#include "characterize/analysis/bounds.h"

#include <fmt/format.h>

#include <algorithm>

namespace kinglet::characterize {

double PercentileOf(const Latency& latency, int percentile) {
  if (percentile <= 50) return latency.p50_ms;
  if (percentile <= 90) return latency.p90_ms;
  return percentile <= 95 ? latency.p95_ms : latency.p99_ms;
}

std::string Bound::Text() const {
  std::string text;
  if (latency_ms) text = fmt::format("latency p{} at most {:g} ms", percentile, *latency_ms);
  if (memory_mb) {
    text += fmt::format("{}memory at most {:.4g} MiB", text.empty() ? "" : " and ", *memory_mb);
  }
  return text.empty() ? "no bound" : text;
}

double Excess(const SweepPoint& point, const Bound& bound) {
  double excess = 0;
  if (bound.latency_ms) {
    excess = PercentileOf(point.latency, bound.percentile) / *bound.latency_ms - 1;
  }
  if (bound.memory_mb) excess = std::max(excess, point.peak_rss_mb / *bound.memory_mb - 1);
  return std::max(excess, 0.0);
}

std::optional<SweepPoint> BestWithin(const std::vector<SweepPoint>& points, const Bound& bound) {
  constexpr double kAsGood = 0.99;
  double most = 0;
  const auto counts = [&](const SweepPoint& p) { return p.mark.empty() && Excess(p, bound) == 0; };
  for (const SweepPoint& point : points) {
    if (counts(point)) most = std::max(most, point.images_per_s);
  }
  const SweepPoint* best = nullptr;
  const auto latency = [&](const SweepPoint& p) {
    return PercentileOf(p.latency, bound.percentile);
  };
  for (const SweepPoint& point : points) {
    if (!counts(point) || point.images_per_s < kAsGood * most) continue;
    if (best == nullptr || latency(point) < latency(*best)) best = &point;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

std::optional<SweepPoint> NearestTo(const std::vector<SweepPoint>& points, const Bound& bound) {
  const SweepPoint* nearest = nullptr;
  for (const SweepPoint& point : points) {
    if (!point.mark.empty()) continue;
    if (nearest == nullptr || Excess(point, bound) < Excess(*nearest, bound)) nearest = &point;
  }
  return nearest == nullptr ? std::nullopt : std::optional(*nearest);
}

}  // namespace kinglet::characterize
