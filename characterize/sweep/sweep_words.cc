#include "characterize/sweep/sweep_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "characterize/analysis/bounds.h"
#include "characterize/analysis/cliffs.h"
#include "characterize/analysis/curve.h"
#include "characterize/analysis/ratios.h"

namespace kinglet::characterize {
namespace {

constexpr std::size_t kMostChanges = 4;  // layers that are named for a cliff
constexpr std::size_t kMostMarks = 4;    // points that are named

std::string PlaceText(const SweepPoint& point) {
  return fmt::format("batch {} ({:.4g} images/s, latency p50 {:.4g} ms, p99 {:.4g} ms, {:.0f} MiB)",
                     point.key.batch, point.images_per_s, point.latency.p50_ms,
                     point.latency.p99_ms, point.peak_rss_mb);
}

std::string ChangeText(const Cliff& cliff) {
  if (cliff.changes.empty()) return "all layers run the same kernels";
  std::string text = "other kernels in ";
  for (std::size_t i = 0; i < cliff.changes.size() && i < kMostChanges; ++i) {
    const KernelChange& change = cliff.changes[i];
    const auto named = [](const std::string& kernel) { return kernel.empty() ? "none" : kernel; };
    text += fmt::format("{}{} ({} instead of {})", i == 0 ? "" : ", ", change.layer,
                        named(change.after), named(change.before));
  }
  if (cliff.changes.size() > kMostChanges) {
    text += fmt::format(" and {} more", cliff.changes.size() - kMostChanges);
  }
  return text;
}

// Cliffs of one network at the same batches, with the same kernels: of several curves.
struct SharedCliff {
  Cliff cliff;  // of the first curve
  std::vector<std::string> falls;
};

std::vector<SharedCliff> SharedCliffs(const std::vector<Curve>& curves) {
  std::vector<SharedCliff> shared;
  for (const Curve& curve : curves) {
    for (const Cliff& cliff : FindCliffs(curve)) {
      auto same = std::find_if(shared.begin(), shared.end(), [&](const SharedCliff& other) {
        return other.cliff.from_batch == cliff.from_batch &&
               other.cliff.to_batch == cliff.to_batch && other.cliff.changes == cliff.changes &&
               other.cliff.recovered_at == cliff.recovered_at;
      });
      if (same == shared.end()) same = shared.insert(shared.end(), {cliff, {}});
      same->falls.push_back(fmt::format("by {:.1f} % ({}: {:.4g} to {:.4g} images/s)",
                                        100 * cliff.fall(), CurveName(curve.key(), curves),
                                        cliff.from_images_per_s, cliff.to_images_per_s));
    }
  }
  return shared;
}

// Of the curves of one network.
void AddCurveWords(const std::vector<Curve>& curves, std::vector<std::string>& words) {
  const std::string& network = curves.front().key().network;
  for (const SharedCliff& shared : SharedCliffs(curves)) {
    const Cliff& cliff = shared.cliff;
    std::string text = fmt::format("{}: a cliff from batch {} to {}: throughput falls {}; {}.",
                                   network, cliff.from_batch, cliff.to_batch,
                                   fmt::join(shared.falls, ", "), ChangeText(cliff));
    text += cliff.recovered_at ? fmt::format(" It is back at batch {}.", *cliff.recovered_at)
                               : std::string(" No larger batch brings it back.");
    words.push_back(std::move(text));
  }
  const KneeRule rule;
  std::vector<std::string> knees;
  for (const Curve& curve : curves) {
    const std::optional<SweepPoint> knee = FindKnee(curve, rule);
    if (!knee) continue;
    knees.push_back(fmt::format("at batch {} with {} ({:.4g} images/s, latency p50 {:.4g} ms)",
                                knee->key.batch, CurveName(curve.key(), curves), knee->images_per_s,
                                knee->latency.p50_ms));
  }
  if (!knees.empty()) {
    words.push_back(
        fmt::format("{}: the knee is {}; beyond it {:.0f} % more latency bring less than "
                    "{:.0f} % more throughput.",
                    network, fmt::join(knees, ", "), 100 * rule.latency, 100 * rule.throughput));
  }
}

void AddRatioWords(const std::vector<RatioCurve>& ratios, const std::vector<Curve>& curves,
                   const char* over, std::vector<std::string>& words) {
  for (const RatioCurve& curve : ratios) {
    std::vector<Ratio> trusted;
    std::copy_if(curve.ratios.begin(), curve.ratios.end(), std::back_inserter(trusted),
                 [](const Ratio& ratio) { return ratio.trusted; });
    if (trusted.empty()) continue;
    const auto [least, most] =
        std::minmax_element(trusted.begin(), trusted.end(),
                            [](const Ratio& a, const Ratio& b) { return a.value < b.value; });
    const std::string name = CurveName(curve.over, curves);
    constexpr double kAlike = 0.01;
    if (most->value - least->value < kAlike) {
      words.push_back(
          fmt::format("{}: {:.2f} times the throughput of {} at {}.", name, most->value, over,
                      trusted.size() == 1 ? fmt::format("batch {}", most->batch) : "each batch"));
      continue;
    }
    words.push_back(
        fmt::format("{}: {:.2f} (batch {}) to {:.2f} (batch {}) times the throughput of "
                    "{}.",
                    name, least->value, least->batch, most->value, most->batch, over));
  }
}

void AddMarkWords(const std::vector<SweepPoint>& sweep, std::vector<std::string>& words) {
  const auto marked = static_cast<std::size_t>(std::count_if(
      sweep.begin(), sweep.end(), [](const SweepPoint& point) { return !point.mark.empty(); }));
  if (marked == 0) return;
  if (marked == sweep.size()) {
    words.push_back(
        "No point is to be trusted, so nothing is said of cliffs, knees and best points: "
        "measure again when the machine is quiet.");
  } else if (marked > kMostMarks) {
    words.push_back(
        fmt::format("{} of {} points are not to be trusted; nothing here rests on them, "
                    "and the table has the reason for each.",
                    marked, sweep.size()));
  }
  std::size_t named = 0;
  for (const SweepPoint& point : sweep) {
    if (point.mark.empty() || named++ >= kMostMarks) continue;
    words.push_back(fmt::format("Not to be trusted: {}: {}.", KeyText(point.key), point.mark));
  }
}

// What the host delivered is told once, and not point by point.
void AddHostWords(const std::vector<SweepPoint>& sweep, std::vector<std::string>& words) {
  constexpr double kAsGoodAsAll = 0.97;
  if (sweep.empty() || sweep.front().host_rule >= kAsGoodAsAll) return;
  words.push_back(
      fmt::format("As a rule the host delivered {:.0f} % of the best that the reference loop "
                  "reached: times are those of such a host.",
                  100 * sweep.front().host_rule));
}

}  // namespace

std::vector<std::string> SweepWords(const std::vector<SweepPoint>& sweep) {
  std::vector<std::string> words;
  const std::vector<Curve> curves = CurvesOf(sweep);
  std::vector<std::string> networks;
  for (const Curve& curve : curves) {
    const std::string& network = curve.key().network;
    if (std::find(networks.begin(), networks.end(), network) != networks.end()) continue;
    networks.push_back(network);
    std::vector<SweepPoint> own;
    std::copy_if(sweep.begin(), sweep.end(), std::back_inserter(own),
                 [&](const SweepPoint& point) { return point.key.network == network; });
    const std::vector<Curve> own_curves = CurvesOf(own);
    if (const std::optional<SweepPoint> best = BestWithin(own, {})) {
      words.push_back(fmt::format("{}: the most throughput is that of {}, at {}.", network,
                                  CurveName(best->key, own_curves), PlaceText(*best)));
    }
    AddCurveWords(own_curves, words);
  }
  AddRatioWords(InstanceSpeedups(sweep), curves, "one instance", words);
  AddRatioWords(ProcessesOverThreads(sweep), curves, "as many threads of one process", words);
  AddHostWords(sweep, words);
  AddMarkWords(sweep, words);
  return words;
}

}  // namespace kinglet::characterize
