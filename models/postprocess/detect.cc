#include "kinglet/detect.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include "kernels/common/aligned.h"
#include "kernels/nms/detect.h"
#include "kinglet/error.h"
#include "kinglet/parallel.h"
#include "models/anchors/anchor_file.h"
#include "models/anchors/anchors.h"
#include "models/descriptor/folder_file.h"
#include "models/postprocess/floats.h"
#include "models/postprocess/picture_boxes.h"

namespace kinglet {
namespace {

constexpr std::int64_t kBoxSize = 4;

[[noreturn]] void BadOutput(const std::string& name, const std::string& expected,
                            const std::string& found) {
  throw Error(ErrorCode::kInvalidModel,
              "output '" + name + "': expected " + expected + ", found " + found);
}

[[noreturn]] void Missing(const std::string& name) {
  throw Error(ErrorCode::kInvalidModel, "the detector's output '" + name + "' is missing");
}

const Tensor& Find(const Tensors& outputs, const std::string& name) {
  const auto found = outputs.find(name);
  if (found == outputs.end()) Missing(name);
  return found->second;
}

// The shape of a planned output, when it is known. The type is always known.
const Shape* ShapeOf(const std::vector<TensorInfo>& outputs, const std::string& name,
                     const char* what) {
  const auto found = std::find_if(outputs.begin(), outputs.end(),
                                  [&](const TensorInfo& info) { return info.name == name; });
  if (found == outputs.end()) Missing(name);
  CheckFloats(found->type, what);
  const bool known = found->has_shape && std::all_of(found->shape.begin(), found->shape.end(),
                                                     [](std::int64_t size) { return size >= 0; });
  return known ? &found->shape : nullptr;
}

// The elements of a tensor as float32, of its own when it has that type.
class FloatView {
 public:
  FloatView(const Tensor& tensor, const char* what) {
    if (tensor.type() == DataType::kFloat32) {
      data_ = tensor.data<float>();
    } else {
      values_ = ToFloats(tensor, what);
      data_ = values_.data();
    }
  }
  const float* data() const { return data_; }

 private:
  std::vector<float> values_;
  const float* data_ = nullptr;
};

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

kernels::BoxCoder CoderOf(const DetectionSpec& spec) {
  kernels::BoxCoder coder;
  switch (spec.box_coding) {
    case BoxCoding::kNone:
      coder.coding = kernels::BoxCoding::kCorners;
      break;
    case BoxCoding::kCenterSize:
      coder.coding = kernels::BoxCoding::kCentreSize;
      break;
    case BoxCoding::kPointOffset:
      coder.coding = kernels::BoxCoding::kDistances;
      break;
    case BoxCoding::kCenters:
      coder.coding = kernels::BoxCoding::kCentres;
      break;
  }
  coder.x_first = spec.box_order == BoxOrder::kXy;
  std::copy(spec.box_scales.begin(), spec.box_scales.end(), coder.scales);
  return coder;
}

kernels::ScoreActivation ActivationOf(ScoreActivation activation) {
  if (activation == ScoreActivation::kSigmoid) return kernels::ScoreActivation::kSigmoid;
  if (activation == ScoreActivation::kSoftmax) return kernels::ScoreActivation::kSoftmax;
  return kernels::ScoreActivation::kNone;
}

// Working memory of a thread. It has room for every score above the threshold, and most pictures
// have few: what is not touched is not made resident, unlike the zeros of an AlignedBuffer.
class Scratch {
 public:
  void Reserve(std::size_t bytes) {
    if (bytes <= bytes_) return;
    const std::size_t rounded = kernels::RoundUpToLine(bytes);
    memory_.reset(std::aligned_alloc(kernels::kAlignment, rounded));
    bytes_ = memory_ == nullptr ? 0 : rounded;
    if (memory_ == nullptr) throw std::bad_alloc();
  }
  void* data() { return memory_.get(); }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  std::size_t bytes_ = 0;
};

bool SameRows(const Shape& boxes, const Shape& scores) {
  return boxes[0] == scores[0] && boxes[1] == scores[1];
}

}  // namespace

class DetectionDecoder::Impl {
 public:
  Impl(Descriptor descriptor, const DetectionDecoderOptions& options)
      : descriptor_(std::move(descriptor)), threads_(std::max(options.threads, 1)) {
    const AnchorSpec& spec = descriptor_.detection.anchors;
    if (!HasAnchors(descriptor_.detection.box_coding)) return;
    if (!options.anchors_file.empty()) {
      SetAnchors(ReadAnchors(options.anchors_file));
    } else if (spec.generator == AnchorGenerator::kFile) {
      SetAnchors(
          ReadAnchors(PathInFolder(descriptor_, spec.file, "output.anchors.file",
                                   "cannot be had without the descriptor's folder", "--anchors")));
    } else {
      generated_ = true;
      if (!descriptor_.picture_size) {
        MakeAnchorsFor({descriptor_.preprocess.width, descriptor_.preprocess.height});
      }
    }
  }

