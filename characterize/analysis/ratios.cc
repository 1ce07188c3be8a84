#include "characterize/analysis/ratios.h"

#include <algorithm>
#include <functional>

#include "characterize/analysis/curve.h"

namespace kinglet::characterize {
namespace {

// Each curve that `is_upper` over the one that it stands beside, at batches that both have.
std::vector<RatioCurve> RatiosOf(const std::vector<SweepPoint>& sweep,
                                 const std::function<bool(const SweepKey&)>& is_upper,
                                 const std::function<bool(SweepKey, SweepKey)>& beside) {
  const std::vector<Curve> curves = CurvesOf(sweep);
  std::vector<RatioCurve> all;
  for (const Curve& upper : curves) {
    if (!is_upper(upper.key())) continue;
    RatioCurve curve = {upper.key(), {}};
    curve.over.batch = 0;
    for (const SweepPoint& point : upper.points) {
      for (const Curve& lower : curves) {
        if (is_upper(lower.key()) || !beside(point.key, lower.key())) continue;
        const auto found =
            std::find_if(lower.points.begin(), lower.points.end(),
                         [&](const SweepPoint& p) { return p.key.batch == point.key.batch; });
        if (found == lower.points.end() || found->images_per_s <= 0) continue;
        const Interval above = ThroughputInterval(point);
        const Interval below = ThroughputInterval(*found);
        curve.ratios.push_back({point.key.batch, point.images_per_s / found->images_per_s,
                                above.low / below.high, above.high / below.low,
                                point.mark.empty() && found->mark.empty()});
        break;
      }
    }
    if (!curve.ratios.empty()) all.push_back(std::move(curve));
  }
  return all;
}

bool SameNetwork(const SweepKey& a, const SweepKey& b) {
  return a.network == b.network && a.precision == b.precision && a.threads == b.threads &&
         a.rate == b.rate;
}

}  // namespace

std::vector<RatioCurve> InstanceSpeedups(const std::vector<SweepPoint>& sweep) {
  return RatiosOf(
      sweep, [](const SweepKey& key) { return key.instances > 1; },
      [](const SweepKey& above, const SweepKey& below) { return SameNetwork(above, below); });
}

std::vector<RatioCurve> ProcessesOverThreads(const std::vector<SweepPoint>& sweep) {
  std::vector<SweepPoint> several;
  std::copy_if(sweep.begin(), sweep.end(), std::back_inserter(several),
               [](const SweepPoint& point) { return point.key.instances > 1; });
  return RatiosOf(
      several, [](const SweepKey& key) { return key.kind == InstanceKind::kProcesses; },
      [](const SweepKey& above, const SweepKey& below) {
        return SameNetwork(above, below) && above.instances == below.instances;
      });
}

}  // namespace kinglet::characterize
