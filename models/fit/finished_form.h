// Outputs that are finished detections.
#pragma once

#include <optional>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"

namespace kinglet {

// Outputs in the form of TensorFlow's exporters (detection_boxes, ...), of torchvision's and others
// that have boxes, scores and numbers of classes apart, or of those that write a row for each
// detection (box, score, class): their names, coordinates and numbers of classes. `width` and
// `height` are those of the input.
std::optional<DetectionSpec> RecognizeFinished(const Graph& graph,
                                               const std::vector<TensorInfo>& outputs, int width,
                                               int height);

// Pictures for a graph that scales and resizes them itself: TensorFlow's take bytes, torchvision's
// samples of 0 to 1; in their own size where the input's is free.
void TakeSamplesAsTheyAre(Descriptor& descriptor, const TensorInfo& input);

}  // namespace kinglet
