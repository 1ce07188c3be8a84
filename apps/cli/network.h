// From names and files on the command line to a classifier or detector that is ready to run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "kinglet/network.h"
#include "kinglet/pipeline.h"
#include "measure/network/shapes.h"

namespace kinglet::cli {

struct NetworkOptions {
  std::string model;       // "": the demo network
  std::string descriptor;  // name or file; "": the one beside the model
  std::string labels;      // file; "": the descriptor's
  std::string preprocess;  // slim, torch, caffe; "": the descriptor's
};

struct DetectorOverrides {
  std::optional<double> threshold;
  std::optional<double> iou;
  std::optional<int> max_detections;
  std::string nms;      // "per-class", "fast"; "": the descriptor's
  std::string anchors;  // file; "": the descriptor's, or the one beside the model
};

PipelineOptions PipelineOptionsOf(const NetworkOptions& network, const CommonOptions& options);

// OpenNetwork, with a pipe for a file.
NamedNetwork OpenNamed(const std::string& name, const CommonOptions& options);
// The same with the descriptor of a model file: a name or a file; "": the one beside it. Throws
// UsageError for a network that has its own.
NamedNetwork OpenDescribed(const std::string& name, const CommonOptions& options,
                           const std::string& descriptor = "");
// A model file, or a pipe.
Graph OpenModel(const std::string& file, const CommonOptions& options);

// Names the files that commands find by the name of the network's file (descriptor, anchors), and
// do not find by that of `output`, which was made of it.
void NoteFilesBeside(const std::string& network, const std::string& output,
                     const CommonOptions& options);

// Says what the shapes guess, where they do.
void PrintGuess(const CommonOptions& options, const measure::ShapeChooser& shapes);

// Print their notes, and measure the kernels with --tune. Throw UsageError for options that do not
// fit each other, and Error as the pipeline does.
Classifier OpenClassifier(const NetworkOptions& network, const CommonOptions& options);
Detector OpenDetector(const NetworkOptions& network, const DetectorOverrides& overrides,
                      const CommonOptions& options);

// What is in the picture, best first. Throws WrongModel instead of DescriptorMismatch while nothing
// was `answered`: then it is not the picture's fault.
std::vector<Detection> DetectIn(Detector& detector, const Image& picture, bool& answered);

}  // namespace kinglet::cli
