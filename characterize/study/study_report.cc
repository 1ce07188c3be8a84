#include <fmt/format.h>

#include <algorithm>

#include "characterize/cold/picture.h"
#include "characterize/correlate/section.h"
#include "characterize/profile/picture.h"
#include "characterize/split/picture.h"
#include "characterize/study/study.h"
#include "characterize/sweep/sweep_pictures.h"
#include "characterize/sweep/sweep_report.h"
#include "characterize/sweep/sweep_words.h"

namespace kinglet::characterize {
namespace {

class Pictures {
 public:
  explicit Pictures(const StudyResults& results) : results_(results) {}

  std::vector<StudyPicture> Take() {
    if (!results_.cold.empty()) {
      Add("cold", "cold", "From the call of the program to its first answer, and the second one.",
          ColdOfNetworks());
    }
    for (const StudyPart& part : results_.parts) AddPart(part);
    AddSplits();
    for (const NetworkProfile& profile : results_.profiles) {
      Add("roofline_" + profile.network, "layers",
          fmt::format("Layers of {} (batch {}, threads {}) below the roof of this machine.",
                      profile.network, profile.batch, profile.threads),
          RooflinePlot(profile));
    }
    if (!results_.correlation.correlations.empty()) {
      Add("correlation", "correlation",
          "How strongly each figure of a network goes with its latency, with 95 % intervals.",
          CorrelationPlot(results_.correlation));
      Add("regression", "correlation",
          "Latency as the best figures predict it, each network by a regression of the others.",
          FitPlot(results_.correlation));
    }
    return std::move(pictures_);
  }

 private:
  void Add(std::string name, std::string part, std::string caption, Plot plot) {
    if (plot.panels.empty()) return;
    pictures_.push_back({std::move(name), std::move(part), std::move(caption), std::move(plot)});
  }

  // As of engines side by side, which here are networks.
  Plot ColdOfNetworks() const {
    std::vector<ColdReport> reports = results_.cold;
    for (ColdReport& report : reports) report.engine = report.network;
    Plot plot = ColdPlot(reports);
    plot.title.clear();
    plot.panels.front().title = "from the start of the process to an answer (files in memory)";
    return plot;
  }

  void AddPart(const StudyPart& part) {
    const std::vector<SweepPoint> own = PointsOf(part, results_.points);
    if (own.empty()) return;
    for (SweepPicture& picture : SweepPictures(own)) {
      const auto& wanted = part.pictures;
      if (std::find(wanted.begin(), wanted.end(), picture.name) == wanted.end()) continue;
      Add(part.id + "_" + picture.name, part.id, picture.caption, std::move(picture.plot));
    }
    if (part.id == "continuous") {
      Add(part.id, part.id, "Throughput in the turns of each point.",
          ContinuousPlot(part.keys, results_.turns));
    }
    if (part.id == "precision") {
      Add(part.id, part.id, "Throughput by precision.", PrecisionPlot(own));
    }
    if (part.id == "threads" && !results_.targets.empty()) {
      Add(part.id, part.id, "Throughput by instruction set and threads, batch 1.",
          TargetPlot(results_.targets));
    }
    if (part.id == "detectors") {
      const bool seen = !results_.pictures.empty();
      Add(part.id, part.id,
          seen ? "Median latency of the network over all pictures; the bars reach to the 95th "
                 "percentile."
               : "Median latency of the network on random numbers; the bars reach to the 95th "
                 "percentile.",
          LatencyPlot(seen ? results_.pictures : own));
    }
  }

  void AddSplits() {
    if (!results_.splits.empty()) {
      Add("split", "split", "What a picture goes through in each detector.",
          SplitPlot(results_.splits));
    }
    if (!results_.classes.empty()) {
      Add("classes", "split", "The same for more classes.", SplitPlot(results_.classes));
    }
  }

  const StudyResults& results_;
  std::vector<StudyPicture> pictures_;
};

class Page {
 public:
  Page(const StudyResults& results, std::span<const StudyPicture> pictures)
      : results_(results),
        pictures_(pictures),
        report_(results.quick ? "Latency and throughput of networks (quick study)"
                              : "Latency and throughput of networks") {}

  Report Take() {
    report_.AddParagraph(
        "What Hanhirova et al. (2018) measured of convolutional networks for mobile vision, "
        "repeated on this machine. Points were taken in turns; intervals are 95 % confidence "
        "intervals of medians; a point that something else disturbed is marked.");
    if (!results_.cold.empty()) AddCold();
    for (const StudyPart& part : results_.parts) AddPart(part);
    if (!results_.splits.empty()) AddSplits();
    if (!results_.profiles.empty()) AddProfiles();
    if (!results_.correlation.correlations.empty()) AddCorrelation();
    report_.AddHeading("All points");
    AddSweep(report_, results_.points, 2);
    report_.AddHeading("Machine");
    AddMachine(report_, results_.machine);
    return std::move(report_);
  }

