#include "characterize/profile/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace kinglet::characterize {
namespace {

constexpr double kLabelled = 0.05;   // of the run, from which on a layer has its share beside it
constexpr std::size_t kKernels = 6;  // series of layers

// The kernels that take most, the longest first; what is not among them is "other".
std::vector<std::string> LongestKernels(const NetworkProfile& profile) {
  std::map<std::string, double> seconds;
  for (const LayerProfile& layer : profile.layers) {
    if (layer.work.operations > 0) seconds[layer.step.kernel] += layer.seconds;
  }
  std::vector<std::string> kernels;
  for (const auto& [kernel, time] : seconds) kernels.push_back(kernel);
  std::sort(kernels.begin(), kernels.end(),
            [&](const std::string& a, const std::string& b) { return seconds[a] > seconds[b]; });
  if (kernels.size() > kKernels) kernels.resize(kKernels);
  return kernels;
}

// What a bandwidth brings up to the peak.
Series RoofSeries(const std::string& name, double gbps, double peak, double from, double to,
                  bool dashed) {
  Series series;
  series.name = fmt::format("{}: {:.0f} GB/s", name, gbps);
  series.style = Style::kLines;
  series.dashed = dashed;
  const double ridge = peak / gbps;
  series.x = {from, std::clamp(ridge, from, to), to};
  for (const double x : series.x) series.y.push_back(std::min(peak, x * gbps));
  return series;
}

}  // namespace

Plot RooflinePlot(const NetworkProfile& profile) {
  Panel panel;
  panel.title = fmt::format("{}, {}, batch {}, threads {}: layers below the roof", profile.network,
                            profile.precision, profile.batch, profile.threads);
  panel.x = {.label = "arithmetic intensity, FLOP/byte", .log_base = 10};
  panel.y = {.label = "speed, GFLOP/s", .log_base = 10};
  panel.width = 900;
  panel.height = 560;
  double least = 1e9, most = 0, peak = 0;
  for (const LayerProfile& layer : profile.layers) {
    if (layer.work.operations <= 0) continue;
    least = std::min(least, layer.work.intensity);
    most = std::max(most, layer.work.intensity);
    peak = std::max(peak, layer.work.peak_gflops);
  }
  const std::vector<std::string> kernels = LongestKernels(profile);
  std::vector<Series> groups(kernels.size() + 1);
  for (Series& group : groups) group.style = Style::kPoints;
  for (std::size_t f = 0; f < kernels.size(); ++f) groups[f].name = kernels[f];
  groups.back().name = "other";
  for (const LayerProfile& layer : profile.layers) {
    if (layer.work.operations <= 0) continue;
    const auto kernel = std::find(kernels.begin(), kernels.end(), layer.step.kernel);
    Series& group = groups[static_cast<std::size_t>(kernel - kernels.begin())];
    group.x.push_back(layer.work.intensity);
    group.y.push_back(layer.gflops());
    group.labels.push_back(layer.share >= kLabelled ? fmt::format("{:.0f} %", 100 * layer.share)
                                                    : "");
  }
  for (Series& group : groups) {
    if (!group.x.empty()) panel.series.push_back(std::move(group));
  }
  const Roof& roof = profile.roof;
  if (peak > 0 && roof.dram_gbps > 0) {
    const double from = std::min(least, 0.5 * peak / roof.l3_gbps);
    const double to = std::max(most, 4 * peak / roof.dram_gbps);
    panel.series.push_back(RoofSeries("memory", roof.dram_gbps, peak, from, to, false));
    panel.series.push_back(RoofSeries("L3 cache", roof.l3_gbps, peak, from, to, true));
    panel.guides.push_back({false, peak, fmt::format("peak {:.0f} GFLOP/s", peak)});
  }
  return {.title = "", .panels = {std::move(panel)}, .columns = 1};
}

}  // namespace kinglet::characterize
