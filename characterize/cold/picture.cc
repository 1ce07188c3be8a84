#include "characterize/cold/picture.h"

#include <fmt/format.h>

#include <algorithm>

namespace kinglet::characterize {
namespace {

// All stages, in the order in which they are first met.
std::vector<std::string> ColdStageNames(const std::vector<ColdReport>& reports) {
  std::vector<std::string> names;
  for (const ColdReport& report : reports) {
    for (const auto* stages : {&report.median.first, &report.median.second}) {
      for (const ColdStage& stage : *stages) {
        if (std::find(names.begin(), names.end(), stage.name) == names.end()) {
          names.push_back(stage.name);
        }
      }
    }
  }
  return names;
}

double ColdStageMs(const std::vector<ColdStage>& stages, const std::string& name) {
  double ms = 0;
  for (const ColdStage& stage : stages) ms += stage.name == name ? stage.ms : 0;
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
  for (const std::string& name : ColdStageNames(reports)) {
    Series series;
    series.name = name;
    series.style = Style::kBars;
    for (const ColdReport& report : reports) {
      for (const auto* stages : {&report.median.first, &report.median.second}) {
        series.x.push_back(static_cast<double>(series.x.size()));
        series.y.push_back(ColdStageMs(*stages, name));
      }
    }
    panel.series.push_back(std::move(series));
  }
  return {.title = "", .panels = {std::move(panel)}, .columns = 1};
}

}  // namespace kinglet::characterize
