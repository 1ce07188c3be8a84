#include "characterize/profile/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "characterize/profile/picture.h"

namespace kinglet::characterize {
namespace {

ReportTable LayerTable(const NetworkProfile& profile) {
  ReportTable table;
  table.caption = fmt::format("All {} layers", profile.layers.size());
  table.folded = true;
  table.columns = {{"layer"},    {"operator"},        {"kernel"},        {"ms", true},
                   {"%", true},  {"predicted", true}, {"GFLOP/s", true}, {"% of peak", true},
                   {"MB", true}, {"FLOP/byte", true}, {"bound by"}};
  for (const std::string& event : profile.events) table.columns.push_back({event, true});
  for (const LayerProfile& layer : profile.layers) {
    std::vector<std::string> row = {layer.step.name,
                                    layer.step.op,
                                    layer.step.kernel,
                                    fmt::format("{:.3f}", 1e3 * layer.seconds),
                                    fmt::format("{:.1f}", 100 * layer.share),
                                    fmt::format("{:.3f}", 1e3 * layer.step.predicted_seconds),
                                    fmt::format("{:.1f}", layer.gflops()),
                                    fmt::format("{:.1f}", 100 * layer.share_of_peak()),
                                    fmt::format("{:.2f}", 1e-6 * layer.work.bytes),
                                    fmt::format("{:.1f}", layer.work.intensity),
                                    BoundName(layer.work.bound)};
    for (std::size_t e = 0; e < profile.events.size(); ++e) {
      row.push_back(layer.counts.empty() ? "-" : fmt::format("{:.4g}", layer.counts[e]));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Shares of what layers have in common, the largest first.
std::string SharesText(const std::map<std::string, double>& shares) {
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [name, share] : shares) order.emplace_back(share, name);
  std::sort(order.rbegin(), order.rend());
  std::string text;
  for (const auto& [share, name] : order) {
    if (share < 0.005) break;
    text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", name, 100 * share);
  }
  return text;
}

}  // namespace

void AddProfile(const NetworkProfile& profile, Report& report) {
  report.AddHeading(fmt::format("{}, {}, batch {}, threads {}", profile.network, profile.precision,
                                profile.batch, profile.threads),
                    2);
  std::map<std::string, double> operators, bounds;
  for (const LayerProfile& layer : profile.layers) {
    operators[layer.step.op] += layer.share;
    bounds[BoundName(layer.work.bound)] += layer.share;
  }
  report.AddParagraph(fmt::format(
      "A run takes {:.3f} ms ({:.3f} ms predicted). By operator: {}. Layers bound by arithmetic "
      "take {:.0f} % of it, layers bound by memory {:.0f} %; {:.1f} % lie between the layers. "
      "Overhead of profiling: {:+.1f} %, the median of {} turns beside runs without it.",
      1e3 * profile.run_seconds, 1e3 * profile.predicted_seconds, SharesText(operators),
      100 * bounds["arithmetic"], 100 * bounds["memory"],
      profile.run_seconds > 0 ? 100 * profile.rest_seconds / profile.run_seconds : 0,
      100 * profile.overhead, profile.turns));
  report.AddList(profile.notes);
  report.AddPicture(RooflinePlot(profile),
                    "Each layer at its arithmetic intensity and speed, below what memory, caches "
                    "and cores could bring. Numbers are shares of the run. Winograd's algorithm "
                    "needs fewer operations than the definition that is counted here, so that its "
                    "layers may stand above the roof.");
  report.AddTable(LayerTable(profile));
}

}  // namespace kinglet::characterize
