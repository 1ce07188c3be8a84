#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "characterize/correlate/study.h"

namespace kinglet::characterize {
namespace {

constexpr const char* kLatency = "latency_ms";

// Bars of one engine's correlations with the latency.
Panel CorrelationPanel(const CorrelationStudy& study, const std::string& engine) {
  Panel panel;
  panel.horizontal = true;
  panel.y = {.label = "correlation with the latency", .from = -1, .to = 1};
  panel.width = 900;
  Series pearson{.name = "Pearson", .style = Style::kBars};
  Series spearman{.name = "Spearman", .style = Style::kBars};
  const auto add = [](const Correlation& correlation, Series& series) {
    series.x.push_back(static_cast<double>(series.x.size()));
    series.y.push_back(correlation.value);
    series.low.push_back(correlation.low);
    series.high.push_back(correlation.high);
  };
  std::size_t networks = 0;
  for (const MetricCorrelation& each : study.correlations) {
    if (each.engine != engine || each.target != kLatency) continue;
    panel.x.names.push_back(each.metric);
    add(each.pearson, pearson);
    add(each.spearman, spearman);
    networks = each.networks;
  }
  panel.title = fmt::format("{}: what goes with the latency of {} networks (95 % intervals)",
                            engine, networks);
  panel.height = 140 + 34 * static_cast<int>(panel.x.names.size());
  panel.series = {std::move(pearson), std::move(spearman)};
  return panel;
}

Series NetworkPoints(const CorrelationStudy& study, const std::string& engine) {
  Series series{.name = engine, .style = Style::kPoints};
  for (const NetworkMetrics& network : study.networks) {
    if (network.engine != engine) continue;
    series.y.push_back(network.metrics.at(kLatency));
    series.labels.push_back(network.network);
  }
  return series;
}

Panel MetricPanel(const CorrelationStudy& study, const EngineFit& fit) {
  const std::string& metric = fit.latency->figures.front();
  Panel panel;
  panel.title = fmt::format("{}: latency against {}", fit.engine, metric);
  panel.x = {.label = metric, .log_base = 10};
  panel.y = {.label = "latency, ms", .log_base = 10};
  Series points = NetworkPoints(study, fit.engine);
  for (const NetworkMetrics& network : study.networks) {
    if (network.engine == fit.engine) points.x.push_back(network.metrics.at(metric));
  }
  points.name.clear();
  panel.series = {std::move(points)};
  return panel;
}

Panel LeftOutPanel(const CorrelationStudy& study, const EngineFit& fit) {
  Panel panel;
  panel.title = fmt::format("{}: each network by the others, {:.0f} % off", fit.engine,
                            100 * fit.latency->left_out_error);
  panel.x = {.label = "measured latency, ms", .log_base = 10};
  panel.y = {.label = "latency by the regression, ms", .log_base = 10};
  Series points = NetworkPoints(study, fit.engine);
  points.x = points.y;
  for (std::size_t i = 0; i < points.y.size(); ++i) points.y[i] *= fit.latency->left_out[i];
  points.name.clear();
  const auto [least, most] = std::minmax_element(points.x.begin(), points.x.end());
  Series same{.name = "predicted as measured", .style = Style::kLines};
  same.x = same.y = {*least, *most};
  same.dashed = true;
  panel.series = {std::move(points), std::move(same)};
  return panel;
}

}  // namespace

Plot CorrelationPlot(const CorrelationStudy& study) {
  Plot plot;
  plot.columns = 1;
  for (const EngineFit& fit : study.fits) {
    plot.panels.push_back(CorrelationPanel(study, fit.engine));
  }
  return plot;
}

Plot FitPlot(const CorrelationStudy& study) {
  Plot plot;
  for (const EngineFit& fit : study.fits) {
    if (!fit.latency) continue;
    plot.panels.push_back(MetricPanel(study, fit));
    plot.panels.push_back(LeftOutPanel(study, fit));
  }
  return plot;
}

}  // namespace kinglet::characterize
