#include "models/fit/finished_form.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "models/fit/graph_tail.h"
#include "models/fit/grids.h"
#include "models/fit/picture_input.h"

namespace kinglet {
namespace {

constexpr std::int64_t kBoxSize = 4;

using Infos = std::vector<TensorInfo>;

bool IsInteger(const TensorInfo& info) {
  return info.type == DataType::kInt64 || info.type == DataType::kInt32;
}

bool EndsWithBoxes(const TensorInfo& info, std::size_t rank) {
  return info.has_shape && info.shape.size() == rank && info.shape.back() == kBoxSize;
}

// The first output whose name has this part.
const TensorInfo* WithPart(const Infos& outputs, std::string_view part) {
  const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const TensorInfo& info) {
    return info.name.find(part) != std::string::npos;
  });
  return found == outputs.end() ? nullptr : &*found;
}

std::optional<DetectionSpec> RecognizeTensorFlow(const Infos& outputs) {
  const TensorInfo* boxes = WithPart(outputs, "detection_boxes");
  const TensorInfo* scores = WithPart(outputs, "detection_scores");
  const TensorInfo* classes = WithPart(outputs, "detection_classes");
  if (boxes == nullptr || scores == nullptr || classes == nullptr) return std::nullopt;
  const TensorInfo* count = WithPart(outputs, "num_detections");
  DetectionSpec spec;
  spec.boxes = boxes->name;
  spec.scores = scores->name;
  spec.classes = classes->name;
  if (count != nullptr) spec.count = count->name;
  spec.box_order = BoxOrder::kYx;
  spec.unit = BoxUnit::kPicture;
  spec.background = Background::kFirst;
  spec.nms = NmsKind::kNone;
  return spec;
}

std::optional<DetectionSpec> RecognizeTorchvision(const Infos& outputs) {
  if (outputs.size() != 3) return std::nullopt;
  const TensorInfo* boxes = nullptr;
  const TensorInfo* scores = nullptr;
  const TensorInfo* labels = nullptr;
  for (const TensorInfo& info : outputs) {
    const bool row = !info.has_shape || info.shape.size() == 1;
    if (info.type == DataType::kInt64 && row) labels = &info;
    if (info.type == DataType::kFloat32 && EndsWithBoxes(info, 2)) boxes = &info;
    if (info.type == DataType::kFloat32 && info.has_shape && row) scores = &info;
  }
  if (boxes == nullptr) boxes = WithPart(outputs, "boxes");
  if (scores == nullptr) scores = WithPart(outputs, "scores");
  if (boxes == nullptr || scores == nullptr || labels == nullptr || boxes == scores) {
    return std::nullopt;
  }
  DetectionSpec spec;
  spec.boxes = boxes->name;
  spec.scores = scores->name;
  spec.classes = labels->name;
  spec.box_order = BoxOrder::kXy;
  spec.unit = BoxUnit::kPixels;
  spec.background = Background::kFirst;
  spec.nms = NmsKind::kNone;
  return spec;
}

bool IsFloat(const TensorInfo& info) { return info.type == DataType::kFloat32; }

// {1, M, 4}, {1, M} and {1, M} of whole numbers: with a batch axis what torchvision has without.
std::optional<DetectionSpec> RecognizeBatched(const Infos& outputs) {
  const TensorInfo* boxes = nullptr;
  const TensorInfo* scores = nullptr;
  const TensorInfo* labels = nullptr;
  const TensorInfo* count = nullptr;
  for (const TensorInfo& info : outputs) {
    if (!info.has_shape) return std::nullopt;
    const bool row = info.shape.size() == 2;
    const bool one = row && info.shape[1] == 1;
    if (IsFloat(info) && EndsWithBoxes(info, 3)) {
      boxes = &info;
    } else if (IsFloat(info) && row) {
      scores = &info;
    } else if (IsInteger(info) && (one || info.shape.size() == 1)) {
      count = &info;
    } else if (IsInteger(info) && row) {
      labels = &info;
    } else {
      return std::nullopt;
    }
  }
  if (boxes == nullptr || scores == nullptr || labels == nullptr ||
      outputs.size() != (count == nullptr ? 3u : 4u)) {
    return std::nullopt;
  }
  DetectionSpec spec;
  spec.boxes = boxes->name;
  spec.scores = scores->name;
  spec.classes = labels->name;
  if (count != nullptr) spec.count = count->name;
  spec.unit = BoxUnit::kPixels;
  spec.nms = NmsKind::kNone;
  return spec;
}