  std::vector<std::vector<Detection>> Decode(const Tensors& outputs,
                                             std::span<const PictureSize> pictures) {
    return descriptor_.detection.nms == NmsKind::kNone ? Finished(outputs, pictures)
                                                       : Raw(outputs, pictures);
  }

  void CheckOutputs(const std::vector<TensorInfo>& outputs) const {
    const DetectionSpec& spec = descriptor_.detection;
    if (spec.nms == NmsKind::kNone || descriptor_.picture_size) return;
    const Shape* boxes = ShapeOf(outputs, spec.boxes, "boxes");
    const Shape* scores = ShapeOf(outputs, spec.scores, "class scores");
    if (boxes == nullptr || scores == nullptr || boxes->empty()) return;
    Checked(*boxes, *scores, boxes->front());
  }

  const Descriptor& descriptor() const { return descriptor_; }

 private:
  // In the order that the box coder reads.
  void SetAnchors(const std::vector<AnchorBox>& anchors) {
    anchors_.clear();
    anchors_.reserve(anchors.size() * kBoxSize);
    const bool x_first = descriptor_.detection.box_order == BoxOrder::kXy;
    for (const AnchorBox& a : anchors) {
      if (x_first) {
        anchors_.insert(anchors_.end(), {a.cx, a.cy, a.w, a.h});
      } else {
        anchors_.insert(anchors_.end(), {a.cy, a.cx, a.h, a.w});
      }
    }
  }

  void MakeAnchorsFor(PictureSize input) {
    if (input.width == anchors_for_.width && input.height == anchors_for_.height) return;
    const DetectionSpec& spec = descriptor_.detection;
    SetAnchors(MakeAnchors(spec.anchors, input.width, input.height, spec.unit));
    anchors_for_ = input;
  }

  // The network's input that a picture becomes.
  PictureSize InputOf(PictureSize picture) const {
    if (descriptor_.picture_size) return picture;
    return {descriptor_.preprocess.width, descriptor_.preprocess.height};
  }

  PictureBoxes BoxesIn(PictureSize picture) const {
    const PictureSize input = InputOf(picture);
    const PictureMapping mapping =
        descriptor_.picture_size
            ? PictureMapping{}
            : MapToPicture(descriptor_.preprocess, picture.width, picture.height);
    if (descriptor_.detection.unit == BoxUnit::kPixels) return {mapping, picture, 1.0, 1.0};
    return {mapping, picture, static_cast<double>(input.width), static_cast<double>(input.height)};
  }

  kernels::Detect Checked(const Shape& b, const Shape& s, std::int64_t pictures) const;
  const float* BackgroundFirst(const float* scores, const Shape& shape);
  std::vector<std::vector<Detection>> Raw(const Tensors& outputs,
                                          std::span<const PictureSize> pictures);
  std::vector<std::vector<Detection>> Finished(const Tensors& outputs,
                                               std::span<const PictureSize> pictures);

