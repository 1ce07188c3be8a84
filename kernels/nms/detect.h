// From the raw scores and box codes of one image to its detections, on one thread: a batch is as
// many calls as it has images.
//
// Scores are compared with the threshold before anything else. Sigmoid is monotonic, so logits are
// compared with its inverse; for softmax a logit that is not above the background's by the inverse
// cannot pass, and only rows with such a logit are summed. The activation and the boxes (their
// exponentials) are computed for the survivors only; the answer is that of computing everything.
//
//   kPerClass  Non-maximum suppression of each class, then the best max_detections of all classes;
//              ties to the lower class, then to the earlier selected. TensorFlow Lite's "regular".
//   kFast      Non-maximum suppression of all anchors by the score of their best class, at most
//              max_detections of them; each selected anchor gives its classes_per_anchor best
//              classes. TensorFlow Lite's "fast".
// NaN scores never pass; boxes with NaN, infinite or no area are as kernels/nms/nms.h says.
// Source: TensorFlow Lite, detection_postprocess.cc.
//
// Shapes: scores {anchors, columns}; codes {anchors, 4} or {anchors, code_classes, 4}; anchors
// {anchors, 4} (not read by codings without). anchors * columns < 2^32.
// Alignment: any, scratch 64 bytes. Over-read, over-write: none. Aliasing: none.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/nms/box_coder.h"
#include "kernels/nms/keys.h"

namespace kinglet::kernels {

enum class ScoreActivation : uint8_t { kNone, kSigmoid, kSoftmax };
enum class DetectKind : uint8_t { kPerClass, kFast };

// Seconds of the parts of RunDetect: what lies between them is choosing, the scores that pass and
// the best of all classes.
struct DetectTimes {
  double all = 0;
  double decode = 0;    // codes of boxes
  double suppress = 0;  // sorting of each class and non-maximum suppression
};

struct Detect {
  int64_t anchors = 0;
  int64_t columns = 0;      // scores of an anchor, the background included
  int64_t first_class = 0;  // 1 where column 0 is the background, which is never detected
  ScoreActivation activation = ScoreActivation::kNone;
  ScoreLimit limit = {0, true};  // of scores after the activation
  BoxCoder coder;
  int64_t code_classes = 1;  // or the columns, or the columns without the background
  DetectKind kind = DetectKind::kPerClass;
  float iou_threshold = 0.5f;
  int64_t max_per_class = 100;   // for kPerClass: selected of each class
  int64_t max_detections = 100;  // for kFast: selected anchors
  int64_t classes_per_anchor = 1;
  // Where not null, gets what a call takes added; reading clocks costs some percent then.
  DetectTimes* times = nullptr;
};

struct Detection {
  float box[4];  // x1, y1, x2, y2
  float score;
  int32_t index;    // of the class: the column less first_class
  uint32_t anchor;  // row of the scores
};

// Detections at most; what `out` must have room for.
int64_t MaxDetections(const Detect& detect) noexcept;
size_t DetectScratchBytes(const Detect& detect) noexcept;

// Writes the detections by descending score (for kFast: anchors by descending score of the best
// class, the classes of each by descending score) and returns their number. Runs on the active
// target.
int64_t RunDetect(const Detect& detect, const float* scores, const float* codes,
                  const float* anchors, void* scratch, Detection* out) noexcept;

}  // namespace kinglet::kernels
