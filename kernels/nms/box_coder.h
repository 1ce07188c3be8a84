// From what a detector's box head says (codes) to boxes.
//
// "y first" is TensorFlow's order of coordinates, the other one is Caffe's and PyTorch's. With code
// c, anchor a and scales s, each four numbers in the order y, x, h, w (x, y, w, h where x comes
// first):
//   kCentreSize  cy = c0 / s0 * a_h + a_y    h = exp(min(c2 / s2, max_log_size)) * a_h
//                cx = c1 / s1 * a_w + a_x    w = exp(min(c3 / s3, max_log_size)) * a_w
//                box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
//                Anchors are {n, 4} as {y, x, h, w}, (y, x) being the centre. The scales of
//                TensorFlow's SSD are {10, 10, 5, 5}; Caffe's variances are their reciprocals.
//   kCorners     box = (c1, c0, c3, c2), {y1, x1, y2, x2} or {x1, y1, x2, y2}; no anchors, scales.
//   kCentres     {y, x, h, w} that needs no anchors: box = (x - w / 2, ...); no scales.
//   kDistances   from a point to the four sides, {top, left, bottom, right} ({left, top, right,
//                bottom} where x comes first): y1 = a_y - c0 / s0 * a_h, x1 = a_x - c1 / s1 * a_w,
//                y2 = a_y + c2 / s2 * a_h, x2 = a_x + c3 / s3 * a_w. Anchors as above: sizes of 1
//                where distances are absolute, the stride or the anchor's size where relative.
// Then, with `clip`, x is clamped to [x1, x2] and y to [y1, y2] of the window.
// Codes and anchors of any value are fine: NaN and infinities come out as such, and non-maximum
// suppression knows what to do with them.
//
// Numerical bound: exp as kernels/math/math.h, otherwise the roundings of the formula.
// Source: Liu et al., SSD (2016); Tian et al., FCOS (2019).
// Alignment: any. Over-read, over-write: none. Aliasing: none.
#pragma once

#include <cstdint>
#include <limits>

namespace kinglet::kernels {

enum class BoxCoding : uint8_t { kCentreSize, kCorners, kCentres, kDistances };

struct BoxCoder {
  BoxCoding coding = BoxCoding::kCentreSize;
  bool x_first = false;
  float scales[4] = {1, 1, 1, 1};
  float max_log_size = std::numeric_limits<float>::infinity();  // torchvision: log(1000 / 16)
  bool clip = false;
  float window[4] = {0, 0, 1, 1};  // x1, y1, x2, y2
};

// boxes[k] = {x1, y1, x2, y2} of row rows[k], k < count: codes are row codes[rows[k]], anchors row
// anchors[rows[k] / rows_per_anchor] (more than one where each class has boxes of its own). `rows`
// may be null: 0, 1, 2, ...
using DecodeBoxesFn = void (*)(const BoxCoder& coder, const float* codes, const float* anchors,
                               const uint32_t* rows, int64_t count, int64_t rows_per_anchor,
                               float* boxes) noexcept;
// The function for the active target. Fetch it at plan time.
DecodeBoxesFn GetDecodeBoxes() noexcept;

}  // namespace kinglet::kernels
