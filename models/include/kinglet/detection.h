// What a descriptor says about the answers of a detector: which outputs they are, how boxes and
// scores are coded, and how the best of them are chosen (docs/detection.md).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace kinglet {

// How the network writes a box down. Codes are divided by DetectionSpec::box_scales first; (cy, cx,
// h, w) is the anchor. Of the two YOLO codings s is the sigmoid of a code, or the code itself where
// the activation of the scores is kNone; their anchors are a grid of offset 0, in pixels.
enum class BoxCoding : std::uint8_t {
  kNone,          // it is a box already: (y1, x1, y2, x2)
  kCenterSize,    // y = ty * h + cy, height = exp(th) * h, and the same for x
  kPointOffset,   // y1 = cy - t0 * h, y2 = cy + t2 * h, and the same for x (FCOS: distances from a
                  // point, relative to the anchor's size)
  kCenters,       // (y, x, height, width): decoded, but no corners; needs no anchors
  kCenterLinear,  // y = ty * h + cy, height = th * h, and the same for x (BlazeFace)
  kYoloV3,        // y = s(ty) * stride + cy, height = exp(th) * h, and the same for x
  kYoloV5,        // y = (2 s(ty) - 0.5) * stride + cy, height = (2 s(th))^2 * h, the same for x
};

// Whether boxes of this coding are relative to anchors.
constexpr bool HasAnchors(BoxCoding coding) {
  return coding != BoxCoding::kNone && coding != BoxCoding::kCenters;
}
constexpr bool IsYolo(BoxCoding coding) {
  return coding == BoxCoding::kYoloV3 || coding == BoxCoding::kYoloV5;
}

// Which coordinate comes first in a box or its code: (y, x, ...) as in TensorFlow or (x, y, ...).
enum class BoxOrder : std::uint8_t { kYx, kXy };

// What decoded boxes are measured in.
enum class BoxUnit : std::uint8_t {
  kPicture,  // fractions of the network's input: 0 to 1
  kPixels,   // pixels of the network's input
};

// Where the scores, or the numbers of classes, have an entry that is no class.
enum class Background : std::uint8_t { kNone, kFirst, kLast };

enum class NmsKind : std::uint8_t {
  kNone,      // the graph did it: its answers are taken as they are
  kPerClass,  // every class on its own; a box may be found in several classes
  kFast,      // TFLite's rule: the best class of each anchor, then one NMS over all of them
};

// Where the numbers of an anchor lie in an output.
enum class OutputLayout : std::uint8_t {
  kRows,    // beside one another: {N, anchors, K}, {anchors, K}, {N, H, W, P * K}, {N, P, H, W, K}
  kPlanes,  // each in a plane of its own: {N, K, anchors}, {K, anchors}, {N, P * K, H, W}, or
            // {N, P, K, H, W}
};

// How the score of a class and the objectness (or centerness) of its anchor make one score, both
// after the activation.
enum class ScoreRule : std::uint8_t { kProduct, kGeometricMean };

enum class AnchorGenerator : std::uint8_t {
  kNone,
  // SSD's multiple scales by the rules of the TensorFlow Object Detection API
  // (multiple_grid_anchor_generator.create_ssd_anchors): map k of n has the scale
  // s(k) = min_scale + (max_scale - min_scale) k / (n - 1), boxes of height s / sqrt(r) and width
  // s sqrt(r) for each aspect ratio r, and one of scale sqrt(s(k) s(k + 1)), s(n) = 1, and aspect
  // ratio `interpolated_ratio` (0: none). With `reduce_lowest` the first map has three boxes: scale
  // 0.1 with ratio 1, s(0) with 2 and with 0.5. Unit square.
  kSsd,
  // torchvision's DefaultBoxGenerator: scales s(0) to s(n), for each map the squares s(k) and
  // sqrt(s(k) s(k + 1)), then for each aspect ratio r the boxes (s sqrt(r), s / sqrt(r)) and
  // turned. `clip` limits widths and heights to 1. Unit square.
  kDefaultBoxes,
  // UltraFace's priors: on each map squares of `sizes` pixels. `clip` limits all four numbers to
  // 0 to 1. Unit square.
  kSquares,
  // The grid of a region proposal network or of RetinaNet: for each aspect ratio r = height /
  // width, then for each of the map's `sizes` s (pixels), a box of height s sqrt(r) and width s /
  // sqrt(r) about (y, x) * stride + offset; or boxes of these `widths` and `heights` (YOLO).
  // `round` rounds corners to whole pixels (torchvision). Pixels.
  kGrid,
  // A file in the descriptor's folder: JSON, an array of [cy, cx, h, w] or an object that has it as
  // "anchors".
  kFile,
};

