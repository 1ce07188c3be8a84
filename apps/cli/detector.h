// From names and files on the command line to a detector that is ready to run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/network.h"
#include "apps/cli/picture_runner.h"
#include "kinglet/descriptor.h"
#include "kinglet/detect.h"
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
  std::string name;  // the model as it was given, or "demo_detector"
  Model model;
  Detector detector;  // its descriptor is fitted, with what the command line overrides
  std::vector<std::string> labels;  // one for each class, or none

  const Descriptor& descriptor() const { return detector.descriptor(); }
  std::string Label(std::size_t index) const;
};

// Reads, compiles and, where the size of the input is known, plans: what is wrong with the model
// or its descriptor is found here.
DetectorNetwork OpenDetector(const NetworkOptions& network, const DetectorOverrides& overrides,
                             const CommonOptions& options);

// MODEL.anchors.json beside MODEL.onnx, or one for all variants MODEL_*.onnx; "": there is none.
std::string AnchorsBeside(const std::string& model);

// Pictures through a detector.
class DetectorRunner {
 public:
  // `network` outlives the runner.
  DetectorRunner(DetectorNetwork& network, std::int64_t max_pixels);

  // What is in the picture, best first. Throws Error and std::bad_alloc for this picture,
  // WrongModel when already the first answer of the network is none that its descriptor tells of.
  std::vector<Detection> Run(const std::string& path);
  // Of the last picture.
  const Image& image() const { return runner_.image(); }
  const StageMilliseconds& ms() const { return runner_.ms(); }
  double postprocess_ms() const { return postprocess_ms_; }

 private:
  DetectorNetwork& network_;
  PictureRunner runner_;
  bool answered_ = false;
  double postprocess_ms_ = 0;
};

}  // namespace kinglet::cli
