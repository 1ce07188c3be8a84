#include "models/postprocess/finished.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "models/postprocess/floats.h"
#include "models/postprocess/head_shapes.h"

namespace kinglet {
namespace {

constexpr std::int64_t kBoxSize = 4;

// Elements of an integer or floating-point tensor; what is not finite becomes -1.
std::vector<std::int64_t> ToIntegers(const Tensor& tensor, const char* what) {
  const auto count = static_cast<std::size_t>(tensor.size());
  std::vector<std::int64_t> values(count);
  if (tensor.type() == DataType::kInt64) {
    if (count != 0) std::memcpy(values.data(), tensor.raw(), tensor.bytes());
  } else if (tensor.type() == DataType::kInt32) {
    std::copy_n(tensor.data<std::int32_t>(), count, values.begin());
  } else {
    constexpr float kMost = 1e9f;
    const std::vector<float> floats = ToFloats(tensor, what);
    std::transform(floats.begin(), floats.end(), values.begin(), [](float value) {
      return std::abs(value) < kMost ? static_cast<std::int64_t>(std::lround(value)) : -1;
    });
  }
  return values;
}

// Where each detection has a number, or some, in an output: an array of its own, or columns of
// rows that the output shares.
struct Rows {
  const Tensor* tensor = nullptr;
  std::int64_t width = 1;  // of a row
  std::int64_t first = 0;
  std::int64_t size = 1;  // numbers of a detection
  std::int64_t count() const { return width == 0 ? 0 : tensor->size() / width; }
};

Rows RowsOf(const Tensors& outputs, const std::string& name, const Columns& columns,
            std::int64_t size, const char* what) {
  const Tensor& tensor = FindOutput(outputs, name);
  const Shape& shape = tensor.shape();
  if (columns.empty()) {
    if (size > 1 && (shape.size() < 2 || shape.back() != size)) {
      BadOutput(name, std::string(what) + " of " + std::to_string(size) + " numbers",
                ShapeToString(shape));
    }
    return {&tensor, size, 0, size};
  }
  const std::int64_t width = shape.empty() ? 0 : shape.back();
  const std::int64_t end = columns.end == Columns::kOpen ? width : columns.end;
  if (shape.size() < 2 || width < end || end - columns.first < size) {
    BadOutput(name, "rows of more than " + std::to_string(columns.first + size - 1) + " numbers",
              ShapeToString(shape));
  }
  return {&tensor, width, columns.first, end - columns.first};
}

class FinishedReader {
 public:
  FinishedReader(const DetectionSpec& spec, const Tensors& outputs, std::size_t pictures)
      : spec_(spec),
        pictures_(static_cast<std::int64_t>(pictures)),
        boxes_(RowsOf(outputs, spec.boxes, spec.box_columns, kBoxSize, "boxes")),
        scores_(RowsOf(outputs, spec.scores, spec.score_columns, 1, "scores")),
        classes_(RowsOf(outputs, spec.classes, spec.class_columns, 1, "classes")) {
    Check();
    if (!spec.landmarks.empty()) {
      const Columns& columns = spec.landmark_columns;
      const Shape& shape = FindOutput(outputs, spec.landmarks).shape();
      const std::int64_t all = shape.empty() ? 1 : shape.back();
      landmarks_ = RowsOf(outputs, spec.landmarks, columns,
                          columns.empty() ? all : spec.landmark_size, "landmarks");
      if (landmarks_.count() != scores_.count()) {
        BadOutput(spec.landmarks, "landmarks of " + std::to_string(scores_.count()) + " boxes",
                  ShapeToString(shape));
      }
    }
    box_values_ = FloatView(*boxes_.tensor, "boxes");
    score_values_ = FloatView(*scores_.tensor, "scores");
    numbers_ = ToIntegers(*classes_.tensor, "numbers of classes");
    if (landmarks_.tensor != nullptr) landmark_values_ = FloatView(*landmarks_.tensor, "landmarks");
    counts_.assign(pictures, most_);
    if (spec.count.empty()) return;
    counts_ = ToIntegers(FindOutput(outputs, spec.count), "numbers of detections");
    if (counts_.size() != pictures) {
      BadOutput(spec.count, std::to_string(pictures) + " numbers", std::to_string(counts_.size()));
    }
  }

