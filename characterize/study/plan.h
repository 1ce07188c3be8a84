// The points that the study's figures are made of (Hanhirova et al. 2018: "Latency and Throughput
// Characterization of Convolutional Neural Networks for Mobile Computer Vision"), as far as a CPU
// can repeat them.
#pragma once

#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"

namespace kinglet::characterize {

// One measured part of the study. What its figures show of the points is in figures.h.
struct StudyPart {
  std::string id;       // of its anchor and its files: "batches"
  std::string title;    // "Batch sizes"
  std::string figures;  // of the paper: "figure 5"
  std::string text;     // what is measured, and what to look for
  std::vector<SweepKey> keys{};
  // Which of the sweep's pictures show it (SweepPicture::name).
  std::vector<std::string> pictures{};
};

struct StudyScope {
  bool quick = false;  // fewer batches and instances, for about ten minutes
  int cpus = 2;        // that may be used: the largest number of threads
};

// The classifiers, the detectors and the threads of the paper's figures. The numbers of instances
// go to 2, the figures' own, and to 4 for concurrent batches.
std::vector<StudyPart> StudyParts(const StudyScope& scope);

// Each point once, in the order in which parts need it first.
std::vector<SweepKey> KeysOf(const std::vector<StudyPart>& parts);

// Those of the points that the part is made of, in its order; points that were not measured are
// left out.
std::vector<SweepPoint> PointsOf(const StudyPart& part, const std::vector<SweepPoint>& points);

}  // namespace kinglet::characterize