  Descriptor descriptor_;
  int threads_;
  std::vector<float> anchors_;
  bool generated_ = false;
  PictureSize anchors_for_;
  std::vector<Scratch> scratch_;           // of each thread
  std::vector<kernels::Detection> found_;  // of all pictures
  std::vector<float> turned_;
};

// What the kernels are to do, when boxes and scores have the shapes that it needs.
kernels::Detect DetectionDecoder::Impl::Checked(const Shape& b, const Shape& s,
                                                std::int64_t pictures) const {
  const DetectionSpec& spec = descriptor_.detection;
  const bool own = b.size() == 4;  // boxes of its own for each class
  if ((b.size() != 3 && !own) || b.back() != kBoxSize) {
    BadOutput(spec.boxes, "boxes as NxAx4", ShapeToString(b));
  }
  if (s.size() != 3 || !SameRows(b, s)) {
    BadOutput(spec.scores, "scores of the boxes, which are " + ShapeToString(b) + ", as NxAxC",
              ShapeToString(s));
  }
  if (b[0] != pictures) {
    BadOutput(spec.boxes, std::to_string(pictures) + " pictures", ShapeToString(b));
  }
  const auto anchors = static_cast<std::int64_t>(anchors_.size()) / kBoxSize;
  if (HasAnchors(spec.box_coding) && anchors != b[1]) {
    const std::string whose = generated_ ? "the descriptor makes anchors for this input"
                                         : "there are anchors in the file";
    BadOutput(spec.boxes, std::to_string(anchors) + " boxes, as " + whose, std::to_string(b[1]));
  }
  kernels::Detect detect;
  detect.anchors = b[1];
  detect.columns = s[2];
  detect.first_class = spec.background == Background::kNone ? 0 : 1;
  if (detect.columns <= detect.first_class) {
    BadOutput(spec.scores, "scores of at least one class", ShapeToString(s));
  }
  if (own && b[2] != 1 && b[2] != s[2] && b[2] != s[2] - detect.first_class) {
    BadOutput(spec.boxes, "one box, or one for each class", ShapeToString(b));
  }
  constexpr std::int64_t kMostScores = std::int64_t{1} << 32;
  if (detect.anchors * detect.columns >= kMostScores) {
    throw Error(ErrorCode::kResource, "output '" + spec.scores + "': more than 2^32 scores");
  }
  if (own) detect.code_classes = b[2];
  detect.activation = ActivationOf(descriptor_.activation);
  detect.limit = {spec.score_threshold, true};
  detect.coder = CoderOf(spec);
  detect.kind =
      spec.nms == NmsKind::kFast ? kernels::DetectKind::kFast : kernels::DetectKind::kPerClass;
  detect.iou_threshold = spec.iou_threshold;
  detect.max_per_class = detect.max_detections = spec.max_detections;
  return detect;
}

// The kernels know a background in the first column only.
const float* DetectionDecoder::Impl::BackgroundFirst(const float* scores, const Shape& shape) {
  if (descriptor_.detection.background != Background::kLast) return scores;
  const std::int64_t columns = shape[2];
  turned_.assign(scores, scores + ElementCount(shape));
  for (auto row = turned_.begin(); row != turned_.end(); row += columns) {
    std::rotate(row, row + columns - 1, row + columns);
  }
  return turned_.data();
}

std::vector<std::vector<Detection>> DetectionDecoder::Impl::Raw(
    const Tensors& outputs, std::span<const PictureSize> pictures) {
  if (generated_ && descriptor_.picture_size && !pictures.empty()) MakeAnchorsFor(pictures.front());
  const Tensor& boxes = Find(outputs, descriptor_.detection.boxes);
  const Tensor& scores = Find(outputs, descriptor_.detection.scores);
  const auto images = static_cast<std::int64_t>(pictures.size());
  const kernels::Detect detect = Checked(boxes.shape(), scores.shape(), images);
  std::vector<std::vector<Detection>> detections(pictures.size());
  if (detect.anchors == 0) return detections;
  const FloatView box_values(boxes, "boxes");
  const FloatView score_values(scores, "class scores");
  const float* codes = box_values.data();
  const float* rows = BackgroundFirst(score_values.data(), scores.shape());
  const std::size_t bytes = kernels::DetectScratchBytes(detect);
  scratch_.resize(std::min(static_cast<std::size_t>(threads_), pictures.size()));
  for (Scratch& scratch : scratch_) scratch.Reserve(bytes);
  const std::int64_t most = kernels::MaxDetections(detect);
  found_.resize(pictures.size() * static_cast<std::size_t>(most));
  std::vector<std::int64_t> counts(pictures.size());
  ParallelFor(threads_, images, [&](std::int64_t n, int worker) {
    counts[static_cast<std::size_t>(n)] = kernels::RunDetect(
        detect, rows + n * detect.anchors * detect.columns,
        codes + n * detect.anchors * detect.code_classes * kBoxSize, anchors_.data(),
        scratch_[static_cast<std::size_t>(worker)].data(), found_.data() + n * most);
  });
  for (std::size_t n = 0; n < pictures.size(); ++n) {
    const PictureBoxes place = BoxesIn(pictures[n]);
    const kernels::Detection* found = found_.data() + static_cast<std::int64_t>(n) * most;
    for (std::int64_t i = 0; i < counts[n]; ++i) {
      place.Add(static_cast<std::size_t>(found[i].index), found[i].score, found[i].box,
                detections[n]);
    }
  }
  return detections;
}

std::vector<std::vector<Detection>> DetectionDecoder::Impl::Finished(
    const Tensors& outputs, std::span<const PictureSize> pictures) {
  const DetectionSpec& spec = descriptor_.detection;
  const Tensor& boxes = Find(outputs, spec.boxes);
  const Tensor& scores = Find(outputs, spec.scores);
  const Tensor& classes = Find(outputs, spec.classes);
  const auto images = static_cast<std::int64_t>(pictures.size());
  const std::int64_t most = images == 0 ? 0 : scores.size() / images;
  const Shape& b = boxes.shape();
  if (b.size() < 2 || b.back() != kBoxSize || boxes.size() != most * images * kBoxSize ||
      (b.size() == 3 && b[0] != images)) {
    BadOutput(spec.boxes,
              std::to_string(images) + " x " + std::to_string(most) + " boxes, as many as scores",
              ShapeToString(b));
  }
  if (classes.size() != scores.size()) {
    BadOutput(spec.classes, std::to_string(scores.size()) + " numbers of classes",
              ShapeToString(classes.shape()));
  }
  std::vector<std::int64_t> counts(pictures.size(), most);
  if (!spec.count.empty()) {
    counts = ToIntegers(Find(outputs, spec.count), "numbers of detections");
    if (counts.size() != pictures.size()) {
      BadOutput(spec.count, std::to_string(images) + " numbers", std::to_string(counts.size()));
    }
  }
  const FloatView box_values(boxes, "boxes");
  const FloatView score_values(scores, "scores");
  const std::vector<std::int64_t> numbers = ToIntegers(classes, "numbers of classes");
  const std::int64_t first = spec.background == Background::kFirst ? 1 : 0;
  const bool y_first = spec.box_order == BoxOrder::kYx;
  std::vector<std::vector<Detection>> detections(pictures.size());
  for (std::int64_t n = 0; n < images; ++n) {
    const auto picture = static_cast<std::size_t>(n);
    const PictureBoxes place = BoxesIn(pictures[picture]);
    const std::int64_t count = std::clamp<std::int64_t>(counts[picture], 0, most);
    for (std::int64_t i = n * most; i < n * most + count; ++i) {
      const float score = score_values.data()[i];
      const std::int64_t index = numbers[static_cast<std::size_t>(i)] - first;
      if (!(score >= spec.score_threshold) || index < 0) continue;
      const float* box = box_values.data() + i * kBoxSize;
      const float turned[] = {box[1], box[0], box[3], box[2]};
      place.Add(static_cast<std::size_t>(index), score, y_first ? turned : box,
                detections[picture]);
    }
    std::stable_sort(detections[picture].begin(), detections[picture].end(),
                     [](const Detection& a, const Detection& c) { return a.score > c.score; });
    if (detections[picture].size() > static_cast<std::size_t>(spec.max_detections)) {
      detections[picture].resize(static_cast<std::size_t>(spec.max_detections));
    }
  }
  return detections;
}

DetectionDecoder::DetectionDecoder(Descriptor fitted, const DetectionDecoderOptions& options)
    : impl_(std::make_unique<Impl>(std::move(fitted), options)) {}
DetectionDecoder::DetectionDecoder(DetectionDecoder&&) noexcept = default;
DetectionDecoder& DetectionDecoder::operator=(DetectionDecoder&&) noexcept = default;
DetectionDecoder::~DetectionDecoder() = default;

std::vector<std::vector<Detection>> DetectionDecoder::Decode(
    const Tensors& outputs, std::span<const PictureSize> pictures) {
  return impl_->Decode(outputs, pictures);
}

void DetectionDecoder::CheckOutputs(const std::vector<TensorInfo>& outputs) const {
  impl_->CheckOutputs(outputs);
}

const Descriptor& DetectionDecoder::descriptor() const { return impl_->descriptor(); }

std::size_t CountDetectorClasses(const Descriptor& fitted, const std::vector<TensorInfo>& outputs) {
  const DetectionSpec& spec = fitted.detection;
  if (spec.nms == NmsKind::kNone) return 0;
  for (const TensorInfo& output : outputs) {
    if (output.name != spec.scores || !output.has_shape || output.shape.empty()) continue;
    const std::int64_t classes =
        output.shape.back() - (spec.background == Background::kNone ? 0 : 1);
    return classes > 0 ? static_cast<std::size_t>(classes) : 0;
  }
  return 0;
}

}  // namespace kinglet
