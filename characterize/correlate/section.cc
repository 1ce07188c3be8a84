#include "characterize/correlate/section.h"

#include <fmt/format.h>

#include <cmath>

namespace kinglet::characterize {
namespace {

std::string CorrelationText(const Correlation& correlation) {
  return fmt::format("{:+.2f} ({:+.2f} to {:+.2f})", correlation.value, correlation.low,
                     correlation.high);
}

ReportTable TargetTable(const CorrelationStudy& study, const std::string& engine,
                        const Target& target) {
  ReportTable table;
  table.caption = fmt::format("{}: {}", engine, target.what);
  table.columns = {{"metric"}, {"Pearson (95 %)", true}, {"Spearman (95 %)", true}};
  for (const MetricCorrelation& each : study.correlations) {
    if (each.engine != engine || each.target != target.metric) continue;
    table.rows.push_back(
        {each.metric, CorrelationText(each.pearson), CorrelationText(each.spearman)});
  }
  return table;
}

// The metric that goes best with the latency of an engine.
std::string StrongestText(const CorrelationStudy& study, const std::string& engine) {
  for (const MetricCorrelation& each : study.correlations) {
    if (each.engine != engine || each.target != std::string("latency_ms")) continue;
    return fmt::format("{}: {} goes best with the latency of {} networks (Pearson {}).", engine,
                       each.metric, each.networks, CorrelationText(each.pearson));
  }
  return "";
}

ReportTable NetworkTable(const CorrelationStudy& study) {
  ReportTable table;
  table.caption = "All networks";
  table.folded = true;
  table.columns = {{"network"},
                   {"engine"},
                   {"latency, ms", true},
                   {"images/s", true},
                   {"utilisation", true},
                   {"multiply-adds, G", true},
                   {"parameters, M", true},
                   {"layers", true}};
  for (const NetworkMetrics& network : study.networks) {
    const auto number = [&](const char* name, double scale, int digits) {
      const auto found = network.metrics.find(name);
      return found == network.metrics.end() ? std::string("-")
                                            : fmt::format("{:.{}f}", scale * found->second, digits);
    };
    table.rows.push_back({network.network, network.engine, number("latency_ms", 1, 3),
                          number("images_per_s", 1, 1), number("utilisation", 1, 2),
                          number("multiply_adds", 1e-9, 3), number("parameters", 1e-6, 2),
                          number("layers", 1, 0)});
  }
  return table;
}

}  // namespace

std::string RegressionText(const EngineFit& fit) {
  if (!fit.latency) return "";
  std::string product = fmt::format("{:.3g}", std::exp(fit.latency->intercept));
  for (std::size_t f = 0; f < fit.latency->figures.size(); ++f) {
    product += fmt::format(" * {}^{:.2f}", fit.latency->figures[f], fit.latency->exponents[f]);
  }
  return "latency_ms = " + product;
}

std::string RegressionErrorText(const EngineFit& fit) {
  if (!fit.latency) return "";
  return fmt::format(
      "a network that is left out is predicted within {:.0f} % on average; {:.0f} % when its "
      "metrics, too, are chosen without it",
      100 * fit.latency->left_out_error, 100 * fit.latency->nested_error);
}

void AddStudy(const CorrelationStudy& study, Report& report) {
  std::vector<std::string> found;
  for (const EngineFit& fit : study.fits) {
    found.push_back(StrongestText(study, fit.engine));
    if (!fit.latency) continue;
    found.push_back(
        fmt::format("{}: {}; {}.", fit.engine, RegressionText(fit), RegressionErrorText(fit)));
  }
  report.AddList(found);
  report.AddPicture(CorrelationPlot(study),
                    "How strongly each metric goes with the latency: 1 where both grow together, "
                    "-1 where one falls as the other grows; lines are 95 % intervals");
  if (const Plot fit = FitPlot(study); !fit.panels.empty()) {
    report.AddPicture(fit,
                      "The latency against the metric that tells most of it, and what the "
                      "regression of all other networks says of each network");
  }
  for (const EngineFit& fit : study.fits) {
    for (const Target& target : Targets()) {
      const ReportTable table = TargetTable(study, fit.engine, target);
      if (!table.rows.empty()) report.AddTable(table);
    }
  }
  report.AddTable(NetworkTable(study));
}

}  // namespace kinglet::characterize
