// Greedy non-maximum suppression of one set of boxes: one class of one image.
//
// Candidates come by descending score, ties by the lower index. A candidate is selected unless its
// IoU with one selected before is above the threshold:
//   IoU(a, b) = |a & b| / (|a| + |b| - |a & b|),   suppressed when |a & b| > t * (|a| + |b| -
//   |a & b|)
// without division; the two differ only where the quotient rounds to the threshold. Source: ONNX,
// NonMaxSuppression; TensorFlow Lite, detection_postprocess.cc (the same test of IoU).
//
// Boxes: {n, 4} float32. Which axis comes first makes no difference, so {y1, x1, y2, x2} and
// {x1, y1, x2, y2} are the same here.
// A box that has no area (a size that is zero, negative or NaN), or whose area is infinite, has IoU
// 0 with every box, itself included: it is selected, and suppresses nothing.
// Very many boxes: selected ones lie in a grid by their centres. IoU > t needs
// |centres' distance| < size * (1 - t) / (2 t) along each axis, with the size of either box: a
// candidate is compared with the cells that this reaches, and the answer is that of all pairs.
// Alignment: any, scratch 64 bytes. Over-read, over-write: none. Aliasing: none.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kinglet::kernels {

enum class BoxForm : uint8_t {
  kCornersAnyOrder,  // {a1, b1, a2, b2}: two opposite corners, whichever
  kCorners,          // the same, the lower one first: otherwise the box has no area
  kCentreSize,       // {centre a, centre b, size a, size b}
};

struct Nms {
  float iou_threshold = 0.5f;  // in [0, 1]
  int64_t max_output = INT64_MAX;
  BoxForm form = BoxForm::kCornersAnyOrder;
};

// For `count` keys at most.
size_t NmsScratchBytes(const Nms& nms, int64_t count) noexcept;

// `keys` (kernels/nms/keys.h) are the candidates, in ascending order of their indices, which are
// rows of `boxes`. Moves the selected ones to the front, in the order of selection (descending
// score), and returns their number, min(count, max_output) at most; the others are lost.
using NmsFn = int64_t (*)(const Nms& nms, const float* boxes, uint64_t* keys, int64_t count,
                          void* scratch) noexcept;
// The function for the active target. Fetch it at plan time.
NmsFn GetNms() noexcept;

}  // namespace kinglet::kernels