 private:
  void Head(const std::string& title, const std::string& figures) {
    report_.AddHeading(title);
    report_.AddParagraph("In the paper: " + figures + ".");
  }

  void Show(const std::string& part) {
    for (const StudyPicture& picture : pictures_) {
      if (picture.part == part) report_.AddPicture(picture.plot, picture.caption);
    }
  }

  void AddCold() {
    Head("Cold start", "figures 1 and 2");
    ReportTable table{.columns = {{"network"},
                                  {"first answer, ms", true},
                                  {"second answer, ms", true},
                                  {"resident, MiB", true}}};
    for (const ColdReport& cold : results_.cold) {
      const auto& stages = cold.median.first;
      table.rows.push_back(
          {cold.network, fmt::format("{:.1f}", cold.first_ms()),
           fmt::format("{:.1f}", cold.second_ms()),
           stages.empty() ? "" : fmt::format("{:.0f}", stages.back().resident_mb)});
    }
    report_.AddTable(table);
    Show("cold");
  }

  void AddPart(const StudyPart& part) {
    const std::vector<SweepPoint> own = PointsOf(part, results_.points);
    if (own.empty()) return;
    Head(part.title, part.figures);
    report_.AddParagraph(part.text);
    Show(part.id);
    if (!part.pictures.empty()) report_.AddList(SweepWords(own));
  }

  void AddSplits() {
    Head("Detectors taken apart", "figure 13 and table 1");
    for (const auto* splits : {&results_.splits, &results_.classes}) {
      if (splits->empty()) continue;
      ReportTable table{.columns = {{"detector"},
                                    {"classes", true},
                                    {"decoded, ms", true},
                                    {"pre-processing", true},
                                    {"network", true},
                                    {"post-processing", true},
                                    {"operators", true},
                                    {"conversions", true},
                                    {"copies", true}}};
      for (const DetectorSplit& split : *splits) {
        StepCounts all;
        for (const StepCounts& part : {split.parts.before, split.parts.body, split.parts.behind}) {
          all.operators += part.operators;
          all.conversions += part.conversions;
          all.copies += part.copies;
        }
        table.rows.push_back({split.network, split.classes > 0 ? std::to_string(split.classes) : "",
                              fmt::format("{:.3f}", split.read_ms),
                              fmt::format("{:.3f}", split.prepare_ms),
                              fmt::format("{:.3f}", split.network_ms),
                              fmt::format("{:.3f}", split.answer_ms), std::to_string(all.operators),
                              std::to_string(all.conversions), std::to_string(all.copies)});
      }
      report_.AddTable(table);
    }
    Show("split");
  }

  void AddProfiles() {
    report_.AddHeading("Layers");
    ReportTable table{.columns = {{"network"},
                                  {"run, ms", true},
                                  {"predicted, ms", true},
                                  {"layers, % of the run", true},
                                  {"% of peak", true},
                                  {"profiling, %", true}}};
    for (const NetworkProfile& profile : results_.profiles) {
      double operations = 0;
      double peak = 0;
      for (const LayerProfile& layer : profile.layers) {
        operations += layer.work.operations;
        peak = std::max(peak, layer.work.peak_gflops);
      }
      const double run = profile.run_seconds;
      table.rows.push_back(
          {profile.network, fmt::format("{:.3f}", 1e3 * run),
           fmt::format("{:.3f}", 1e3 * profile.predicted_seconds),
           fmt::format("{:.1f}", run > 0 ? 100 * profile.layer_seconds() / run : 0),
           fmt::format("{:.1f}", run > 0 && peak > 0 ? 100 * 1e-9 * operations / run / peak : 0),
           fmt::format("{:+.1f}", 100 * profile.overhead)});
    }
    report_.AddTable(table);
    Show("layers");
  }

  void AddCorrelation() {
    report_.AddHeading("What goes with latency");
    report_.AddParagraph(
        "Which figures of whole networks go with how fast they are (Velasco-Montero et al. 2019).");
    AddStudy(results_.correlation, report_);
  }

  const StudyResults& results_;
  std::span<const StudyPicture> pictures_;
  Report report_;
};

}  // namespace

std::vector<StudyPicture> StudyPictures(const StudyResults& results) {
  return Pictures(results).Take();
}

Report StudyReport(const StudyResults& results, std::span<const StudyPicture> pictures) {
  return Page(results, pictures).Take();
}

}  // namespace kinglet::characterize
