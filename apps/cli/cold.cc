// kinglet cold: what passes between the call of the program and its first answer?
#include "characterize/cold/cold.h"

#include <fmt/format.h>

#include <chrono>

#include "apps/cli/costs.h"
#include "apps/cli/input_file.h"
#include "apps/cli/model_options.h"
#include "apps/cli/output.h"
#include "apps/cli/profile_commands.h"
#include "apps/cli/progress.h"
#include "characterize/cold/page_cache.h"
#include "characterize/cold/picture.h"
#include "characterize/common/output_folder.h"
#include "characterize/pictures/gnuplot.h"
#include "kinglet/file.h"
#include "kinglet/image.h"
#include "measure/common/answer.h"
#include "measure/common/process.h"

namespace kinglet::cli {
namespace {

using characterize::ColdReport;
using characterize::ColdRun;
using characterize::ColdStage;

characterize::ColdOptions ColdOptionsOf(const ColdCommandOptions& options) {
  characterize::ColdOptions cold;
  cold.network = options.network;
  cold.descriptor = options.descriptor;
  cold.picture = options.picture;
  cold.threads = ThreadsOf(options.common);
  cold.read = ReadOptionsOf(options.common);
  cold.compile = CompileOptionsOf(options.common);
  cold.started_ns = options.started;
  return cold;
}

// How this command calls itself for one turn, from now.
std::vector<std::string> ColdArguments(const ColdCommandOptions& options) {
  std::vector<std::string> arguments = {"cold", "--point", "--threads",
                                        std::to_string(ThreadsOf(options.common))};
  for (const auto& more : {ArgumentsOf(options.common.costs), ArgumentsOf(options.common.model)}) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  if (!options.descriptor.empty()) {
    arguments.insert(arguments.end(), {"--descriptor", options.descriptor});
  }
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto started = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  arguments.insert(arguments.end(),
                   {"--started", std::to_string(started), "--", options.network, options.picture});
  return arguments;
}

std::vector<ColdReport> ReadColdPeers(const std::string& file) {
  std::vector<ColdReport> reports;
  if (file.empty()) return reports;
  for (const PlacedLine& line : ReadLines(file)) {
    reports.push_back(characterize::ParseColdReport(line.text, line.place));
  }
  return reports;
}

std::string ColdTable(const ColdReport& report) {
  Table table({{report.engine, false, 20},
               {"ms", true, 9},
               {"page faults", true},
               {"from disk", true},
               {"MiB behind it", true}});
  const auto add = [&](const std::vector<ColdStage>& stages, const char* sum, double ms) {
    for (const ColdStage& stage : stages) {
      table.Add({OneLine(stage.name), fmt::format("{:.2f}", stage.ms),
                 fmt::format("{:.0f}", stage.page_faults), fmt::format("{:.0f}", stage.disk_faults),
                 fmt::format("{:.1f}", stage.resident_mb)});
    }
    table.Add({sum, fmt::format("{:.2f}", ms), "", "", ""});
  };
  add(report.median.first, "(first answer)", report.first_ms());
  add(report.median.second, "(second answer)", report.second_ms());
  return table.Text();
}

std::string ColdHead(const ColdReport& report) {
  return fmt::format("{}, {}, threads {}: medians of {} processes; {}\n\n", OneLine(report.network),
                     OneLine(report.picture), report.threads, report.turns,
                     report.cache_dropped ? "model and picture come from the disk"
                                          : "model and picture are in memory (warm page cache)");
}

}  // namespace

ColdRun TakeColdTurn(const ColdCommandOptions& options) {
  if (options.drop_cache) characterize::DropFromMemory({options.network, options.picture});
  const std::string line = measure::CheckedAnswer(
      measure::RunOwnProcess("kinglet", ColdArguments(options)), options.network + ": ");
  return characterize::ParseColdRun(line, "the process's result");
}

Status ColdCommand(const ColdCommandOptions& options) {
  if (options.point) {
    measure::EndWithParent();
    Print(measure::AnswerOf(
        [&] { return ColdRunLine(characterize::RunCold(ColdOptionsOf(options))); }));
    return Status::kDone;
  }
  if (options.common.costs.tune || options.common.costs.precision == "auto") {
    throw UsageError(
        "--tune and --precision auto measure or look up before a network is prepared, "
        "and a cold start does not; name a precision, and run kinglet tune before");
  }
  if (IsStream(options.network)) {
    throw UsageError("a cold start needs a model that each process can read anew: name a file");
  }
  ReadImage(options.picture);  // what is wrong with it is said now
  std::vector<ColdReport> reports = ReadColdPeers(options.peers);
  if (!options.output.empty()) {
    characterize::CheckGnuplot();
    characterize::PrepareFolder(options.output);
  }
  std::vector<ColdRun> runs;
  Progress progress(static_cast<std::size_t>(options.turns), !options.common.quiet);
  if (!options.drop_cache) TakeColdTurn(options);  // brings the files into memory
  for (std::size_t turn = 0; turn < static_cast<std::size_t>(options.turns); ++turn) {
    progress.Show(turn, options.network);
    runs.push_back(TakeColdTurn(options));
  }
  Progress::Hide();
  ColdReport report;
  report.network = options.network;
  report.picture = options.picture;
  report.threads = ThreadsOf(options.common);
  report.turns = runs.size();
  report.cache_dropped = options.drop_cache;
  report.median = MedianOf(runs);
  report.machine = measure::ThisMachine();
  reports.insert(reports.begin(), report);
  if (options.common.json) {
    for (const ColdReport& each : reports) Print(ColdReportLine(each));
  } else {
    std::string text = ColdHead(report);
    for (const ColdReport& each : reports) text += ColdTable(each) + '\n';
    text.pop_back();
    Print(text);
  }
  // Last, so that a disk that is full by then does not take what was measured.
  if (!options.output.empty()) {
    std::string lines;
    for (const ColdReport& each : reports) lines += ColdReportLine(each);
    WriteFile(characterize::InFolder(options.output, "cold.jsonl"), lines);
    characterize::WritePicture(characterize::ColdPlot(reports),
                               characterize::InFolder(options.output, "cold"));
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
