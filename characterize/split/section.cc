#include "characterize/split/section.h"

#include <fmt/format.h>

#include "characterize/split/picture.h"

namespace kinglet::characterize {
namespace {

ReportTable SplitTimes(const std::vector<DetectorSplit>& splits) {
  ReportTable table;
  table.caption = "Milliseconds of a picture";
  table.columns = {{"network"},           {"classes", true},
                   {"decoded", true},     {"pre-processing", true},
                   {"network", true},     {"post-processing", true},
                   {"choosing", true},    {"decoding", true},
                   {"suppression", true}, {"other", true},
                   {"detections", true}};
  const auto ms = [](double value) { return fmt::format("{:.3f}", value); };
  for (const DetectorSplit& split : splits) {
    table.rows.push_back({split.network, std::to_string(split.classes), ms(split.read_ms),
                          ms(split.prepare_ms), ms(split.network_ms), ms(split.answer_ms),
                          ms(split.choose_ms), ms(split.decode_ms), ms(split.suppress_ms),
                          ms(split.other_ms), fmt::format("{:.1f}", split.detections)});
  }
  return table;
}

ReportTable SplitSteps(const std::vector<DetectorSplit>& splits) {
  ReportTable table;
  table.caption = "Steps of the networks: how many, and their milliseconds";
  table.columns = {{"network"},         {"classes", true}, {"part"},
                   {"operators", true}, {"ms", true},      {"conversions", true},
                   {"ms", true},        {"copies", true},  {"ms", true}};
  for (const DetectorSplit& split : splits) {
    const auto add = [&](const char* part, const StepCounts& counts) {
      if (counts.steps() == 0) return;
      table.rows.push_back(
          {split.network, std::to_string(split.classes), part, std::to_string(counts.operators),
           fmt::format("{:.3f}", counts.operator_ms), std::to_string(counts.conversions),
           fmt::format("{:.3f}", counts.conversion_ms), std::to_string(counts.copies),
           fmt::format("{:.3f}", counts.copy_ms)});
    };
    add("before convolutions", split.parts.before);
    add("convolutions and between", split.parts.body);
    add("behind convolutions", split.parts.behind);
  }
  return table;
}

}  // namespace

void AddSplits(const std::vector<DetectorSplit>& splits, Report& report) {
  report.AddPicture(SplitPlot(splits), "What a picture goes through in each detector");
  report.AddTable(SplitTimes(splits));
  report.AddTable(SplitSteps(splits));
  for (const DetectorSplit& split : splits) {
    if (!split.made_up) continue;
    report.AddParagraph(
        "Where weights are random, post-processing is timed on scores that are "
        "made up as a trained detector's are: random ones pass by the thousands.");
    return;
  }
}

}  // namespace kinglet::characterize
