#include "models/fit/draft_head.h"

#include <array>
#include <cmath>
#include <string>

#include "models/fit/graph_tail.h"

namespace kinglet {
namespace {

// "8, 16 and 32".
std::string Listed(const std::vector<double>& strides) {
  std::string text;
  for (std::size_t i = 0; i < strides.size(); ++i) {
    if (i > 0) text += i + 1 < strides.size() ? ", " : " and ";
    text += std::to_string(static_cast<int>(strides[i]));
  }
  return text;
}

constexpr const char* kDecoded = "The graph decodes its boxes itself.";

// What the graph did to the boxes and the scores of all maps.
struct Tails {
  GraphTail boxes, scores;
};

Tails TailsOf(const Graph& graph, const HeadForm& form) {
  const HeadOutputs head = form.spec.Heads().front();
  return {LookAtTail(graph, head.boxes), LookAtTail(graph, head.scores)};
}

// The input as most of the networks of a kind have it.
void SetPixels(PreprocessSpec& spec, ColorOrder order, float max_value, float mean, float stddev) {
  spec.color_order = order;
  spec.max_value = max_value;
  spec.mean = {mean, mean, mean};
  spec.stddev = {stddev, stddev, stddev};
}

void SetLetterbox(PreprocessSpec& spec) { spec.fit = FitRule::kLetterbox; }

// One box of the stride's size at each position, `boxes` times. `middle`: about the middle of the
// position, otherwise about its corner.
void SetPoints(DetectionSpec& spec, const HeadForm& form, bool middle) {
  AnchorSpec& anchors = spec.anchors;
  anchors = {};
  anchors.strides = form.strides;
  for (const double stride : form.strides) {
    anchors.sizes.emplace_back(static_cast<std::size_t>(form.boxes), stride);
  }
  if (middle) {
    anchors.generator = AnchorGenerator::kSquares;
    anchors.center_by_stride = true;
  } else {
    anchors.generator = AnchorGenerator::kGrid;
    anchors.aspect_ratios = {{1}};
  }
  spec.unit = BoxUnit::kPixels;
}

void SetYoloAnchors(Descriptor& descriptor, const HeadForm& form) {
  AnchorSpec& anchors = descriptor.detection.anchors;
  anchors = {};
  anchors.generator = AnchorGenerator::kGrid;
  anchors.strides = form.strides;
  if (form.boxes == 5) {  // YOLOv2's, in cells of 32 pixels
    const bool coco = form.scores == 80;
    const std::vector<double> widths =
        coco ? std::vector{0.57273, 1.87446, 3.33843, 7.88282, 9.77052}
             : std::vector{1.08, 3.42, 6.63, 9.42, 16.62};
    const std::vector<double> heights =
        coco ? std::vector{0.677385, 2.06253, 5.47434, 3.52778, 9.16828}
             : std::vector{1.19, 4.41, 11.38, 5.11, 10.52};
    anchors.widths.emplace_back();
    anchors.heights.emplace_back();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      anchors.widths[0].push_back(widths[i] * form.strides[0]);
      anchors.heights[0].push_back(heights[i] * form.strides[0]);
    }
    descriptor.notes.push_back("The sizes of the anchors are those of YOLOv2: a guess.");
    return;
  }
  struct Sizes {
    std::vector<double> widths, heights;
  };
  static const std::array<Sizes, 3> kSizes = {{{{10, 16, 33}, {13, 30, 23}},
                                               {{30, 62, 59}, {61, 45, 119}},
                                               {{116, 156, 373}, {90, 198, 326}}}};
  for (const double stride : form.strides) {
    const auto k = static_cast<std::size_t>(stride <= 8 ? 0 : stride <= 16 ? 1 : 2);
    Sizes sizes = kSizes[k];
    sizes.widths.resize(static_cast<std::size_t>(form.boxes), sizes.widths.back());
    sizes.heights.resize(static_cast<std::size_t>(form.boxes), sizes.heights.back());
    anchors.widths.push_back(sizes.widths);
    anchors.heights.push_back(sizes.heights);
  }
  descriptor.notes.push_back(
      "The sizes of the anchors are those of YOLOv3 and YOLOv5 for COCO: a guess; set "
      "output.anchors.widths and heights, and box_coding 'yolov3' where the network is older.");
}

void AnchorMaps(Descriptor& descriptor, const HeadForm& form, const Tails& tails) {
  DetectionSpec& spec = descriptor.detection;
  const bool v2 = form.boxes == 5;
  SetYoloAnchors(descriptor, form);
  spec.unit = BoxUnit::kPixels;
  spec.box_coding = v2 ? BoxCoding::kYoloV3 : BoxCoding::kYoloV5;
  descriptor.activation = tails.scores.sigmoid ? ScoreActivation::kNone
                          : v2                 ? ScoreActivation::kSoftmax
                                               : ScoreActivation::kSigmoid;
  SetPixels(descriptor.preprocess, ColorOrder::kRgb, 1, 0, 1);
  SetLetterbox(descriptor.preprocess);
}

// Boxes that are decoded: the middle and the size of each, in pixels; in fractions where they are
// no points of a map.
void Decoded(DetectionSpec& spec, const HeadForm& form) {
  spec.box_coding = BoxCoding::kCenters;
  spec.unit = form.strides.empty() ? BoxUnit::kPicture : BoxUnit::kPixels;
}

bool Together(Descriptor& descriptor, const HeadForm& form, const Tails& tails) {
  DetectionSpec& spec = descriptor.detection;
  const bool probabilities = tails.scores.probabilities();
  descriptor.activation = probabilities ? ScoreActivation::kNone : ScoreActivation::kSigmoid;
  SetPixels(descriptor.preprocess, ColorOrder::kRgb, 1, 0, 1);
  SetLetterbox(descriptor.preprocess);
  const bool yolox = form.kind == HeadKind::kObjectness && form.boxes == 1;
  if (form.kind == HeadKind::kBinsLast || spec.box_bins > 1) {
    spec.box_coding = BoxCoding::kPointOffset;
    SetPoints(spec, form, form.kind != HeadKind::kBinsLast);
    if (form.kind == HeadKind::kBinsLast) {
      descriptor.preprocess.color_order = ColorOrder::kBgr;
      descriptor.preprocess.max_value = 255;
      descriptor.preprocess.mean = {103.53f, 116.28f, 123.675f};
      descriptor.preprocess.stddev = {57.375f, 57.12f, 58.395f};
    }
    return true;
  }
  if (yolox) {
    SetPixels(descriptor.preprocess, ColorOrder::kBgr, 255, 0, 1);
    if (!tails.boxes.exp && !form.strides.empty()) {
      spec.box_coding = BoxCoding::kCenterSize;
      SetPoints(spec, form, false);
      descriptor.notes.push_back(
          "The boxes look as YOLOX leaves them, relative to the positions of its maps.");
      return true;
    }
  } else if (form.boxes > 1 && !probabilities) {
    AnchorMaps(descriptor, form, tails);
    return true;
  }
  Decoded(spec, form);
  descriptor.notes.push_back(kDecoded);
  return true;
}

// {classes, background or not} of boxes and scores that a graph has apart.
bool FaceLike(const HeadForm& form) {
  return !form.spec.Heads().front().landmarks.empty() && form.scores <= 2;
}

// RetinaFace and its like: squares of 2, 4, 8, 16, ... strides, variances 0.1 and 0.2.
void RetinaFace(Descriptor& descriptor, const HeadForm& form) {
  DetectionSpec& spec = descriptor.detection;
  spec.box_coding = BoxCoding::kCenterSize;
  spec.box_scales = {10, 10, 5, 5};
  spec.unit = BoxUnit::kPicture;
  spec.anchors = {};
  spec.anchors.generator = AnchorGenerator::kSquares;
  spec.anchors.strides = form.strides;
  for (const double stride : form.strides) {
    // 16 and 32 at stride 8, then four times as large from map to map.
    double size = 2 * stride * (stride / 8);
    std::vector<double> sizes;
    for (int i = 0; i < form.boxes; ++i, size *= 2) sizes.push_back(std::min(size, 8192.0));
    spec.anchors.sizes.push_back(sizes);
  }
  SetPixels(descriptor.preprocess, ColorOrder::kBgr, 255, 0, 1);
  descriptor.preprocess.mean = {104, 117, 123};
  descriptor.notes.push_back(
      "Anchors and pixels are those of RetinaFace: a guess from the number of boxes.");
}

void RetinaNet(Descriptor& descriptor, const HeadForm& form) {
  DetectionSpec& spec = descriptor.detection;
  spec.box_coding = BoxCoding::kCenterSize;
  spec.unit = BoxUnit::kPixels;
  spec.anchors = {};
  spec.anchors.generator = AnchorGenerator::kGrid;
  spec.anchors.strides = form.strides;
  const bool nine = form.boxes % 3 == 0;
  spec.anchors.aspect_ratios = {nine ? std::vector<double>{0.5, 1, 2} : std::vector<double>{1}};
  const int sizes = nine ? form.boxes / 3 : form.boxes;
  for (const double stride : form.strides) {
    spec.anchors.sizes.emplace_back();
    for (int i = 0; i < sizes; ++i) {
      spec.anchors.sizes.back().push_back(4 * stride * std::exp2(static_cast<double>(i) / sizes));
    }
  }
  descriptor.notes.push_back(
      "The anchors are those of RetinaNet: a guess from the number of boxes at each position.");
}

void BackgroundAndActivation(Descriptor& descriptor, const HeadForm& form, const Tails& tails) {
  DetectionSpec& spec = descriptor.detection;
  // Two scores for a face, or one more than a well-known number of classes.
  const bool first = form.scores == 2 && (FaceLike(form) || tails.scores.softmax);
  const bool more = form.scores == 21 || form.scores == 81 || form.scores == 91;
  if (first || more) spec.background = Background::kFirst;
  if (form.scores == 92) spec.background = Background::kLast;
  const bool softmax = spec.background != Background::kNone;
  descriptor.activation = tails.scores.probabilities() ? ScoreActivation::kNone
                          : softmax                    ? ScoreActivation::kSoftmax
                                                       : ScoreActivation::kSigmoid;
}

bool Parts(Descriptor& descriptor, const HeadForm& form, const Tails& tails) {
  DetectionSpec& spec = descriptor.detection;
  const HeadOutputs head = spec.Heads().front();
  BackgroundAndActivation(descriptor, form, tails);
  if (!head.objectness.empty()) {
    const bool yunet = !head.landmarks.empty();
    spec.score_rule = ScoreRule::kGeometricMean;
    spec.box_coding = yunet ? BoxCoding::kCenterSize : BoxCoding::kPointOffset;
    SetPoints(spec, form, !yunet);
    if (yunet) SetPixels(descriptor.preprocess, ColorOrder::kBgr, 255, 0, 1);
    descriptor.notes.push_back(yunet ? "Codes and pixels are those of YuNet: a guess."
                                     : "Distances are taken in strides, as FCOS has them: a guess; "
                                       "anchors of size 1 make them pixels.");
    return !form.strides.empty();
  }
  if (spec.box_bins > 1) {
    spec.box_coding = BoxCoding::kPointOffset;
    SetPoints(spec, form, true);
    SetPixels(descriptor.preprocess, ColorOrder::kRgb, 1, 0, 1);
    return !form.strides.empty();
  }
  // Queries of a transformer have sigmoids for boxes: centre and size in fractions.
  const bool queries = !tails.boxes.exp && tails.boxes.sigmoid && spec.levels.empty();
  if (queries || tails.boxes.exp) {
    spec.box_coding = queries ? BoxCoding::kCenters : BoxCoding::kNone;
    spec.unit = BoxUnit::kPicture;
    descriptor.notes.push_back(kDecoded);
    return true;
  }
  if (form.strides.empty()) return false;
  const bool levels = !spec.levels.empty() || form.strides.size() == 1;
  if (spec.background == Background::kFirst && form.scores == 2) {
    RetinaFace(descriptor, form);
  } else if (FaceLike(form) || (levels && form.boxes <= 2)) {
    spec.box_coding = BoxCoding::kPointOffset;
    SetPoints(spec, form, false);
    SetPixels(descriptor.preprocess, ColorOrder::kRgb, 255, 127.5f, 128);
    SetLetterbox(descriptor.preprocess);
    descriptor.notes.push_back(
        "Distances from points in strides, as SCRFD has them: a guess; anchors of size 1 make them "
        "pixels.");
  } else if (tails.boxes.sub || tails.boxes.softmax) {
    spec.box_coding = BoxCoding::kNone;
    spec.unit = BoxUnit::kPixels;
    descriptor.notes.push_back(kDecoded);
  } else if (levels) {
    RetinaNet(descriptor, form);
  } else {
    return false;
  }
  return true;
}

// MediaPipe's anchors: points in the middle of positions, several at each, in fractions; codes are
// pixels of the input.
bool Regressors(Descriptor& descriptor, const HeadForm& form, const Tails& tails) {
  struct Map {
    double stride;
    int boxes;
  };
  static const std::vector<std::vector<Map>> kKnown = {
      {{8, 2}, {16, 6}}, {{16, 2}, {32, 6}}, {{4, 1}}, {{8, 2}, {16, 2}, {32, 6}}};
  DetectionSpec& spec = descriptor.detection;
  const int width = descriptor.preprocess.width;
  const int height = descriptor.preprocess.height;
  for (const std::vector<Map>& maps : kKnown) {
    double count = 0;
    for (const Map& map : maps) {
      count += map.boxes * std::ceil(width / map.stride) * std::ceil(height / map.stride);
    }
    if (count != static_cast<double>(form.anchors)) continue;
    spec.anchors = {};
    spec.anchors.generator = AnchorGenerator::kSquares;
    for (const Map& map : maps) {
      spec.anchors.strides.push_back(map.stride);
      // As wide as the picture.
      spec.anchors.sizes.emplace_back(static_cast<std::size_t>(map.boxes), width);
    }
    const auto side = static_cast<float>(width);
    spec.box_scales = {side, side, side, side};
    spec.box_coding = BoxCoding::kCenterLinear;
    descriptor.activation =
        tails.scores.sigmoid ? ScoreActivation::kNone : ScoreActivation::kSigmoid;
    SetPixels(descriptor.preprocess, ColorOrder::kRgb, 255, 127.5f, 127.5f);
    SetLetterbox(descriptor.preprocess);
    descriptor.preprocess.pad_value = 0;
    descriptor.notes.push_back("Anchors and pixels are those of BlazeFace: a guess.");
    return true;
  }
  return false;
}

void Labels(Descriptor& descriptor, const HeadForm& form) {
  const std::int64_t background = descriptor.detection.background == Background::kNone ? 0 : 1;
  const std::int64_t classes = form.scores - background;
  descriptor.labels = "";
  if (classes == 80) descriptor.labels = "coco80";
  if (classes == 90) descriptor.labels = "coco";
  if (classes == 20) descriptor.labels = "voc";
  if (classes == 1 && !descriptor.detection.Heads().front().landmarks.empty() &&
      descriptor.detection.landmark_size == 2) {
    descriptor.labels = "face";
  }
  descriptor.notes.push_back(
      descriptor.labels.empty()
          ? "Class names are not known: name a file beside this one as output.labels."
          : "Class names: '" + descriptor.labels + "' is a guess from the number of classes.");
}

}  // namespace

