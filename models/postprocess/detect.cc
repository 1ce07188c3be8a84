#include "kinglet/detect.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <new>
#include <numeric>

#include "kernels/common/aligned.h"
#include "kernels/nms/detect.h"
#include "kinglet/error.h"
#include "kinglet/parallel.h"
#include "models/anchors/anchor_file.h"
#include "models/anchors/anchors.h"
#include "models/descriptor/folder_file.h"
#include "models/postprocess/finished.h"
#include "models/postprocess/floats.h"
#include "models/postprocess/head_reader.h"
#include "models/postprocess/head_shapes.h"
#include "models/postprocess/picture_boxes.h"

namespace kinglet {
namespace {

constexpr std::int64_t kBoxSize = 4;

// The shape of a planned output, when it is known. The type is always known.
const Shape* ShapeOf(const std::vector<TensorInfo>& outputs, const std::string& name,
                     const char* what) {
  const auto found = std::find_if(outputs.begin(), outputs.end(),
                                  [&](const TensorInfo& info) { return info.name == name; });
  if (found == outputs.end()) MissingOutput(name);
  CheckFloats(found->type, what);
  const bool known = found->has_shape && std::all_of(found->shape.begin(), found->shape.end(),
                                                     [](std::int64_t size) { return size >= 0; });
  return known ? &found->shape : nullptr;
}

kernels::BoxCoder CoderOf(const DetectionSpec& spec, BoxCoding coding) {
  kernels::BoxCoder coder;
  switch (coding) {
    case BoxCoding::kNone:
      coder.coding = kernels::BoxCoding::kCorners;
      break;
    case BoxCoding::kCenterSize:
      coder.coding = kernels::BoxCoding::kCentreSize;
      break;
    case BoxCoding::kPointOffset:
      coder.coding = kernels::BoxCoding::kDistances;
      break;
    default:
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

constexpr std::int64_t kMostColumns = std::int64_t{1} << 20;

bool SameRows(const Shape& boxes, const Shape& scores) {
  return boxes[0] == scores[0] && boxes[1] == scores[1];
}

}  // namespace

class DetectionDecoder::Impl {
 public:
  Impl(Descriptor descriptor, const DetectionDecoderOptions& options)
      : descriptor_(std::move(descriptor)), threads_(std::max(options.threads, 1)) {
    const AnchorSpec& spec = descriptor_.detection.anchors;
    const int size = descriptor_.detection.landmark_size;
    if (descriptor_.detection.box_bins < 1 || size < 2 || size > 3) {
      throw Error(ErrorCode::kInvalidModel,
                  "descriptor '" + descriptor_.name +
                      "': expected output.box_bins of at least 1 and output.landmark_size 2 or 3");
    }
    if (!HasAnchors(descriptor_.detection.box_coding)) return;
    const bool grid = spec.generator == AnchorGenerator::kGrid && !spec.strides.empty() &&
                      descriptor_.detection.unit == BoxUnit::kPixels;
    if (IsYolo(descriptor_.detection.box_coding) && (!grid || !options.anchors_file.empty())) {
      throw Error(ErrorCode::kInvalidModel, "descriptor '" + descriptor_.name +
                                                "': output.anchors: expected a grid with strides, "
                                                "in pixels, as output.box_coding needs it");
    }
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
                                             std::span<const PictureSize> pictures,
                                             DecodeTimes* times) {
    times_.assign(times == nullptr ? 0 : static_cast<std::size_t>(threads_), {});
    const auto start = std::chrono::steady_clock::now();
    auto detections = Decode(outputs, pictures);
    if (times == nullptr) return detections;
    const std::chrono::duration<double> all = std::chrono::steady_clock::now() - start;
    AddTimes(all.count(), *times);
    return detections;
  }

  std::vector<std::vector<Detection>> Decode(const Tensors& outputs,
                                             std::span<const PictureSize> pictures) {
    const DetectionSpec& spec = descriptor_.detection;
    if (spec.nms == NmsKind::kNone) {
      std::vector<PictureBoxes> places;
      for (const PictureSize& picture : pictures) places.push_back(BoxesIn(picture));
      return ReadFinished(spec, outputs, places);
    }
    if (generated_ && descriptor_.picture_size && !pictures.empty()) {
      MakeAnchorsFor(pictures.front());
    }
    const ShapeOfOutput shape_of = [&](const std::string& name) {
      return &FindOutput(outputs, name).shape();
    };
    return IsPlain(shape_of) ? Raw(outputs, pictures) : Gathered(outputs, shape_of, pictures);
  }

  void CheckOutputs(const std::vector<TensorInfo>& outputs) const {
    const DetectionSpec& spec = descriptor_.detection;
    if (spec.nms == NmsKind::kNone || descriptor_.picture_size) return;
    const ShapeOfOutput shape_of = [&](const std::string& name) {
      return ShapeOf(outputs, name, name == spec.boxes ? "boxes" : "class scores");
    };
    if (!IsPlain(shape_of)) {
      const auto levels = PlaceHeads(spec, shape_of, AnchorsOfLevels());
      if (!levels.empty()) CheckLevels(levels, levels.front().boxes.pictures);
      return;
    }
    const Shape* boxes = shape_of(spec.boxes);
    const Shape* scores = shape_of(spec.scores);
    if (boxes == nullptr || scores == nullptr || boxes->empty()) return;
    Checked(*boxes, *scores, boxes->front());
  }

  bool TakesBatches(const std::vector<TensorInfo>& outputs) const {
    const DetectionSpec& spec = descriptor_.detection;
    if (spec.nms == NmsKind::kNone) return false;
    for (const HeadOutputs& head : spec.Heads()) {
      for (const std::string& name : {head.boxes, head.scores}) {
        const Shape* shape = ShapeOf(outputs, name, "numbers of anchors");
        if (shape != nullptr && (shape->size() < 3 || shape->front() != 1)) return false;
      }
    }
    return true;
  }

  const Descriptor& descriptor() const { return descriptor_; }

 private:
  kernels::DetectTimes* TimesOf(std::size_t worker) {
    return times_.empty() ? nullptr : &times_[worker];
  }

  // Of a call that took this long; threads that decode pictures side by side count each.
  void AddTimes(double seconds, DecodeTimes& times) const {
    double detected = 0;
    for (const kernels::DetectTimes& each : times_) {
      times.decode += each.decode;
      times.suppress += each.suppress;
      times.choose += each.all - each.decode - each.suppress;
      detected += each.all;
    }
    times.other += std::max(0.0, seconds - detected);
  }

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
    anchors_of_maps_ = AnchorsOfMaps(spec.anchors, input.width, input.height);
    map_ends_.resize(anchors_of_maps_.size());
    std::partial_sum(anchors_of_maps_.begin(), anchors_of_maps_.end(), map_ends_.begin());
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

  // Outputs without a batch axis, or of the maps as they are.
  bool LieOtherwise(const ShapeOfOutput& shape_of) const {
    const Shape* boxes = shape_of(descriptor_.detection.boxes);
    const Shape* scores = shape_of(descriptor_.detection.scores);
    if (boxes == nullptr || scores == nullptr) return false;
    return boxes->size() == 2 || boxes->size() == 5 || (boxes->size() == 4 && scores->size() == 4);
  }
  bool IsPlain(const ShapeOfOutput& shape_of) const {
    return IsPlainHead(descriptor_.detection) && !LieOtherwise(shape_of);
  }
  // Of each feature map, or of all together where they come from a file.
  std::vector<std::size_t> AnchorsOfLevels() const {
    if (!HasAnchors(descriptor_.detection.box_coding)) return {};
    if (generated_) return anchors_of_maps_;
    return {anchors_.size() / static_cast<std::size_t>(kBoxSize)};
  }

  void CheckLevels(const std::vector<LevelPlaces>& levels, std::int64_t pictures) const;
  kernels::Detect DetectOf(std::int64_t anchors, std::int64_t columns) const;
  kernels::Detect Checked(const Shape& b, const Shape& s, std::int64_t pictures) const;
  const float* BackgroundFirst(const float* scores, const Shape& shape);
  std::vector<std::vector<Detection>> Raw(const Tensors& outputs,
                                          std::span<const PictureSize> pictures);
  std::vector<std::vector<Detection>> Gathered(const Tensors& outputs,
                                               const ShapeOfOutput& shape_of,
                                               std::span<const PictureSize> pictures);

  Descriptor descriptor_;
  int threads_;
  std::vector<float> anchors_;
  std::vector<std::size_t> anchors_of_maps_, map_ends_;  // of generated ones
  bool generated_ = false;
  PictureSize anchors_for_;
  std::vector<Scratch> scratch_;             // of each thread
  std::vector<kernels::DetectTimes> times_;  // of each thread; none where nobody asks
  std::vector<kernels::Detection> found_;    // of all pictures
  std::vector<float> turned_;
  GatheredRows rows_;
};

kernels::Detect DetectionDecoder::Impl::DetectOf(std::int64_t anchors, std::int64_t columns) const {
  const DetectionSpec& spec = descriptor_.detection;
  constexpr std::int64_t kMostScores = std::int64_t{1} << 32;
  if (columns != 0 && anchors >= kMostScores / columns) {
    throw Error(ErrorCode::kResource,
                "output '" + spec.Heads().front().scores + "': more than 2^32 scores");
  }
  kernels::Detect detect;
  detect.anchors = anchors;
  detect.columns = columns;
  detect.first_class = spec.background == Background::kNone ? 0 : 1;
  detect.activation = ActivationOf(descriptor_.activation);
  detect.limit = {spec.score_threshold, true};
  detect.coder = CoderOf(spec, spec.box_coding);
  detect.kind =
      spec.nms == NmsKind::kFast ? kernels::DetectKind::kFast : kernels::DetectKind::kPerClass;
  detect.iou_threshold = spec.iou_threshold;
  detect.max_per_class = detect.max_detections = spec.max_detections;
  return detect;
}

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
  kernels::Detect detect = DetectOf(b[1], s[2]);
  if (detect.columns <= detect.first_class) {
    BadOutput(spec.scores, "scores of at least one class", ShapeToString(s));
  }
  if (own && b[2] != 1 && b[2] != s[2] && b[2] != s[2] - detect.first_class) {
    BadOutput(spec.boxes, "one box, or one for each class", ShapeToString(b));
  }
  if (own) detect.code_classes = b[2];
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
  const Tensor& boxes = FindOutput(outputs, descriptor_.detection.boxes);
  const Tensor& scores = FindOutput(outputs, descriptor_.detection.scores);
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
    kernels::Detect timed = detect;
    timed.times = TimesOf(static_cast<std::size_t>(worker));
    counts[static_cast<std::size_t>(n)] = kernels::RunDetect(
        timed, rows + n * detect.anchors * detect.columns,
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

void DetectionDecoder::Impl::CheckLevels(const std::vector<LevelPlaces>& levels,
                                         std::int64_t pictures) const {
  const DetectionSpec& spec = descriptor_.detection;
  const PartPlace& boxes = levels.front().boxes;
  const PartPlace& scores = levels.front().scores;
  if (boxes.pictures != pictures) {
    BadOutput(boxes.output, std::to_string(pictures) + " pictures", std::to_string(boxes.pictures));
  }
  if (scores.columns <= (spec.background == Background::kNone ? 0 : 1)) {
    BadOutput(scores.output, "scores of at least one class", std::to_string(scores.columns));
  }
  if (scores.columns > kMostColumns) {
    throw Error(ErrorCode::kResource, "output '" + scores.output + "': more than " +
                                          std::to_string(kMostColumns) + " classes");
  }
  for (const LevelPlaces& level : levels) {
    if (level.objectness.defined() && level.objectness.columns != 1) {
      BadOutput(level.objectness.output, "one number for each anchor",
                std::to_string(level.objectness.columns));
    }
  }
}

// Outputs that do not lie as the kernels take them: rows that can pass are gathered first.
std::vector<std::vector<Detection>> DetectionDecoder::Impl::Gathered(
    const Tensors& outputs, const ShapeOfOutput& shape_of, std::span<const PictureSize> pictures) {
  auto levels = PlaceHeads(descriptor_.detection, shape_of, AnchorsOfLevels());
  CheckLevels(levels, static_cast<std::int64_t>(pictures.size()));
  HeadReader reader(descriptor_, outputs, std::move(levels), anchors_, map_ends_);
  std::vector<std::vector<Detection>> detections(pictures.size());
  std::vector<float> points;
  scratch_.resize(std::max(scratch_.size(), std::size_t{1}));
  for (std::size_t n = 0; n < pictures.size(); ++n) {
    const auto picture = static_cast<std::int64_t>(n);
    reader.Gather(picture, rows_);
    if (rows_.size() == 0) continue;
    kernels::Detect detect = DetectOf(static_cast<std::int64_t>(rows_.size()), reader.columns());
    detect.activation = ActivationOf(reader.activation());
    detect.coder = CoderOf(descriptor_.detection, reader.coding());
    detect.times = TimesOf(0);
    scratch_.front().Reserve(kernels::DetectScratchBytes(detect));
    found_.resize(static_cast<std::size_t>(kernels::MaxDetections(detect)));
    const std::int64_t count =
        kernels::RunDetect(detect, rows_.scores.data(), rows_.codes.data(), rows_.anchors.data(),
                           scratch_.front().data(), found_.data());
    const PictureBoxes place = BoxesIn(pictures[n]);
    for (std::int64_t i = 0; i < count; ++i) {
      const kernels::Detection& found = found_[static_cast<std::size_t>(i)];
      reader.Landmarks(picture, rows_, found.anchor, points);
      place.Add(static_cast<std::size_t>(found.index), found.score, found.box, detections[n],
                points);
    }
  }
  return detections;
}

DetectionDecoder::DetectionDecoder(Descriptor fitted, const DetectionDecoderOptions& options)
    : impl_(std::make_unique<Impl>(std::move(fitted), options)) {}
DetectionDecoder::DetectionDecoder(DetectionDecoder&&) noexcept = default;
DetectionDecoder& DetectionDecoder::operator=(DetectionDecoder&&) noexcept = default;
DetectionDecoder::~DetectionDecoder() = default;

std::vector<std::vector<Detection>> DetectionDecoder::Decode(const Tensors& outputs,
                                                             std::span<const PictureSize> pictures,
                                                             DecodeTimes* times) {
  return impl_->Decode(outputs, pictures, times);
}

void DetectionDecoder::CheckOutputs(const std::vector<TensorInfo>& outputs) const {
  impl_->CheckOutputs(outputs);
}

bool DetectionDecoder::TakesBatches(const std::vector<TensorInfo>& outputs) const {
  return impl_->TakesBatches(outputs);
}

const Descriptor& DetectionDecoder::descriptor() const { return impl_->descriptor(); }

std::size_t CountDetectorClasses(const Descriptor& fitted, const std::vector<TensorInfo>& outputs) {
  const DetectionSpec& spec = fitted.detection;
  if (spec.nms == NmsKind::kNone) return 0;
  const ShapeOfOutput shape_of = [&](const std::string& name) -> const Shape* {
    const auto found = std::find_if(outputs.begin(), outputs.end(),
                                    [&](const TensorInfo& info) { return info.name == name; });
    return found == outputs.end() || !found->has_shape ? nullptr : &found->shape;
  };
  const std::int64_t columns = ScoreColumns(spec, shape_of);
  const std::int64_t classes = columns - (spec.background == Background::kNone ? 0 : 1);
  return classes > 0 ? static_cast<std::size_t>(classes) : 0;
}

}  // namespace kinglet
