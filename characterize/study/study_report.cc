#include <fmt/format.h>

#include <algorithm>

#include "characterize/cold/picture.h"
#include "characterize/cold/section.h"
#include "characterize/correlate/section.h"
#include "characterize/profile/picture.h"
#include "characterize/profile/section.h"
#include "characterize/split/picture.h"
#include "characterize/split/section.h"
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
    for (const StudyPart& part : results_.parts) AddPart(part);
    // The sections of these have their pictures themselves.
    for (const ColdReport& cold : results_.cold) Add("cold_" + cold.network, ColdPlot({cold}));
    if (!results_.splits.empty()) Add("split", SplitPlot(results_.splits));
    if (!results_.classes.empty()) Add("classes", SplitPlot(results_.classes));
    for (const NetworkProfile& profile : results_.profiles) {
      Add("roofline_" + profile.network, RooflinePlot(profile));
    }
    if (!results_.correlation.correlations.empty()) {
      Add("correlation", CorrelationPlot(results_.correlation));
      Add("regression", FitPlot(results_.correlation));
    }
    return std::move(pictures_);
  }

 private:
  void Add(std::string name, Plot plot) { Add(std::move(name), "", "", std::move(plot)); }
  void Add(std::string name, std::string part, std::string caption, Plot plot) {
    if (plot.panels.empty()) return;
    pictures_.push_back({std::move(name), std::move(part), std::move(caption), std::move(plot)});
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
    if (!results_.cold.empty()) AddColdStarts();
    for (const StudyPart& part : results_.parts) AddPart(part);
    if (!results_.splits.empty()) AddDetectors();
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

  void AddColdStarts() {
    Head("Cold start", "figures 1 and 2");
    for (const ColdReport& cold : results_.cold) AddCold({cold}, report_);
  }

  void AddPart(const StudyPart& part) {
    const std::vector<SweepPoint> own = PointsOf(part, results_.points);
    if (own.empty()) return;
    Head(part.title, part.figures);
    report_.AddParagraph(part.text);
    Show(part.id);
    if (!part.pictures.empty()) report_.AddList(SweepWords(own));
  }

  void AddDetectors() {
    Head("Detectors taken apart", "figure 13 and table 1");
    for (const auto* splits : {&results_.splits, &results_.classes}) {
      if (!splits->empty()) AddSplits(*splits, report_);
    }
  }

  void AddProfiles() {
    report_.AddHeading("Layers");
    for (const NetworkProfile& profile : results_.profiles) AddProfile(profile, report_);
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
