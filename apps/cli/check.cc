// kinglet check: may a network run in less than float32?
#include "kinglet/check.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/cli/agreement_report.h"
#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/input_file.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "apps/cli/pictures.h"
#include "kinglet/verdict.h"

namespace kinglet::cli {
namespace {

// Which pictures differ, with --verbose.
void PrintDifferences(const CheckCommandOptions& options, const PrecisionChecker& checker,
                      const std::string& picture, const std::vector<ClassScore>& best) {
  if (!options.common.verbose || best.empty()) return;
  const std::vector<CheckedPrecision> results = checker.Results();
  for (std::size_t i = 1; i < best.size(); ++i) {
    if (best[i].index == best[0].index) continue;
    PrintDetail(options.common, fmt::format("{}: {} {:.3f} in f32, {} {:.3f} in {}",
                                            OneLine(picture), checker.Label(best[0].index),
                                            best[0].score, checker.Label(best[i].index),
                                            best[i].score, PrecisionName(results[i].precision)));
  }
}

void PrintJson(const CheckCommandOptions& options, const std::vector<CheckedPrecision>& results,
               const std::string& file, Precision chosen) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const CheckedPrecision& each : results) {
    list.push_back({{"precision", PrecisionName(each.precision)},
                    {"median_ms", each.milliseconds},
                    {"allowed", each.allowed},
                    {"agreement", AgreementJson(each.agreement)},
                    {"notes", each.notes}});
  }
  Print(JsonLine({{"model", options.network.model},
                  {"budget", ParseShare("--budget", options.budget)},
                  {"threads", ThreadsOf(options.common)},
                  {"precisions", list},
                  {"auto", PrecisionName(chosen)},
                  {"file", file}}));
}

void PrintTable(const std::vector<CheckedPrecision>& results, Precision chosen) {
  Table table({{"precision"},
               {"median ms", true},
               {"agrees", true},
               {"largest difference", true},
               {"mean", true},
               {"allowed"}});
  std::string text;
  for (const CheckedPrecision& each : results) {
    const Agreement& a = each.agreement;
    table.Add({std::string(PrecisionName(each.precision)), fmt::format("{:.3f}", each.milliseconds),
               fmt::format("{:.2f} %", 100 * a.share()),
               fmt::format("{:.3g}", a.largest_difference),
               fmt::format("{:.2g}", a.mean_difference), each.allowed ? "yes" : "no"});
    if (a.compared == a.agreeing && a.largest_difference == 0) continue;  // with itself
    text += fmt::format("{}: {}\n", PrecisionName(each.precision), AgreementText(a));
    for (const std::string& note : each.notes) text += fmt::format("  note: {}\n", note);
  }
  Print(table.Text() + text + fmt::format("--precision auto takes {}\n", PrecisionName(chosen)));
}

}  // namespace

Status CheckCommand(const CheckCommandOptions& options) {
  if (!options.output.empty()) CheckOutputFile(options.output);
  CheckOptions check;
  check.pipeline = PipelineOptionsOf(options.network, options.common);
  check.pipeline.anchors = options.anchors;
  check.budget = ParseShare("--budget", options.budget);
  check.reference = options.reference;
  const PictureList list = ListPictures(options.pictures.images, options.pictures.recursive);
  PrecisionChecker checker(ModelFile(options.network.model), check);
  const auto add = [&](const Picture& picture) {
    PrintDifferences(options, checker, picture.path, checker.Add(picture.image));
  };
  const Status status = ForEachPicture(options.pictures, list, options.common, add);
  const std::vector<CheckedPrecision> results = checker.Results();
  if (results.front().agreement.pictures == 0) {
    if (status != Status::kDone) return status;  // which was said of each
    throw Error(ErrorCode::kInvalidInput, "expected pictures to check precisions with, found none");
  }
  const Precision chosen = FastestAllowed(VerdictsOf(results));
  const bool kept = !options.output.empty() || !options.common.costs.no_cache;
  const std::string file = options.output.empty() ? DefaultVerdictFile() : options.output;
  if (options.common.json) {
    PrintJson(options, results, kept ? file : "", chosen);
  } else if (!options.common.quiet) {
    PrintTable(results, chosen);
  }
  if (kept) checker.Save(options.output);
  if (kept && !options.common.json && !options.common.quiet) {
    Print(fmt::format("kept in {}\n", OneLine(file)));
  }
  return status;
}

}  // namespace kinglet::cli
