#include "characterize/fit/fit_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "characterize/common/output_folder.h"
#include "characterize/pictures/gnuplot.h"
#include "characterize/report/report.h"

namespace kinglet::characterize {
namespace {

constexpr double kPercent = 100;

std::string Percent(double share) { return fmt::format("{:.1f}", kPercent * share); }

std::vector<std::string> Cells(std::string name, const ErrorSummary& errors) {
  return {std::move(name),
          std::to_string(errors.points),
          Percent(errors.median),
          Percent(errors.mean),
          Percent(errors.within_5),
          Percent(errors.within_10),
          fmt::format("{:.4f}", errors.spearman)};
}

ReportTable ErrorTable(std::string first, std::string caption) {
  ReportTable table;
  table.columns = {{std::move(first)},        {"points", true},        {"median error, %", true},
                   {"mean error, %", true},   {"within 5 %, %", true}, {"within 10 %, %", true},
                   {"rank correlation", true}};
  table.caption = std::move(caption);
  return table;
}

Panel ScatterPanel(const FitReport& report, const std::string& method) {
  Panel panel;
  panel.title = method;
  panel.x = {.label = "measured, ms", .log_base = 10};
  panel.y = {.label = "predicted, ms", .log_base = 10};
  Series points{.name = "", .style = Style::kPoints};
  const std::vector<double>& predicted = report.predicted_us.at(method);
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    points.x.push_back(1e-3 * report.measured_us[i]);
    points.y.push_back(1e-3 * predicted[i]);
  }
  const auto [least, most] = std::minmax_element(points.x.begin(), points.x.end());
  Series diagonal{
      .name = "equal", .style = Style::kLines, .x = {*least, *most}, .y = {*least, *most}};
  panel.series = {std::move(points), std::move(diagonal)};
  return panel;
}

}  // namespace

Plot ScatterPlot(const FitReport& report) {
  Plot plot;
  plot.title = report.folds > 0 ? "Predicted and measured, networks whose family was left out"
                                : "Predicted and measured, networks that were held out";
  const bool proxies = report.predicted_us.contains(kMacsMethod);
  plot.panels = {ScatterPanel(report, kPredictorMethod),
                 ScatterPanel(report, proxies ? kMacsMethod : kPhysicalMethod)};
  return plot;
}

Plot FamilyPlot(const FitReport& report) {
  Panel panel;
  panel.title = report.folds > 0 ? "Points within 10 %, each family left out"
                                 : "Points within 10 %, networks that were held out";
  panel.horizontal = true;
  panel.x.label = "family";
  panel.y = {.label = "share of points, %", .from = 0, .to = kPercent};
  const std::set<std::string> families(report.families.begin(), report.families.end());
  panel.x.names.assign(families.begin(), families.end());
  for (const char* method : {"predictor", "physical part"}) {
    Series bars{.name = method, .style = Style::kBars};
    double place = 0;
    for (const std::string& family : families) {
      const ErrorSummary errors =
          report.Errors(method, [&](std::size_t i) { return report.families[i] == family; });
      bars.x.push_back(place++);
      bars.y.push_back(kPercent * errors.within_10);
    }
    panel.series.push_back(std::move(bars));
  }
  panel.height = std::max(420, 60 + 34 * static_cast<int>(families.size()));
  return {.title = "", .panels = {std::move(panel)}};
}

Plot LearningPlot(const FitReport& report) {
  Panel panel;
  panel.title = "Networks learned from, and the error of others";
  panel.x.label = "networks";
  panel.y.label = "median error, %";
  Series curve{.name = ""};
  for (const LearningPoint& point : report.learning) {
    curve.x.push_back(static_cast<double>(point.networks));
    curve.y.push_back(kPercent * point.errors.median);
  }
  panel.series = {std::move(curve)};
  panel.guides = {{.vertical = false, .at = kPercent * report.noise, .text = "noise of measuring"}};
  return {.title = "", .panels = {std::move(panel)}};
}

void WriteFitReport(const FitReport& report, const Predictor& predictor,
                    const std::string& folder) {
  PrepareFolder(folder);
  Report page(report.folds > 0 ? "What the predictor has learned"
                               : "The predictor on networks that were held out");
  page.AddFacts({{"machine", predictor.cpu},
                 {"instruction set", predictor.instruction_set},
                 {"networks", std::to_string(report.networks)},
                 {"points", fmt::format("{}, and {} that are not to be trusted", report.points,
                                        report.dropped)},
                 {"kernels", std::to_string(predictor.kernels.size())},
                 {"noise of measuring", Percent(report.noise) + " %"}});
  page.AddParagraph(
      report.folds > 0
          ? fmt::format("Every point below is predicted by what was learned without its fold of {} "
                        "folds of whole families.",
                        report.folds)
          : "Every point below is of a dataset apart, which the predictor was not learned from.");
  page.AddHeading("Beside simpler proxies");
  ReportTable methods = ErrorTable("by", "All points, the same for each");
  for (const std::string& method : report.methods) {
    methods.rows.push_back(Cells(method, report.Errors(method)));
  }
  page.AddTable(methods);
  page.AddPicture(ScatterPlot(report), "Predicted and measured time of each point");
  page.AddHeading("By family");
  ReportTable families = ErrorTable(
      "family", report.folds > 0 ? "The predictor, each family left out" : "The predictor");
  for (const std::string& family :
       std::set<std::string>(report.families.begin(), report.families.end())) {
    families.rows.push_back(Cells(family, report.Errors("predictor", [&](std::size_t i) {
      return report.families[i] == family;
    })));
  }
  page.AddTable(families);
  page.AddPicture(FamilyPlot(report), "Points within ten per cent");
  page.AddHeading("By batch");
  ReportTable batches = ErrorTable("batch", "The predictor");
  for (const int batch : std::set<int>(report.batches.begin(), report.batches.end())) {
    batches.rows.push_back(Cells(
        std::to_string(batch),
        report.Errors("predictor", [&](std::size_t i) { return report.batches[i] == batch; })));
  }
  page.AddTable(batches);
  if (!report.learning.empty()) {
    page.AddHeading("How many networks it takes");
    page.AddPicture(LearningPlot(report), "Error of networks held out");
    WritePicture(LearningPlot(report), folder + "/learning");
  }
  WritePicture(ScatterPlot(report), folder + "/predicted");
  WritePicture(FamilyPlot(report), folder + "/families");
  page.Write(folder + "/report.html");
}

}  // namespace kinglet::characterize
