// What the shapes and names of a graph's outputs say about the head of a detector.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kinglet/detection.h"
#include "kinglet/graph.h"

namespace kinglet {

enum class HeadKind : std::uint8_t {
  kParts,       // boxes, scores and perhaps more in outputs of their own
  kTogether,    // all numbers of an anchor beside one another, without objectness (YOLOv8)
  kObjectness,  // the same with objectness behind the box (YOLOv5, YOLOX)
  kBinsLast,    // the same, scores first and bins of distances last (NanoDet-Plus)
  kRegressors,  // boxes and landmarks in one output, scores in another (BlazeFace)
  kAnchorMaps,  // maps with all numbers of several boxes at each position (YOLOv3, v5 undecoded)
};

struct HeadForm {
  HeadKind kind = HeadKind::kParts;
  DetectionSpec spec;           // names, columns and how they lie; nothing else
  std::vector<double> strides;  // of the maps; none where the anchors do not fit any
  int boxes = 1;                // at each position
  std::int64_t anchors = 0;
  std::int64_t scores = 0;  // of an anchor
};

// The head of a network whose input has this size, where its outputs have a form that is known;
// finished detections are not looked for.
std::optional<HeadForm> RecognizeHead(const std::vector<TensorInfo>& outputs, int width,
                                      int height);

}  // namespace kinglet
