#include "characterize/cold/section.h"

#include <fmt/format.h>

#include "characterize/cold/picture.h"

namespace kinglet::characterize {
namespace {

ReportTable StageTable(const ColdReport& cold) {
  ReportTable table;
  table.caption = fmt::format("{}: medians of {} processes", cold.engine, cold.turns);
  table.columns = {
      {"stage"}, {"ms", true}, {"page faults", true}, {"from disk", true}, {"MiB behind it", true}};
  const auto add = [&](const std::vector<ColdStage>& stages, const char* sum, double ms) {
    for (const ColdStage& stage : stages) {
      table.rows.push_back(
          {stage.name, fmt::format("{:.2f}", stage.ms), fmt::format("{:.0f}", stage.page_faults),
           fmt::format("{:.0f}", stage.disk_faults), fmt::format("{:.1f}", stage.resident_mb)});
    }
    table.rows.push_back({sum, fmt::format("{:.2f}", ms), "", "", ""});
  };
  add(cold.median.first, "first answer", cold.first_ms());
  add(cold.median.second, "second answer", cold.second_ms());
  return table;
}

}  // namespace

void AddCold(const std::vector<ColdReport>& reports, Report& report) {
  const ColdReport& own = reports.front();
  report.AddHeading(fmt::format("{}, threads {}", own.network, own.threads), 2);
  report.AddParagraph(fmt::format(
      "{:.1f} ms pass from the start of the process to the first answer, {:.1f} ms to a second "
      "one; {}.",
      own.first_ms(), own.second_ms(),
      own.cache_dropped ? "model and picture come from the disk"
                        : "model and picture are in memory (a warm page cache)"));
  report.AddPicture(ColdPlot(reports), "Stages from the start of a process to its answers");
  for (const ColdReport& each : reports) report.AddTable(StageTable(each));
}

}  // namespace kinglet::characterize
