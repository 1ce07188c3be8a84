// From names and files on the command line to a detector that is ready to run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/network.h"
#include "kinglet/descriptor.h"
#include "kinglet/model.h"

namespace kinglet::cli {

struct DetectorOverrides {
  std::optional<double> threshold;
  std::optional<double> iou;
  std::optional<int> max_detections;
  std::string nms;      // "per-class", "fast"; "": the descriptor's
  std::string anchors;  // file; "": the descriptor's, or the one beside the model
};

struct DetectorNetwork {
  std::string name;       // the model as it was given, or "demo_detector"
  Descriptor descriptor;  // fitted to the model, with what the command line overrides
  Model model;
  std::vector<std::string> labels;  // one for each class, or none
  std::string anchors;              // file; "": the descriptor's

  std::string Label(std::size_t index) const;
};

// Reads, compiles and, where the size of the input is fixed, plans.
DetectorNetwork OpenDetector(const NetworkOptions& network, const DetectorOverrides& overrides,
                             const CommonOptions& options);

}  // namespace kinglet::cli
