#include "characterize/split/picture.h"

#include <fmt/format.h>

#include <algorithm>

namespace kinglet::characterize {
namespace {

struct SplitPart {
  const char* name;
  double DetectorSplit::*ms;
};

Panel SplitBars(const std::vector<DetectorSplit>& splits, const std::string& title,
                const std::vector<SplitPart>& parts) {
  Panel panel;
  panel.title = title;
  panel.stacked = panel.horizontal = true;
  panel.y.label = "time of a picture, ms";
  panel.width = 900;
  panel.height = 170 + 60 * static_cast<int>(splits.size());
  for (const DetectorSplit& split : splits) {
    panel.x.names.push_back(split.classes > 0
                                ? fmt::format("{}, {} classes", split.network, split.classes)
                                : split.network);
  }
  for (const SplitPart& part : parts) {
    Series series;
    series.name = part.name;
    series.style = Style::kBars;
    for (const DetectorSplit& split : splits) {
      series.x.push_back(static_cast<double>(series.x.size()));
      series.y.push_back(split.*part.ms);
    }
    panel.series.push_back(std::move(series));
  }
  return panel;
}

}  // namespace

Plot SplitPlot(const std::vector<DetectorSplit>& splits) {
  Plot plot;
  plot.title = fmt::format("Detectors taken apart, threads {}", splits.front().threads);
  plot.columns = 1;
  plot.panels.push_back(SplitBars(splits, "all that a picture goes through",
                                  {{"decoded", &DetectorSplit::read_ms},
                                   {"pre-processing", &DetectorSplit::prepare_ms},
                                   {"network", &DetectorSplit::network_ms},
                                   {"post-processing", &DetectorSplit::answer_ms}}));
  plot.panels.push_back(SplitBars(splits, "post-processing alone",
                                  {{"choosing", &DetectorSplit::choose_ms},
                                   {"decoding", &DetectorSplit::decode_ms},
                                   {"suppression", &DetectorSplit::suppress_ms},
                                   {"other", &DetectorSplit::other_ms}}));
  return plot;
}

}  // namespace kinglet::characterize
