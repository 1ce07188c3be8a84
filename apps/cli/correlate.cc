// kinglet correlate: which figures of a network go together with how fast it is?
#include <fmt/format.h>

#include "apps/cli/costs.h"
#include "apps/cli/input_file.h"
#include "apps/cli/model_options.h"
#include "apps/cli/output.h"
#include "apps/cli/profile_commands.h"
#include "apps/cli/progress.h"
#include "characterize/common/output_folder.h"
#include "characterize/correlate/cachegrind.h"
#include "characterize/correlate/metrics.h"
#include "characterize/correlate/section.h"
#include "characterize/correlate/study.h"
#include "characterize/pictures/gnuplot.h"
#include "characterize/predict/foresee.h"
#include "characterize/report/report.h"
#include "kinglet/file.h"
#include "measure/common/answer.h"
#include "measure/common/process.h"

namespace kinglet::cli {
namespace {

using characterize::Correlation;
using characterize::CorrelationStudy;
using characterize::CounterMode;
using characterize::EngineFit;
using characterize::NetworkMetrics;

characterize::MetricsOptions MetricsOptionsOf(const CorrelateOptions& options,
                                              const std::string& network) {
  characterize::MetricsOptions metrics;
  metrics.network = network;
  metrics.batch = options.batch;
  metrics.threads = ThreadsOf(options.common);
  metrics.read = ReadOptionsOf(options.common);
  metrics.compile = CompileOptionsOf(options.common);
  metrics.counters = characterize::ParseCounterRequest(options.counters);
  metrics.budget_seconds = options.seconds;
  return metrics;
}

// How this command calls itself for one network.
std::vector<std::string> NetworkArguments(const CorrelateOptions& options,
                                          const std::string& network,
                                          const std::vector<std::string>& how) {
  std::vector<std::string> arguments = {"correlate"};
  const auto add = [&](const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  };
  add(how);
  add({"--batch", std::to_string(options.batch), "--counters", options.counters, "--seconds",
       fmt::format("{}", options.seconds)});
  add(ArgumentsOf(options.common.costs));
  add(ArgumentsOf(options.common.model));
  add({"--", network});
  return arguments;
}

NetworkMetrics TakeMetricsTurn(const CorrelateOptions& options, const std::string& network) {
  const std::string threads = std::to_string(ThreadsOf(options.common));
  const std::string line = measure::CheckedAnswer(
      measure::RunOwnProcess("kinglet",
                             NetworkArguments(options, network, {"--point", "--threads", threads})),
      network + ": ");
  return characterize::ParseMetrics(line, network + ": the process's result");
}

// Valgrind runs threads one at a time, so that one is as good as several.
void AddCachegrind(const CorrelateOptions& options, NetworkMetrics& metrics) {
  const auto arguments = [&](int runs) {
    return NetworkArguments(options, metrics.network,
                            {"--run-only", std::to_string(runs), "--threads", "1"});
  };
  for (const auto& [name, count] : characterize::CountByCachegrind(arguments)) {
    metrics.metrics[name] = count;
  }
}

std::vector<NetworkMetrics> ReadPeerMetrics(const std::string& file) {
  std::vector<NetworkMetrics> peers;
  if (file.empty()) return peers;
  for (const PlacedLine& line : ReadLines(file)) {
    peers.push_back(characterize::ParseMetrics(line.text, line.place));
  }
  return peers;
}

// Rounds over all networks, so that all of them see the same machine; then cachegrind.
std::vector<NetworkMetrics> MeasureAll(const CorrelateOptions& options,
                                       const std::vector<std::string>& networks) {
  const bool cachegrind =
      characterize::ParseCounterRequest(options.counters).mode == CounterMode::kCachegrind;
  const auto rounds = static_cast<std::size_t>(options.rounds);
  Progress progress(networks.size() * (rounds + (cachegrind ? 1 : 0)), !options.common.quiet);
  std::vector<std::vector<NetworkMetrics>> turns(networks.size());
  std::size_t done = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t n = 0; n < networks.size(); ++n) {
      progress.Show(done++, networks[n]);
      turns[n].push_back(TakeMetricsTurn(options, networks[n]));
    }
  }
  std::vector<NetworkMetrics> measured;
  for (const auto& of_network : turns) measured.push_back(MedianOf(of_network));
  for (std::size_t n = 0; cachegrind && n < networks.size(); ++n) {
    progress.Show(done++, networks[n] + " (valgrind)");
    AddCachegrind(options, measured[n]);
  }
  return measured;
}

std::string IntervalText(const Correlation& correlation) {
  return fmt::format("{:+.2f} to {:+.2f}", correlation.low, correlation.high);
}

std::string FitText(const EngineFit& fit) {
  if (!fit.latency) return "";
  return fmt::format("{}: {}\n{}\n", OneLine(fit.engine), characterize::RegressionText(fit),
                     characterize::RegressionErrorText(fit));
}

