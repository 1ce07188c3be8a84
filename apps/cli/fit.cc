// kinglet fit: from a dataset to a predictor, and how far it can be trusted.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "apps/cli/foresight.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "characterize/common/output_folder.h"
#include "characterize/fit/evaluate.h"
#include "characterize/fit/fit_report.h"
#include "characterize/pictures/gnuplot.h"
#include "kinglet/file.h"

namespace kinglet::cli {
namespace {

using characterize::ErrorSummary;
using characterize::FitReport;
using Json = nlohmann::ordered_json;

Json ErrorsJson(const ErrorSummary& errors) {
  return {{"points", errors.points},       {"median", errors.median},
          {"mean", errors.mean},           {"within_5", errors.within_5},
          {"within_10", errors.within_10}, {"spearman", errors.spearman}};
}

std::vector<std::string> FitCells(std::string name, const ErrorSummary& errors) {
  const auto percent = [](double share) { return fmt::format("{:.1f}", 100 * share); };
  return {std::move(name),
          std::to_string(errors.points),
          percent(errors.median),
          percent(errors.mean),
          percent(errors.within_5),
          percent(errors.within_10),
          fmt::format("{:.4f}", errors.spearman)};
}

Table FitTable(const std::string& first) {
  return Table({{.heading = first, .fit = Fit::kShorten},
                {"points", true},
                {"median %", true},
                {"mean %", true},
                {"in 5 %", true},
                {"in 10 %", true},
                {"rank corr.", true}});
}

// Rows of the predictor, one for each of `keys`, which `key_of` gives of a point.
template <typename Key, typename KeyOf>
void ForEachKey(const FitReport& report, const std::vector<Key>& keys, KeyOf&& row) {
  for (const Key& key : std::set<Key>(keys.begin(), keys.end())) {
    row(key, report.Errors("predictor", [&](std::size_t i) { return keys[i] == key; }));
  }
}

void PrintFit(const FitOptions& options, const FitReport& report,
              const characterize::Predictor& predictor) {
  if (options.common.json) {
    Json methods = Json::object();
    Json families = Json::object();
    Json batches = Json::object();
    for (const std::string& method : report.methods) {
      methods[method] = ErrorsJson(report.Errors(method));
    }
    ForEachKey(report, report.families, [&](const std::string& key, const ErrorSummary& errors) {
      families[key] = ErrorsJson(errors);
    });
    ForEachKey(report, report.batches, [&](int key, const ErrorSummary& errors) {
      batches[std::to_string(key)] = ErrorsJson(errors);
    });
    Json learning = Json::array();
    for (const characterize::LearningPoint& point : report.learning) {
      learning.push_back({{"networks", point.networks}, {"errors", ErrorsJson(point.errors)}});
    }
    Print(JsonLine({{"predictor", options.output},
                    {"networks", report.networks},
                    {"points", report.points},
                    {"dropped", report.dropped},
                    {"folds", report.folds},
                    {"noise", report.noise},
                    {"kernels", predictor.kernels.size()},
                    {"methods", std::move(methods)},
                    {"families", std::move(families)},
                    {"batches", std::move(batches)},
                    {"learning", std::move(learning)}}));
    return;
  }
  std::string text = fmt::format(
      "{} networks, {} points; {} more are not to be trusted; noise of measuring {:.1f} %\n"
      "{} kernels; errors of points whose family was left out ({} folds)\n\n",
      report.networks, report.points, report.dropped, 100 * report.noise, predictor.kernels.size(),
      report.folds);
  Table methods = FitTable("by");
  for (const std::string& method : report.methods) {
    methods.Add(FitCells(method, report.Errors(method)));
  }
  Table families = FitTable("family");
  ForEachKey(report, report.families, [&](const std::string& key, const ErrorSummary& errors) {
    families.Add(FitCells(OneLine(key), errors));
  });
  Table batches = FitTable("batch");
  ForEachKey(report, report.batches, [&](int key, const ErrorSummary& errors) {
    batches.Add(FitCells(std::to_string(key), errors));
  });
  text += methods.Text() + '\n' + families.Text() + '\n' + batches.Text();
  if (!report.learning.empty()) {
    Table learning = FitTable("networks learned from");
    for (const characterize::LearningPoint& point : report.learning) {
      learning.Add(FitCells(std::to_string(point.networks), point.errors));
    }
    text += '\n' + learning.Text();
  }
  Print(text);
}

}  // namespace

Status FitCommand(const FitOptions& options) {
  CheckOutputFile(options.output);
  if (const std::string problem = characterize::BoostingProblem(); !problem.empty()) {
    throw Error(ErrorCode::kUnsupported, problem);
  }
  if (!options.report.empty()) {
    characterize::CheckGnuplot();
    characterize::PrepareFolder(options.report);
  }
  const characterize::Dataset dataset = characterize::ReadDataset(options.dataset);
  characterize::FitOptions fit;
  fit.folds = options.folds;
  fit.boosting.seed = options.seed;
  fit.boosting.rounds = options.rounds;
  fit.boosting.depth = options.depth;
  fit.learning = !options.no_curve;
  std::unique_ptr<Progress> bar;
  fit.progress = [&](std::size_t done, std::size_t total) {
    if (bar == nullptr) bar = std::make_unique<Progress>(total, !options.common.quiet);
    bar->Show(done, "learning");
  };
  FitReport report;
  characterize::Predictor predictor = characterize::Fit(dataset, fit, report);
  predictor.note = options.note;
  Progress::Hide();
  WriteFile(options.output, characterize::PredictorToJson(predictor));
  PrintFit(options, report, predictor);
  if (!options.report.empty()) characterize::WriteFitReport(report, predictor, options.report);
  return Status::kDone;
}

}  // namespace kinglet::cli
