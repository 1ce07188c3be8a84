// Which outputs of a graph are boxes, scores and classes, and what the graph did to them.
#pragma once

#include <optional>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"

namespace kinglet {

// Outputs that are finished detections in the form of TensorFlow's exporters (detection_boxes, ...)
// or of torchvision's (boxes, labels, scores): their names, coordinates and numbers of classes.
std::optional<DetectionSpec> RecognizeFinished(const std::vector<TensorInfo>& outputs);

// Pictures for a graph that scales and resizes them itself: TensorFlow's take bytes, torchvision's
// samples of 0 to 1; in their own size where the input's is free.
void TakeSamplesAsTheyAre(Descriptor& descriptor, const TensorInfo& input);

// Outputs {N, anchors, 4} and {N, anchors, classes}: their names only.
std::optional<DetectionSpec> RecognizeRaw(const std::vector<TensorInfo>& outputs);

// The part of FitDescriptor that is about a detector's outputs: names that the graph has, and no
// activation, decoding or suppression that the graph already applies; notes say where the
// descriptor was overruled. Throws Error(kInvalidInput) where it cannot be.
void FitDetection(Descriptor& descriptor, const Graph& graph);

}  // namespace kinglet
