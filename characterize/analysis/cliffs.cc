#include "characterize/analysis/cliffs.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace kinglet::characterize {
namespace {

// One or two runs say nothing of how much they differ.
constexpr std::size_t kLeastRuns = 3;

std::vector<const SweepPoint*> Trusted(const Curve& curve) {
  std::vector<const SweepPoint*> points;
  for (const SweepPoint& point : curve.points) {
    const bool enough = point.latency.runs >= kLeastRuns;
    if (enough && point.mark.empty() && point.images_per_s > 0) points.push_back(&point);
  }
  return points;
}

bool IsWorth(const SweepPoint& more, const SweepPoint& less, const KneeRule& rule) {
  const double latency = more.latency.p50_ms / less.latency.p50_ms;
  const double steps = std::max(1.0, std::log(latency) / std::log1p(rule.latency));
  return more.images_per_s >= less.images_per_s * std::pow(1 + rule.throughput, steps);
}

}  // namespace

std::vector<KernelChange> ChangesBetween(const SweepPoint& before, const SweepPoint& after) {
  // A layer of several steps has several kernels; one whose batch is computed in parts has steps of
  // the same.
  const auto by_layer = [](const SweepPoint& point) {
    std::map<std::string, std::string> kernels;
    for (const LayerKernel& each : point.kernels) {
      std::string& kernel = kernels[each.layer];
      if ((" + " + kernel + " + ").find(" + " + each.kernel + " + ") != std::string::npos) continue;
      kernel += (kernel.empty() ? "" : " + ") + each.kernel;
    }
    return kernels;
  };
  const std::map<std::string, std::string> kernels_before = by_layer(before);
  const std::map<std::string, std::string> kernels_after = by_layer(after);
  std::vector<KernelChange> changes;
  std::map<std::string, bool> seen;
  const auto add = [&](const std::string& layer) {
    if (!seen.emplace(layer, true).second) return;
    const auto kernel = [&](const std::map<std::string, std::string>& kernels) {
      const auto found = kernels.find(layer);
      return found == kernels.end() ? std::string() : found->second;
    };
    KernelChange change = {layer, kernel(kernels_before), kernel(kernels_after)};
    if (change.before != change.after) changes.push_back(std::move(change));
  };
  if (before.kernels.empty() || after.kernels.empty()) return changes;  // not known
  for (const LayerKernel& each : after.kernels) add(each.layer);
  for (const LayerKernel& each : before.kernels) add(each.layer);
  return changes;
}

std::vector<Cliff> FindCliffs(const Curve& curve, double least_fall) {
  const std::vector<const SweepPoint*> points = Trusted(curve);
  std::vector<Cliff> cliffs;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const SweepPoint& before = *points[i - 1];
    const SweepPoint& after = *points[i];
    if (after.images_per_s >= before.images_per_s * (1 - least_fall)) continue;
    if (ThroughputInterval(after).high >= ThroughputInterval(before).low) continue;
    Cliff cliff = {before.key.batch, after.key.batch, before.images_per_s, after.images_per_s,
                   ChangesBetween(before, after)};
    const double level = ThroughputInterval(before).low;
    const auto recovered =
        std::find_if(points.begin() + static_cast<std::ptrdiff_t>(i), points.end(),
                     [&](const SweepPoint* p) { return p->images_per_s >= level; });
    if (recovered != points.end()) cliff.recovered_at = (*recovered)->key.batch;
    cliffs.push_back(std::move(cliff));
  }
  return cliffs;
}

std::optional<SweepPoint> FindKnee(const Curve& curve, const KneeRule& rule) {
  const std::vector<const SweepPoint*> points = Trusted(curve);
  if (points.size() < 3) return std::nullopt;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const SweepPoint& here = *points[i];
    bool shows = false;
    bool worth = false;
    for (std::size_t j = i + 1; j < points.size(); ++j) {
      shows |= points[j]->latency.p50_ms >= here.latency.p50_ms * (1 + rule.latency);
      worth |= IsWorth(*points[j], here, rule);
    }
    if (!shows) return std::nullopt;  // nor for any later one
    if (!worth) return here;
  }
  return std::nullopt;
}

}  // namespace kinglet::characterize
