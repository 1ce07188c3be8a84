#include "apps/cli/evaluation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/cli/output.h"
#include "kinglet/classify.h"

namespace kinglet::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kTop = 5;

// -1 says that there is nothing to find: a share of no pictures, or no things of that kind.
double Share(std::size_t part, std::size_t whole) {
  return whole == 0 ? -1 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string Percent(double share) { return share < 0 ? "-" : fmt::format("{:.2f} %", 100 * share); }
Json NumberOrNull(double value) { return value < 0 ? Json(nullptr) : Json(value); }
std::string NumberOrDash(double value) { return value < 0 ? "-" : fmt::format("{:.4f}", value); }

struct AccuracyRow {
  const char* key;
  const char* text;
  double value;
};

std::vector<AccuracyRow> AccuracyRows(const DetectionAccuracy& a) {
  return {{"ap", "AP    IoU 0.5 to 0.95", a.ap},
          {"ap50", "AP50  IoU 0.5", a.ap50},
          {"ap75", "AP75  IoU 0.75", a.ap75},
          {"ap_small", "APs   below 32 x 32 pixels", a.ap_small},
          {"ap_medium", "APm   to 96 x 96 pixels", a.ap_medium},
          {"ap_large", "APl   above", a.ap_large},
          {"ar1", "AR1   1 detection of a class", a.ar1},
          {"ar10", "AR10  10 detections", a.ar10},
          {"ar100", "AR100 100 detections", a.ar100},
          {"ar_small", "ARs   below 32 x 32 pixels", a.ar_small},
          {"ar_medium", "ARm   to 96 x 96 pixels", a.ar_medium},
          {"ar_large", "ARl   above", a.ar_large}};
}

// The first of them in quotes; of a long list how many more there are.
std::string Some(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + '\'';
  }
  return names.size() > kMost ? text + fmt::format(" and {} more", names.size() - kMost) : text;
}

std::vector<std::string> NamesOf(const DetectionDataset& dataset,
                                 const std::vector<std::int64_t>& categories) {
  std::vector<std::string> names;
  for (const std::int64_t id : categories) names.push_back(dataset.categories.at(id));
  return names;
}

}  // namespace

void PrintCategoryWarnings(const CommonOptions& options, const DetectionDataset& dataset,
                           const CategoryMatch& match) {
  const auto warn = [&](const char* what, const std::string& count,
                        const std::vector<std::string>& names) {
    if (names.empty()) return;
    PrintNote(options, fmt::format("warning: {} ({}): {}", what, count, Some(names)));
  };
  warn("categories of the dataset are no class names of the network, and count as not found",
       fmt::format("{} of {}", match.unmatched.size(), dataset.categories.size()),
       NamesOf(dataset, match.unmatched));
  warn("categories of the dataset share a name, and detections count for the one of lowest id",
       std::to_string(match.repeated_categories.size()), match.repeated_categories);
  warn("classes of the network share a name, and their detections count for the same category",
       std::to_string(match.repeated_labels.size()), match.repeated_labels);
}

ClassificationReport::ClassificationReport(const Classifier& classifier)
    : classifier_(classifier), classes_(classifier.classes()) {}

void ClassificationReport::Add(std::size_t label, const std::vector<float>& scores) {
  const std::vector<ClassScore> top = TopScores(scores, kTop);
  const auto right = std::find_if(top.begin(), top.end(),
                                  [&](const ClassScore& score) { return score.index == label; });
  for (Count* count : {&total_, &classes_.at(label)}) {
    ++count->pictures;
    count->top1 += right == top.begin();
    count->top5 += right != top.end();
  }
}

void ClassificationReport::Show(const EvaluateOptions& options, std::size_t failed) const {
  if (options.common.json) {
    ShowJson(options, failed);
  } else {
    ShowTable(options, failed);
  }
}

void ClassificationReport::ShowJson(const EvaluateOptions& options, std::size_t failed) const {
  Json line = {{"task", "classify"},
               {"model", classifier_.name()},
               {"dataset", options.dataset},
               {"pictures", total_.pictures},
               {"failed", failed},
               {"top1", NumberOrNull(Share(total_.top1, total_.pictures))},
               {"top5", NumberOrNull(Share(total_.top5, total_.pictures))},
               {"classes", Json::array()}};
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    const Count& count = classes_[i];
    if (count.pictures == 0) continue;
    line["classes"].push_back({{"index", i},
                               {"label", classifier_.Label(i)},
                               {"pictures", count.pictures},
                               {"top1", Share(count.top1, count.pictures)},
                               {"top5", Share(count.top5, count.pictures)}});
  }
  Print(JsonLine(line));
}

void ClassificationReport::ShowTable(const EvaluateOptions& options, std::size_t failed) const {
  if (!options.common.quiet) {
    Table table({{.heading = "class", .fit = Fit::kShorten},
                 {"pictures", true},
                 {"top-1", true},
                 {"top-5", true}});
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      const Count& count = classes_[i];
      if (count.pictures == 0) continue;
      table.Add({classifier_.Label(i), std::to_string(count.pictures),
                 Percent(Share(count.top1, count.pictures)),
                 Percent(Share(count.top5, count.pictures))});
    }
    Print(table.Text());
  }
  const std::string unread = failed == 0 ? "" : fmt::format(", {} not read", failed);
  Print(fmt::format("{}: top-1 {}, top-5 {} of {} pictures{}\n", OneLine(classifier_.name()),
                    Percent(Share(total_.top1, total_.pictures)),
                    Percent(Share(total_.top5, total_.pictures)), total_.pictures, unread));
}

void ShowDetectionReport(const EvaluateOptions& options, const DetectionDataset& dataset,
                         const DetectionAccuracy& accuracy, const DetectionRun& run) {
  if (options.common.json) {
    Json line = {{"task", "detect"},           {"model", run.model},
                 {"dataset", options.dataset}, {"pictures", dataset.images.size()},
                 {"failed", run.failed},       {"detections", run.detections}};
    for (const AccuracyRow& row : AccuracyRows(accuracy)) line[row.key] = NumberOrNull(row.value);
    if (run.match) {
      line["unmatched_categories"] = NamesOf(dataset, run.match->unmatched);
      line["repeated_categories"] = run.match->repeated_categories;
      line["repeated_labels"] = run.match->repeated_labels;
    }
    line["classes"] = Json::array();
    for (const auto& [id, ap] : accuracy.category_ap) {
      line["classes"].push_back({{"id", id}, {"label", dataset.categories.at(id)}, {"ap", ap}});
    }
    Print(JsonLine(line));
    return;
  }
  Table table({{"measure"}, {"value", true}});
  for (const AccuracyRow& row : AccuracyRows(accuracy))
    table.Add({row.text, NumberOrDash(row.value)});
  Print(table.Text());
  if (options.common.quiet) return;
  Table classes({{.heading = "class", .fit = Fit::kShorten}, {"AP", true}});
  for (const auto& [id, ap] : accuracy.category_ap) {
    classes.Add({OneLine(dataset.categories.at(id)), NumberOrDash(ap)});
  }
  Print('\n' + classes.Text());
  const std::string unread = run.failed == 0 ? "" : fmt::format(", {} not read", run.failed);
  Print(fmt::format("{}: {} detections in {} pictures{}\n", OneLine(run.model), run.detections,
                    dataset.images.size(), unread));
}

}  // namespace kinglet::cli
