// kinglet fit and kinglet score: from a dataset to a predictor, and how far it can be trusted.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/cli/foresight.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "characterize/common/output_folder.h"
#include "characterize/fit/evaluate.h"
#include "characterize/fit/fit_report.h"
#include "characterize/fit/score.h"
#include "characterize/pictures/gnuplot.h"
#include "characterize/predict/builtin.h"
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

// What both commands say of a report, beside facts of their own.
Json FitReportJson(Json facts, const FitReport& report) {
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
  facts["networks"] = report.networks;
  facts["points"] = report.points;
  facts["dropped"] = report.dropped;
  facts["noise"] = report.noise;
  facts["methods"] = std::move(methods);
  facts["families"] = std::move(families);
  facts["batches"] = std::move(batches);
  return facts;
}

std::string FitReportText(const FitReport& report) {
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
  return fmt::format(
             "{} networks, {} points; {} more are not to be trusted; noise of measuring {:.1f} %\n",
             report.networks, report.points, report.dropped, 100 * report.noise) +
         '\n' + methods.Text() + '\n' + families.Text() + '\n' + batches.Text();
}

void PrintFit(const FitOptions& options, const FitReport& report,
              const characterize::Predictor& predictor) {
  if (options.common.json) {
    Json json = FitReportJson({{"predictor", options.output},
                               {"folds", report.folds},
                               {"kernels", predictor.kernels.size()}},
                              report);
    Json learning = Json::array();
    for (const characterize::LearningPoint& point : report.learning) {
      learning.push_back({{"networks", point.networks}, {"errors", ErrorsJson(point.errors)}});
    }
    json["learning"] = std::move(learning);
    Print(JsonLine(json));
    return;
  }
  std::string text =
      fmt::format("{} kernels; errors of points whose family was left out ({} folds)\n",
                  predictor.kernels.size(), report.folds) +
      FitReportText(report);
  if (!report.learning.empty()) {
    Table learning = FitTable("networks learned from");
    for (const characterize::LearningPoint& point : report.learning) {
      learning.Add(FitCells(std::to_string(point.networks), point.errors));
    }
    text += '\n' + learning.Text();
  }
  Print(text);
}

void PrintScore(const ScoreOptions& options, const characterize::Score& score) {
  if (options.common.json) {
    Print(JsonLine(FitReportJson({{"predictor", options.predictor},
                                  {"in_interval", score.in_interval},
                                  {"seen", score.seen},
                                  {"foreign", score.foreign}},
                                 score.report)));
    return;
  }
  std::string text = FitReportText(score.report) +
                     fmt::format("\n{:.1f} % of the points lie in the interval of 80 %\n",
                                 100 * score.in_interval);
  if (score.seen > 0) {
    text += fmt::format("left out: {} points of networks that were learned from\n", score.seen);
  }
  if (score.foreign) text += "learned on another kind of machine than the dataset's\n";
  Print(text);
}

// Before anything is read or learned.
void CheckReport(const std::string& folder) {
  if (folder.empty()) return;
  characterize::CheckGnuplot();
  characterize::PrepareFolder(folder);
}

// The one that is named, or the built-in one for the dataset's instruction set.
characterize::Predictor PredictorToScore(const ScoreOptions& options,
                                         const characterize::Dataset& dataset) {
  if (!options.predictor.empty()) return characterize::ReadPredictor(options.predictor);
  for (const auto& [key, machine] : dataset.machines) {
    std::optional<characterize::Predictor> built_in =
        characterize::BuiltInPredictor(machine.instruction_set);
    if (built_in) return *std::move(built_in);
  }
  throw Error(ErrorCode::kInvalidInput,
              options.dataset +
                  ": no predictor is built in for its machine; name one with "
                  "--predictor");
}

}  // namespace

Status FitCommand(const FitOptions& options) {
  CheckOutputFile(options.output);
  if (const std::string problem = characterize::BoostingProblem(); !problem.empty()) {
    throw Error(ErrorCode::kUnsupported, problem);
  }
  CheckReport(options.report);
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

Status ScoreCommand(const ScoreOptions& options) {
  CheckReport(options.report);
  const characterize::Dataset dataset = characterize::ReadDataset(options.dataset);
  const characterize::Predictor predictor = PredictorToScore(options, dataset);
  std::optional<characterize::Dataset> learned;
  if (!options.learned.empty()) learned = characterize::ReadDataset(options.learned);
  const characterize::Score score = characterize::ScorePredictor(predictor, dataset, learned);
  PrintScore(options, score);
  if (!options.report.empty()) {
    characterize::WriteFitReport(score.report, predictor, options.report);
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
