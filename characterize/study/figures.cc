#include "characterize/study/figures.h"

#include <fmt/format.h>

#include <algorithm>

namespace kinglet::characterize {
namespace {

constexpr const char* kThroughput = "throughput, images/s";

// The place of a text among those that were seen, added where it is new.
std::size_t PlaceOfName(std::vector<std::string>& names, const std::string& name) {
  const auto place =
      static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  if (place == names.size()) names.push_back(name);
  return place;
}

// The series of the name, added where there is none.
Series& SeriesOf(Panel& panel, const std::string& name, Style style) {
  const auto found = std::find_if(panel.series.begin(), panel.series.end(),
                                  [&](const Series& series) { return series.name == name; });
  if (found != panel.series.end()) return *found;
  panel.series.push_back({.name = name, .style = style});
  return panel.series.back();
}

// The panel of the name, added where there is none.
Panel& PanelOf(Plot& plot, const std::string& title, const Axis& x, const Axis& y) {
  const auto found = std::find_if(plot.panels.begin(), plot.panels.end(),
                                  [&](const Panel& panel) { return panel.title == title; });
  if (found != plot.panels.end()) return *found;
  plot.panels.push_back({.title = title, .x = x, .y = y});
  return plot.panels.back();
}

void AddValue(Series& series, double x, double y) {
  series.x.push_back(x);
  series.y.push_back(y);
}

std::string FloatNetworkOf(const std::string& network) {
  constexpr std::string_view kSuffix = "_int8";
  const bool quantised = network.ends_with(kSuffix);
  return quantised ? network.substr(0, network.size() - kSuffix.size()) : network;
}

std::string Instances(int count) {
  return count == 1 ? "one instance" : fmt::format("{} instances", count);
}

}  // namespace

Plot ContinuousPlot(const std::vector<SweepKey>& keys, std::span<const TurnRecord> turns) {
  Plot plot;
  for (const SweepKey& key : keys) {
    Panel& panel = PanelOf(plot, key.network, {.label = "turn"}, {.label = kThroughput, .from = 0});
    Series& series = SeriesOf(panel, Instances(key.instances), Style::kLinesPoints);
    for (const TurnRecord& turn : turns) {
      if (turn.key != key || !turn.failed.empty()) continue;
      AddValue(series, static_cast<double>(series.x.size() + 1), turn.result.images_per_s);
    }
  }
  return plot;
}

Plot PrecisionPlot(const std::vector<SweepPoint>& points) {
  Plot plot;
  for (const SweepPoint& point : points) {
    const SweepKey& key = point.key;
    Panel& panel = PanelOf(plot, FloatNetworkOf(key.network), {}, {.label = kThroughput});
    const std::size_t place = PlaceOfName(panel.x.names, fmt::format("batch {}", key.batch));
    AddValue(SeriesOf(panel, key.precision, Style::kBars), static_cast<double>(place),
             point.images_per_s);
  }
  return plot;
}

Plot TargetPlot(const std::vector<TargetPoints>& targets) {
  Plot plot;
  for (const TargetPoints& target : targets) {
    for (const SweepPoint& point : target.points) {
      if (point.key.batch != 1) continue;
      Panel& panel = PanelOf(plot, point.key.network, {}, {.label = kThroughput});
      const std::size_t place = PlaceOfName(panel.x.names, target.target);
      const int threads = point.key.threads;
      const std::string name = threads == 1 ? "1 thread" : fmt::format("{} threads", threads);
      AddValue(SeriesOf(panel, name, Style::kBars), static_cast<double>(place), point.images_per_s);
    }
  }
  return plot;
}

Plot LatencyPlot(const std::vector<SweepPoint>& points) {
  Panel panel{.title = "", .y = {.label = "latency of one picture, ms"}, .horizontal = true};
  Series series;
  series.style = Style::kBars;
  for (const SweepPoint& point : points) {
    panel.x.names.push_back(point.key.network);
    AddValue(series, static_cast<double>(series.x.size()), point.latency.p50_ms);
    series.low.push_back(point.latency.p50_ms);
    series.high.push_back(point.latency.p95_ms);
    series.labels.push_back(fmt::format("{:.1f}", point.latency.p50_ms));
  }
  panel.series.push_back(std::move(series));
  return {.title = "", .panels = {std::move(panel)}};
}

}  // namespace kinglet::characterize
