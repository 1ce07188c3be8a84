// Which outputs of a graph are boxes, scores and classes, and what the graph did to them.
#pragma once

#include <optional>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"

namespace kinglet {

// Outputs {N, anchors, 4} and {N, anchors, classes}: their names only.
std::optional<DetectionSpec> RecognizeRaw(const std::vector<TensorInfo>& outputs);

// The part of FitDescriptor that is about a detector's outputs: names that the graph has, and no
// activation, decoding or suppression that the graph already applies; notes say where the
// descriptor was overruled. Throws Error(kInvalidInput) where it cannot be.
void FitDetection(Descriptor& descriptor, const Graph& graph);

}  // namespace kinglet
