// The study of Hanhirova et al. 2018 ("Latency and Throughput Characterization of Convolutional
// Neural Networks for Mobile Computer Vision"), as far as a CPU can repeat it, and what two others
// ask of single networks: where the time of each layer goes, and which figures of networks go with
// their latency (Velasco-Montero et al. 2019).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "characterize/cold/cold.h"
#include "characterize/correlate/study.h"
#include "characterize/profile/profile.h"
#include "characterize/report/report.h"
#include "characterize/split/split.h"
#include "characterize/study/figures.h"
#include "characterize/study/plan.h"
#include "measure/common/machine.h"

namespace kinglet::characterize {

// Everything that was measured.
struct StudyResults {
  bool quick = false;
  std::vector<StudyPart> parts{};
  std::vector<TurnRecord> turns{};     // of all points
  std::vector<SweepPoint> points{};    // of all parts
  std::vector<SweepPoint> pictures{};  // of the detectors on a folder of pictures; none: not asked
  std::vector<TargetPoints> targets{};
  std::vector<ColdReport> cold{};
  std::vector<DetectorSplit> splits{};   // of the detectors
  std::vector<DetectorSplit> classes{};  // one detector, by its number of classes
  std::vector<NetworkProfile> profiles{};
  CorrelationStudy correlation{};
  measure::Machine machine{};
};

// A picture of the study and the name of its files, without a suffix.
struct StudyPicture {
  std::string name;
  std::string part;  // StudyPart::id; "": a file alone, of what a section of the page draws itself
  std::string caption;
  Plot plot;
};

// Those that there is data for, in the order of the page.
std::vector<StudyPicture> StudyPictures(const StudyResults& results);

// The page. Throws as DrawSvg does.
Report StudyReport(const StudyResults& results, std::span<const StudyPicture> pictures);

struct StudyOptions {
  bool quick = false;
  std::string folder;      // that everything goes into
  std::string pictures{};  // folder of pictures for the detectors; "": none
  bool restart = false;    // instead of going on with what is in the folder
  // Takes one cold start of the network on the picture, in a process of its own, which is the
  // caller's program.
  std::function<ColdRun(const std::string& network, const std::string& picture)> cold_start;
  // What is being done, and the share of it that is done, 0 to 1.
  std::function<void(const std::string& what, double share)> progress = [](const std::string&,
                                                                           double) {};
};

// Measures everything, and writes report.html, pictures/, sweeps with their files, and JSON lines
// of the others into the folder. Goes on with the sweeps that are there. Throws Error(kIo) before
// anything is measured where gnuplot is missing or a folder cannot be used, Error(kInvalidInput)
// where there are no pictures in theirs, and as SweepFile, ProfileModel and the others do.
StudyResults RunStudy(const StudyOptions& options);

}  // namespace kinglet::characterize
