#include "characterize/correlate/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "measure/common/json_reader.h"

namespace kinglet::characterize {
namespace {

using StudyJsonValue = measure::JsonReader::Json;

constexpr std::size_t kLeastOfEngine = 4;

bool IsTarget(const std::string& name) {
  return std::any_of(Targets().begin(), Targets().end(),
                     [&](const Target& target) { return name == target.metric; });
}

// A time, or what the operating system counts while it passes, tells nothing of another.
bool IsTime(const std::string& name) {
  return IsTarget(name) || name == "predicted_ms" || name == "task-clock-ms" ||
         name == "context-switches" || name == "page-faults";
}

std::vector<std::string> Engines(const std::vector<NetworkMetrics>& networks) {
  std::vector<std::string> engines;
  for (const NetworkMetrics& network : networks) {
    if (std::find(engines.begin(), engines.end(), network.engine) == engines.end()) {
      engines.push_back(network.engine);
    }
  }
  return engines;
}

// Metrics that all of the networks have.
std::vector<Figure> SharedFigures(const std::vector<const NetworkMetrics*>& networks) {
  std::vector<Figure> figures;
  for (const auto& [name, first] : networks.front()->metrics) {
    Figure figure{name};
    for (const NetworkMetrics* network : networks) {
      const auto found = network->metrics.find(name);
      if (found != network->metrics.end()) figure.values.push_back(found->second);
    }
    if (figure.values.size() == networks.size()) figures.push_back(std::move(figure));
  }
  return figures;
}

void CorrelateEngine(const std::string& engine, const std::vector<Figure>& figures,
                     CorrelationStudy& study) {
  for (const Target& target : Targets()) {
    const auto y = std::find_if(figures.begin(), figures.end(),
                                [&](const Figure& figure) { return figure.name == target.metric; });
    if (y == figures.end()) continue;
    std::vector<MetricCorrelation> found;
    for (const Figure& x : figures) {
      if (IsTarget(x.name)) continue;
      MetricCorrelation each{engine,
                             target.metric,
                             x.name,
                             x.values.size(),
                             Pearson(x.values, y->values),
                             Spearman(x.values, y->values)};
      if (!std::isnan(each.pearson.value)) found.push_back(std::move(each));
    }
    std::sort(found.begin(), found.end(),
              [](const MetricCorrelation& a, const MetricCorrelation& b) {
                return std::abs(a.pearson.value) > std::abs(b.pearson.value);
              });
    study.correlations.insert(study.correlations.end(), found.begin(), found.end());
  }
}

EngineFit FitEngine(const std::string& engine, const std::vector<Figure>& figures) {
  std::vector<Figure> candidates;
  std::vector<double> latency;
  for (const Figure& figure : figures) {
    if (figure.name == "latency_ms") latency = figure.values;
    if (!IsTime(figure.name)) candidates.push_back(figure);
  }
  return {engine, BestRegression(candidates, latency)};
}

StudyJsonValue CorrelationJson(const Correlation& correlation) {
  const auto kept = [](double value) { return measure::Rounded(value, 1e4); };
  return {{"value", kept(correlation.value)},
          {"low", kept(correlation.low)},
          {"high", kept(correlation.high)}};
}

}  // namespace

CorrelationStudy CorrelateMetrics(std::vector<NetworkMetrics> networks) {
  CorrelationStudy study;
  const std::vector<NetworkMetrics> all = std::move(networks);
  for (const std::string& engine : Engines(all)) {
    std::vector<const NetworkMetrics*> of_engine;
    for (const NetworkMetrics& network : all) {
      if (network.engine == engine) of_engine.push_back(&network);
    }
    if (of_engine.size() < kLeastOfEngine) continue;
    for (const NetworkMetrics* network : of_engine) study.networks.push_back(*network);
    const std::vector<Figure> figures = SharedFigures(of_engine);
    CorrelateEngine(engine, figures, study);
    study.fits.push_back(FitEngine(engine, figures));
  }
  return study;
}

std::string MetricsCsv(const std::vector<NetworkMetrics>& networks) {
  std::set<std::string> names;
  for (const NetworkMetrics& network : networks) {
    for (const auto& [name, value] : network.metrics) names.insert(name);
  }
  std::string csv = "network,engine";
  for (const std::string& name : names) csv += ',' + name;
  csv += '\n';
  for (const NetworkMetrics& network : networks) {
    csv += network.network + ',' + network.engine;
    for (const std::string& name : names) {
      const auto found = network.metrics.find(name);
      csv += found == network.metrics.end() ? "," : fmt::format(",{:.10g}", found->second);
    }
    csv += '\n';
  }
  return csv;
}

std::string StudyJson(const CorrelationStudy& study) {
  constexpr int kStudyFormat = 1;
  StudyJsonValue json;
  json["networks"] = StudyJsonValue::array();
  for (const NetworkMetrics& network : study.networks) {
    json["networks"].push_back(
        {{"network", network.network}, {"engine", network.engine}, {"metrics", network.metrics}});
  }
  json["correlations"] = StudyJsonValue::array();
  for (const MetricCorrelation& each : study.correlations) {
    json["correlations"].push_back({{"engine", each.engine},
                                    {"target", each.target},
                                    {"metric", each.metric},
                                    {"networks", each.networks},
                                    {"pearson", CorrelationJson(each.pearson)},
                                    {"spearman", CorrelationJson(each.spearman)}});
  }
  json["regressions"] = StudyJsonValue::array();
  for (const EngineFit& fit : study.fits) {
    if (!fit.latency) continue;
    json["regressions"].push_back({{"engine", fit.engine},
                                   {"target", "latency_ms"},
                                   {"metrics", fit.latency->figures},
                                   {"intercept", fit.latency->intercept},
                                   {"exponents", fit.latency->exponents},
                                   {"left_out_error", fit.latency->left_out_error},
                                   {"nested_error", fit.latency->nested_error}});
  }
  json["format"] = kStudyFormat;
  return measure::CompactJson(json) + "\n";
}

}  // namespace kinglet::characterize
