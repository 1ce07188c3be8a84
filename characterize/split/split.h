// A detector taken apart: before, inside and behind its network, as Hanhirova et al. (Latency and
// Throughput Characterization of Convolutional Neural Networks for Mobile Computer Vision, 2018)
// split theirs.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kinglet/model.h"
#include "kinglet/onnx.h"
#include "measure/common/repeat.h"

namespace kinglet::characterize {

// Steps of the network's plan by what they do.
struct StepCounts {
  std::size_t operators = 0;    // that compute
  std::size_t conversions = 0;  // of layout or type
  std::size_t copies = 0;       // that move values and compute nothing
  double operator_ms = 0, conversion_ms = 0, copy_ms = 0;

  std::size_t steps() const { return operators + conversions + copies; }
  double ms() const { return operator_ms + conversion_ms + copy_ms; }
};

enum class StepKind { kOperator, kConversion, kCopy };
StepKind KindOf(const StepInfo& step);

// The steps in front of the first convolution or product, from it to the last one, and behind; all
// are body where there is none.
struct NetworkParts {
  StepCounts before{}, body{}, behind{};
};
// `seconds` has the time of each step.
NetworkParts PartsOf(const std::vector<StepInfo>& steps, const std::vector<double>& seconds);

struct DetectorSplit {
  std::string network;
  int classes = 0;  // without the background; 0: not known
  int threads = 1;
  std::size_t pictures = 0;
  // The scores that the post-processing is timed on are made up as those of a trained detector
  // are, because the weights are random.
  bool made_up = false;
  double detections = 0;  // of a picture, mean
  // Milliseconds of one picture, medians.
  double read_ms = 0;     // the file decoded
  double prepare_ms = 0;  // pre-processing: resized, normalised, laid out
  double network_ms = 0;
  double answer_ms = 0;  // post-processing, which consists of:
  double choose_ms = 0;  // scores that pass, the best of all classes
  double decode_ms = 0;  // codes and anchors to boxes
  double suppress_ms = 0;
  double other_ms = 0;  // gathered from feature maps, back in the picture
  NetworkParts parts{};

  double all_ms() const { return read_ms + prepare_ms + network_ms + answer_ms; }
};

struct SplitOptions {
  std::string network;                  // as OpenNetwork takes it
  std::string descriptor;               // name or file; "": the network's own, or the one beside it
  int classes = 0;                      // of an architecture that is built so; 0: as it is
  std::vector<std::string> pictures{};  // files; none: one that is drawn, of 640 x 480
  int threads = 1;
  ReadOptions read{};
  CompileOptions compile{};   // its `threads` are not used
  double budget_seconds = 3;  // of the runs, about
};

// Measures the parts in this process. Throws Error as what it calls does, and Error(kInvalidInput)
// for a network that is no detector, or whose number of classes cannot be changed.
DetectorSplit SplitDetector(const SplitOptions& options);

// One object on one line.
std::string SplitJson(const DetectorSplit& split);

}  // namespace kinglet::characterize
