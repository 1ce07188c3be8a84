#include "characterize/cold/picture.h"

#include <fmt/format.h>

#include <algorithm>

namespace kinglet::characterize {
namespace {

// What a bar is made of: stages that are small, or the same to who waits, are one part.
struct ColdPart {
  const char* name;
  std::vector<std::string> stages;
};
const std::vector<ColdPart>& ColdParts() {
  static const std::vector<ColdPart> parts = {
      {"process started", {"process started", "libraries loaded"}},
      {"file mapped and parsed", {"file mapped", "parsed"}},
      {"optimised", {"optimised"}},
      {"planned and packed", {"planned and packed"}},
      {"session made", {"session made"}},
      {"picture decoded and prepared", {"picture decoded", "picture prepared"}},
      {"network run", {"network run"}},
      {"answer made", {"answer made"}}};
  return parts;
}

double PartMs(const std::vector<ColdStage>& stages, const ColdPart& part) {
  double ms = 0;
  for (const ColdStage& stage : stages) {
    const auto found = std::find(part.stages.begin(), part.stages.end(), stage.name);
    if (found != part.stages.end()) ms += stage.ms;
  }
  return ms;
}

}  // namespace

Plot ColdPlot(const std::vector<ColdReport>& reports) {
  Panel panel;
  const ColdReport& first = reports.front();
  panel.title =
      fmt::format("{}, threads {}: from the start of the process to an answer ({})", first.network,
                  first.threads, first.cache_dropped ? "files not in memory" : "files in memory");
  panel.horizontal = panel.stacked = true;
  panel.width = 1000;
  panel.height = 180 + 110 * static_cast<int>(reports.size());
  panel.y.label = "time, ms";
  for (const ColdReport& report : reports) {
    panel.x.names.push_back(report.engine + ": first answer");
    panel.x.names.push_back(report.engine + ": second answer");
  }
  for (const ColdPart& part : ColdParts()) {
    Series series;
    series.name = part.name;
    series.style = Style::kBars;
    for (const ColdReport& report : reports) {
      for (const auto* stages : {&report.median.first, &report.median.second}) {
        series.x.push_back(static_cast<double>(series.x.size()));
        series.y.push_back(PartMs(*stages, part));
      }
    }
    const bool there =
        std::any_of(series.y.begin(), series.y.end(), [](double ms) { return ms > 0; });
    if (there) panel.series.push_back(std::move(series));
  }
  return {.title = "", .panels = {std::move(panel)}, .columns = 1};
}

}  // namespace kinglet::characterize