// {1, M, 5}, boxes with their scores, and {1, M}, numbers of classes (MMDetection).
std::optional<DetectionSpec> RecognizeScoredBoxes(const Infos& outputs) {
  if (outputs.size() < 2) return std::nullopt;
  const TensorInfo& boxes = outputs[0];
  const TensorInfo& labels = outputs[1];
  const bool fits = boxes.has_shape && labels.has_shape && boxes.shape.size() >= 2 &&
                    boxes.shape.back() == kBoxSize + 1 && IsFloat(boxes) && IsInteger(labels) &&
                    labels.shape.size() + 1 == boxes.shape.size();
  if (!fits) return std::nullopt;
  DetectionSpec spec;
  spec.boxes = spec.scores = boxes.name;
  spec.classes = labels.name;
  spec.box_columns = {0, 4};
  spec.score_columns = {4, 5};
  spec.unit = BoxUnit::kPixels;
  spec.nms = NmsKind::kNone;
  return spec;
}

// Usual numbers of detections, which a list of anchors does not have.
bool IsRoundCount(std::int64_t count) {
  constexpr std::array<std::int64_t, 9> kCounts = {10, 20, 25, 50, 100, 200, 300, 500, 1000};
  return std::find(kCounts.begin(), kCounts.end(), count) != kCounts.end();
}

// One output with a row for each detection.
std::optional<DetectionSpec> RecognizeRows(const Graph& graph, const Infos& outputs, int width,
                                           int height) {
  if (outputs.size() != 1 || !outputs[0].has_shape || outputs[0].shape.size() < 2) {
    return std::nullopt;
  }
  const TensorInfo& rows = outputs[0];
  const Shape& shape = rows.shape;
  const std::int64_t count = shape[shape.size() - 2];
  DetectionSpec spec;
  spec.boxes = spec.scores = spec.classes = rows.name;
  spec.unit = BoxUnit::kPixels;
  spec.nms = NmsKind::kNone;
  const GraphTail tail = LookAtTail(graph, rows.name);
  const bool chosen = tail.nms || tail.top;
  if (shape.back() == 6 && shape.size() <= 3) {  // box, score, class (YOLOv10 and later)
    const bool finished =
        chosen || IsRoundCount(count) || count < 0 || !MatchGrids(count, width, height);
    if (!finished) return std::nullopt;
    spec.box_columns = {0, 4};
    spec.score_columns = {4, 5};
    spec.class_columns = {5, 6};
    return spec;
  }
  if (shape.back() != 7) return std::nullopt;
  if (shape.size() == 4) {  // picture, class, score, box in fractions (Caffe's DetectionOutput)
    spec.class_columns = {1, 2};
    spec.score_columns = {2, 3};
    spec.box_columns = {3, 7};
    spec.unit = BoxUnit::kPicture;
    spec.background = Background::kFirst;
    return spec;
  }
  if (shape.size() != 2 || (!chosen && count >= 0)) return std::nullopt;
  spec.box_columns = {1, 5};  // picture, box, class, score (YOLOv7)
  spec.class_columns = {5, 6};
  spec.score_columns = {6, 7};
  return spec;
}

}  // namespace

std::optional<DetectionSpec> RecognizeFinished(const Graph& graph, const Infos& outputs, int width,
                                               int height) {
  if (auto spec = RecognizeTensorFlow(outputs)) return spec;
  if (auto spec = RecognizeTorchvision(outputs)) return spec;
  if (auto spec = RecognizeBatched(outputs)) return spec;
  if (auto spec = RecognizeScoredBoxes(outputs)) return spec;
  return RecognizeRows(graph, outputs, width, height);
}

void TakeSamplesAsTheyAre(Descriptor& descriptor, const TensorInfo& input) {
  PreprocessSpec& spec = descriptor.preprocess;
  spec.mean = {0, 0, 0};
  spec.stddev = {1, 1, 1};
  spec.max_value = input.type == DataType::kUInt8 ? 255.0f : 1.0f;
  spec.color_order = ColorOrder::kRgb;
  descriptor.picture_size = true;
  if (!input.has_shape || input.shape.size() < 3) return;
  const std::size_t rows = HeightAxis(spec.layout, input.shape.size());
  descriptor.picture_size = input.shape[rows] < 0 && input.shape[rows + 1] < 0;
}

}  // namespace kinglet