bool DraftHead(Descriptor& descriptor, const Graph& graph, const HeadForm& form) {
  descriptor.notes.push_back(
      "Found by the shapes of the outputs: " + std::to_string(form.anchors) + " boxes" +
      (form.strides.empty()
           ? "."
           : (form.strides.size() == 1 ? ", on a map of stride " : ", on maps of strides ") +
                 Listed(form.strides) + '.'));
  DetectionSpec& spec = descriptor.detection;
  spec = form.spec;
  const Tails tails = TailsOf(graph, form);
  bool known = false;
  switch (form.kind) {
    case HeadKind::kParts:
      known = Parts(descriptor, form, tails);
      break;
    case HeadKind::kTogether:
    case HeadKind::kObjectness:
    case HeadKind::kBinsLast:
      known = Together(descriptor, form, tails);
      break;
    case HeadKind::kRegressors:
      known = Regressors(descriptor, form, tails);
      break;
    case HeadKind::kAnchorMaps:
      AnchorMaps(descriptor, form, tails);
      known = true;
      break;
  }
  if (!known) return false;
  Labels(descriptor, form);
  descriptor.notes.push_back(
      "Colour order, resizing and scale of the pixels are those that networks with such outputs "
      "mostly have: compare with how the network was trained.");
  return true;
}

}  // namespace kinglet
