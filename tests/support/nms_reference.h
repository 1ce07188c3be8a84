// Non-maximum suppression and detection by their definitions: every pair, everything computed.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/nms/detect.h"
#include "kernels/nms/nms.h"

namespace kinglet::testing {

// Indices of `candidates` (rows of boxes {n, 4}) that are selected, in order; scores has one for
// each row of boxes. NaN scores never pass.
std::vector<uint32_t> ReferenceNms(const kernels::Nms& nms, const float* boxes,
                                   const std::vector<float>& scores,
                                   const kernels::ScoreLimit& limit);

// {x1, y1, x2, y2} of one row.
std::vector<float> ReferenceDecode(const kernels::BoxCoder& coder, const float* code,
                                   const float* anchor);

// As TensorFlow Lite's loops, on activated scores.
std::vector<kernels::Detection> ReferenceDetect(const kernels::Detect& detect, const float* scores,
                                                const float* codes, const float* anchors);

}  // namespace kinglet::testing