struct AnchorSpec {
  AnchorGenerator generator = AnchorGenerator::kNone;
  std::vector<double> strides;  // pixels from one position of each map to the next
  std::vector<std::array<int, 2>>
      maps;  // {height, width} of each; empty: size / stride, rounded up
  // Maps behind those of `strides` that a 3x3 window without padding makes of the map before: 2
  // smaller, or of the same size where it does not fit. Not with `maps`, not for kGrid.
  int unpadded_maps = 0;
  // Centres of all but kGrid lie at (i + 0.5) / size of the map, or, for maps that have a stride,
  // at (i + 0.5) * stride.
  bool center_by_stride = false;
  double min_scale = 0.2;  // kSsd, kDefaultBoxes
  double max_scale = 0.95;
  std::vector<double> scales;  // instead of min and max: one for each map, and one more
  // One list for each map, or one for all.
  std::vector<std::vector<double>> aspect_ratios;
  double interpolated_ratio = 1.0;          // kSsd
  bool reduce_lowest = true;                // kSsd
  std::vector<std::vector<double>> sizes;   // kSquares, kGrid: pixels; for each map, or one for all
  std::vector<std::vector<double>> widths;  // kGrid: pixels, instead of aspect_ratios and sizes
  std::vector<std::vector<double>> heights;  // as many as widths
  double offset = 0;                         // kGrid: pixels
  bool round = false;                        // kGrid
  bool clip = false;                         // kDefaultBoxes, kSquares
  std::string file;                          // kFile

  bool operator==(const AnchorSpec&) const = default;
};

// Outputs of one feature map, or of all together.
struct HeadOutputs {
  std::string boxes;
  std::string scores;
  std::string objectness;  // "": the network has none
  std::string landmarks;   // "": the network has none

  bool operator==(const HeadOutputs&) const = default;
};

// Numbers [first, end) of an anchor; of none: all that the output has.
struct Columns {
  static constexpr int kOpen = 1 << 20;  // as `end`: to the last one
  int first = 0, end = 0;

  bool empty() const { return end <= first; }
  int size() const { return end - first; }
  bool operator==(const Columns&) const = default;
};

struct DetectionSpec {
  // Names of the graph's outputs; "": found by their shapes. Raw: `boxes` {N, anchors, 4} and
  // `scores` {N, anchors, classes}. Finished (nms is kNone): `boxes` {N, M, 4}, `scores` and
  // `classes` {N, M}, and perhaps `count` {N}, all without N for one picture.
  std::string boxes;
  std::string scores;
  std::string classes;
  std::string count;
  std::string objectness;  // {N, anchors, 1}: scores are made of it and of `scores` by `score_rule`
  std::string landmarks;   // {N, anchors, landmark_size * points}
  // Raw: where each feature map has outputs of its own, theirs, in the order of the anchors; the
  // four names above are "" then.
  std::vector<HeadOutputs> levels;
  OutputLayout layout = OutputLayout::kRows;
  // Where several of them share an output, the numbers that each has there.
  Columns box_columns, score_columns, class_columns, objectness_columns, landmark_columns;
  // Above 1: each of the four numbers of a box is given by that many logits, whose softmax weighs
  // 0, 1, 2, ... (distributions of distances; Li et al., Generalized Focal Loss, 2020).
  int box_bins = 1;
  // Numbers of a landmark: 2, x and y, coded as the middle of a box is; or 3, and one that is not
  // read.
  int landmark_size = 2;
  ScoreRule score_rule = ScoreRule::kProduct;
  BoxCoding box_coding = BoxCoding::kNone;
  BoxOrder box_order = BoxOrder::kXy;
  std::array<float, 4> box_scales = {1, 1, 1, 1};
  BoxUnit unit = BoxUnit::kPicture;
  Background background = Background::kNone;
  AnchorSpec anchors;
  NmsKind nms = NmsKind::kPerClass;
  float score_threshold = 0.3f;  // scores below it are no detections
  float iou_threshold = 0.5f;    // of two boxes that overlap more, the better one stays
  int max_detections = 100;      // of one picture

  // The outputs of each feature map, or those of all.
  std::vector<HeadOutputs> Heads() const {
    if (!levels.empty()) return levels;
    return {{boxes, scores, objectness, landmarks}};
  }
};

}  // namespace kinglet