  std::vector<Detection> Read(std::size_t picture, const PictureBoxes& place) {
    std::vector<Detection> detections;
    const std::int64_t first = static_cast<std::int64_t>(picture) * most_;
    const std::int64_t count = std::clamp<std::int64_t>(counts_[picture], 0, most_);
    const std::int64_t background = spec_.background == Background::kFirst ? 1 : 0;
    for (std::int64_t i = first; i < first + count; ++i) {
      const float score = score_values_.data()[i * scores_.width + scores_.first];
      const std::int64_t index =
          numbers_[static_cast<std::size_t>(i * classes_.width + classes_.first)] - background;
      if (!(score >= spec_.score_threshold) || index < 0) continue;
      const float* box = box_values_.data() + i * boxes_.width + boxes_.first;
      const float turned[] = {box[1], box[0], box[3], box[2]};
      place.Add(static_cast<std::size_t>(index), score,
                spec_.box_order == BoxOrder::kYx ? turned : box, detections, Points(i));
    }
    std::stable_sort(detections.begin(), detections.end(),
                     [](const Detection& a, const Detection& b) { return a.score > b.score; });
    if (detections.size() > static_cast<std::size_t>(spec_.max_detections)) {
      detections.resize(static_cast<std::size_t>(spec_.max_detections));
    }
    return detections;
  }

 private:
  void Check() {
    const Shape& b = boxes_.tensor->shape();
    const std::int64_t scores = scores_.count();
    most_ = pictures_ == 0 ? 0 : scores / pictures_;
    const bool own_batch = b.size() == 3 && b[0] != pictures_;
    if (boxes_.count() != most_ * pictures_ || scores != most_ * pictures_ || own_batch) {
      BadOutput(
          spec_.boxes,
          std::to_string(pictures_) + " x " + std::to_string(most_) + " boxes, as many as scores",
          ShapeToString(b));
    }
    if (classes_.count() != scores) {
      BadOutput(spec_.classes, std::to_string(scores) + " numbers of classes",
                ShapeToString(classes_.tensor->shape()));
    }
  }

  std::span<const float> Points(std::int64_t row) {
    points_.clear();
    if (landmarks_.tensor == nullptr) return points_;
    const bool x_first = spec_.box_order == BoxOrder::kXy;
    const float* data = landmark_values_.data() + row * landmarks_.width + landmarks_.first;
    for (std::int64_t c = 0; c + spec_.landmark_size <= landmarks_.size; c += spec_.landmark_size) {
      if (!std::isfinite(data[c]) || !std::isfinite(data[c + 1])) return {};
      points_.push_back(data[x_first ? c : c + 1]);
      points_.push_back(data[x_first ? c + 1 : c]);
    }
    return points_;
  }

  const DetectionSpec& spec_;
  std::int64_t pictures_;
  Rows boxes_, scores_, classes_, landmarks_;
  std::int64_t most_ = 0;  // detections of a picture
  FloatView box_values_, score_values_, landmark_values_;
  std::vector<std::int64_t> numbers_, counts_;
  std::vector<float> points_;
};

}  // namespace

std::vector<std::vector<Detection>> ReadFinished(const DetectionSpec& spec, const Tensors& outputs,
                                                 std::span<const PictureBoxes> pictures) {
  FinishedReader reader(spec, outputs, pictures.size());
  std::vector<std::vector<Detection>> detections;
  for (std::size_t n = 0; n < pictures.size(); ++n) {
    detections.push_back(reader.Read(n, pictures[n]));
  }
  return detections;
}

}  // namespace kinglet
