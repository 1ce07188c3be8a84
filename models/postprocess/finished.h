// Detections that the graph has finished itself.
#pragma once

#include <span>
#include <vector>

#include "kinglet/detection.h"
#include "kinglet/tensor.h"
#include "models/postprocess/picture_boxes.h"

namespace kinglet {

// Those of each picture that pass the threshold, best first. Throws Error(kInvalidModel) when
// outputs are missing or do not fit each other or the number of pictures.
std::vector<std::vector<Detection>> ReadFinished(const DetectionSpec& spec, const Tensors& outputs,
                                                 std::span<const PictureBoxes> pictures);

}  // namespace kinglet
