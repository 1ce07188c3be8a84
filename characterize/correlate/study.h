// Which figures of networks go together with how fast they are, and how well the best of them
// predict it. Source: Velasco-Montero et al., On the Correlation of CNN Performance and Hardware
// Metrics for Visual Inference on a Low-Cost CPU-based Platform, 2019.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "characterize/correlate/correlation.h"
#include "characterize/correlate/metrics.h"
#include "characterize/correlate/regression.h"
#include "characterize/pictures/plot.h"

namespace kinglet::characterize {

struct MetricCorrelation {
  std::string engine;
  std::string target;
  std::string metric;
  std::size_t networks = 0;
  Correlation pearson{}, spearman{};
};

struct EngineFit {
  std::string engine;
  std::optional<Regression> latency{};  // of latency_ms
};

struct CorrelationStudy {
  std::vector<NetworkMetrics> networks{};         // those of one engine stand together
  std::vector<MetricCorrelation> correlations{};  // of each target the strongest first
  std::vector<EngineFit> fits{};
};

// Of at least four networks for each engine; engines with fewer are left out. Metrics that not all
// networks of an engine have, or that are the same for all, are left out. The regression takes
// static metrics, memory, and what the CPU or valgrind counts: nothing that is a time or goes with
// one, as context switches do, and not the cost model's prediction.
CorrelationStudy CorrelateMetrics(std::vector<NetworkMetrics> networks);

// All numbers: a heading, and a row for each network.
std::string MetricsCsv(const std::vector<NetworkMetrics>& networks);
// One object on one line.
std::string StudyJson(const CorrelationStudy& study);

// How strongly each metric goes with the latency, with its interval, in a panel for each engine.
Plot CorrelationPlot(const CorrelationStudy& study);
// Latency of each network against the metric that the regression takes first, and as the regression
// of the other networks predicts it against measured.
Plot FitPlot(const CorrelationStudy& study);

}  // namespace kinglet::characterize
