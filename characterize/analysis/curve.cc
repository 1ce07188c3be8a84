#include "characterize/analysis/curve.h"

#include <fmt/format.h>

#include <algorithm>

namespace kinglet::characterize {

std::vector<Curve> CurvesOf(const std::vector<SweepPoint>& sweep) {
  std::vector<Curve> curves;
  for (const SweepPoint& point : sweep) {
    const auto on_it = [&](const Curve& curve) {
      SweepKey key = curve.key();
      key.batch = point.key.batch;
      return key == point.key;
    };
    auto curve = std::find_if(curves.begin(), curves.end(), on_it);
    if (curve == curves.end()) curve = curves.insert(curves.end(), Curve{});
    std::vector<SweepPoint>& points = curve->points;
    const auto place = std::lower_bound(
        points.begin(), points.end(), point.key.batch,
        [](const SweepPoint& other, int batch) { return other.key.batch < batch; });
    if (place != points.end() && place->key.batch == point.key.batch) {
      *place = point;
    } else {
      points.insert(place, point);
    }
  }
  return curves;
}

Interval ThroughputInterval(const SweepPoint& point) {
  const Latency& latency = point.latency;
  if (latency.median_high_ms <= 0) return {point.images_per_s, point.images_per_s};
  // A few turns that differ have an interval that may begin at 0 or below; no run was that quick.
  const double low_ms = std::max(latency.median_low_ms, latency.min_ms);
  return {point.images_per_s * latency.p50_ms / latency.median_high_ms,
          point.images_per_s * latency.p50_ms / (low_ms > 0 ? low_ms : latency.p50_ms)};
}

std::string Counted(int count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string CurveName(const SweepKey& key, const std::vector<Curve>& sweep) {
  bool networks = false;
  bool precisions = false;
  bool rates = false;
  for (const Curve& curve : sweep) {
    networks |= curve.key().network != key.network;
    precisions |= curve.key().precision != key.precision;
    rates |= curve.key().rate != key.rate;
  }
  std::string name = Counted(key.threads, "thread");
  if (key.instances > 1) {
    name += fmt::format(", {} instances as {}", key.instances,
                        key.kind == InstanceKind::kThreads ? "threads" : "processes");
  }
  if (precisions) name += ", " + key.precision;
  if (rates) {
    name += key.rate > 0 ? fmt::format(", {:g} batches/s", key.rate) : ", closed loop";
  }
  return networks ? key.network + ", " + name : name;
}

}  // namespace kinglet::characterize