std::string EngineText(const CorrelationStudy& study, const EngineFit& fit) {
  std::string text;
  for (const characterize::Target& target : characterize::Targets()) {
    Table table({{"metric", false, 20},
                 {"Pearson", true},
                 {"95 %", true},
                 {"Spearman", true},
                 {"95 %", true}});
    std::size_t networks = 0;
    for (const auto& each : study.correlations) {
      if (each.engine != fit.engine || each.target != target.metric) continue;
      networks = each.networks;
      table.Add({OneLine(each.metric), fmt::format("{:+.2f}", each.pearson.value),
                 IntervalText(each.pearson), fmt::format("{:+.2f}", each.spearman.value),
                 IntervalText(each.spearman)});
    }
    if (networks == 0) continue;
    text += fmt::format("{}, {} networks: {}\n{}\n", OneLine(fit.engine), networks, target.what,
                        table.Text());
  }
  return text + FitText(fit);
}

std::string NetworksText(const std::vector<NetworkMetrics>& networks) {
  Table table({{.heading = "network", .fit = Fit::kShorten},
               {"engine"},
               {"ms", true},
               {"images/s", true},
               {"used", true},
               {"multiply-adds", true},
               {"parameters", true}});
  for (const NetworkMetrics& network : networks) {
    const auto number = [&](const char* name, const char* format, double scale = 1) {
      const auto found = network.metrics.find(name);
      if (found == network.metrics.end()) return std::string("-");
      return fmt::format(fmt::runtime(format), scale * found->second);
    };
    table.Add({OneLine(network.network), OneLine(network.engine), number("latency_ms", "{:.3f}"),
               number("images_per_s", "{:.1f}"), number("utilisation", "{:.0f} %", 100),
               number("multiply_adds", "{:.2f} G", 1e-9), number("parameters", "{:.2f} M", 1e-6)});
  }
  return table.Text();
}

void WriteStudy(const CorrelationStudy& study, const std::string& folder) {
  const auto in = [&](const char* name) { return characterize::InFolder(folder, name); };
  std::string lines;
  for (const NetworkMetrics& network : study.networks) lines += MetricsLine(network);
  WriteFile(in("metrics.jsonl"), lines);
  WriteFile(in("metrics.csv"), MetricsCsv(study.networks));
  WriteFile(in("correlations.json"), StudyJson(study));
  characterize::WritePicture(CorrelationPlot(study), in("correlations"));
  const characterize::Plot fit = FitPlot(study);
  if (!fit.panels.empty()) characterize::WritePicture(fit, in("regression"));
  characterize::Report report("What goes with the speed of networks");
  AddStudy(study, report);
  report.Write(in("report.html"));
}

}  // namespace

Status CorrelateCommand(const CorrelateOptions& options) {
  if (options.point || options.run_only > 0) {
    measure::EndWithParent();
    const auto wanted = MetricsOptionsOf(options, options.networks.front());
    Print(measure::AnswerOf([&] {
      if (options.point) return MetricsLine(characterize::MeasureMetrics(wanted));
      characterize::RunOnly(wanted, options.run_only);
      return std::string("done\n");
    }));
    return Status::kDone;
  }
  const std::vector<std::string> networks =
      options.networks.empty() ? characterize::UsualNetworks() : options.networks;
  constexpr std::size_t kLeastNetworks = 4;
  if (networks.size() < kLeastNetworks) {
    throw UsageError(fmt::format("{} networks say nothing of what goes with what: name at least {}",
                                 networks.size(), kLeastNetworks));
  }
  const characterize::CounterRequest request = characterize::ParseCounterRequest(options.counters);
  std::string note;
  if (request.mode == CounterMode::kCachegrind) {
    characterize::CheckValgrind();
    PrintNote(options.common,
              "note: each network runs under valgrind, too, some fifty times as slow");
  } else {
    note = characterize::OpenCounters(request).note;
  }
  const std::vector<NetworkMetrics> peers = ReadPeerMetrics(options.peers);
  if (!options.output.empty()) {
    characterize::CheckGnuplot();
    characterize::PrepareFolder(options.output);
  }
  // What is wrong with one of them is said before any is measured.
  for (const std::string& network : networks) {
    characterize::OpenWithoutWeights(network, ReadOptionsOf(options.common));
  }
  std::vector<NetworkMetrics> all = MeasureAll(options, networks);
  const std::vector<NetworkMetrics> others = characterize::WithStatic(all, peers);
  all.insert(all.end(), others.begin(), others.end());
  const CorrelationStudy study = characterize::CorrelateMetrics(std::move(all));
  if (!note.empty()) PrintNote(options.common, "note: " + note);
  if (options.common.json) {
    Print(StudyJson(study));
  } else {
    std::string text = NetworksText(study.networks);
    for (const EngineFit& fit : study.fits) text += '\n' + EngineText(study, fit);
    Print(text);
  }
  // Last, so that a disk that is full by then does not take what was measured.
  if (!options.output.empty()) WriteStudy(study, options.output);
  return Status::kDone;
}

}  // namespace kinglet::cli
