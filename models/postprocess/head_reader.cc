#include "models/postprocess/head_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kinglet/classify.h"

namespace kinglet {
namespace {

constexpr std::size_t kBoxSize = 4;
constexpr float kInf = std::numeric_limits<float>::infinity();

FloatView ViewOf(const Tensors& outputs, const PartPlace& place, const char* what) {
  return place.defined() ? FloatView(outputs.find(place.output)->second, what) : FloatView();
}

// The mean of 0, 1, 2, ... weighed by the softmax of `bins` logits.
float MeanOfBins(const float* logits, std::int64_t stride, int bins) {
  float max = -kInf;
  for (int i = 0; i < bins; ++i) max = std::max(max, logits[i * stride]);
  double sum = 0, mean = 0;
  for (int i = 0; i < bins; ++i) {
    const double weight =
        std::exp(static_cast<double>(logits[i * stride]) - static_cast<double>(max));
    sum += weight;
    mean += weight * i;
  }
  return static_cast<float>(mean / sum);
}

}  // namespace

HeadReader::HeadReader(const Descriptor& descriptor, const Tensors& outputs,
                       std::vector<LevelPlaces> levels, const std::vector<float>& anchors,
                       const std::vector<std::size_t>& map_ends)
    : descriptor_(descriptor),
      spec_(descriptor.detection),
      levels_(std::move(levels)),
      anchors_(anchors),
      map_ends_(map_ends) {
  std::size_t first = 0;
  for (const LevelPlaces& places : levels_) {
    read_.push_back({places, ViewOf(outputs, places.boxes, "boxes"),
                     ViewOf(outputs, places.scores, "class scores"),
                     ViewOf(outputs, places.objectness, "objectness"),
                     ViewOf(outputs, places.landmarks, "landmarks"), first});
    first += static_cast<std::size_t>(places.anchors());
  }
}

ScoreActivation HeadReader::activation() const {
  return levels_.front().objectness.defined() ? ScoreActivation::kNone : descriptor_.activation;
}

BoxCoding HeadReader::coding() const {
  const bool undone = IsYolo(spec_.box_coding) || spec_.box_coding == BoxCoding::kCenterLinear;
  return undone ? BoxCoding::kCenters : spec_.box_coding;
}

float HeadReader::Activated(float x) const {
  return descriptor_.activation == ScoreActivation::kNone ? x : 1.0f / (1.0f + std::exp(-x));
}

float HeadReader::Joined(float score, float objectness) const {
  if (spec_.score_rule == ScoreRule::kProduct) return score * objectness;
  return std::sqrt(std::max(score, 0.0f) * std::max(objectness, 0.0f));
}

// The greatest score of each anchor of a level in planes, as it stands in the output; NaN counts as
// nothing. Planes are gone through one after the other, as they lie.
void HeadReader::FindBest(const Level& level, std::int64_t picture) {
  best_.clear();
  const PartPlace& place = level.places.scores;
  if (spec_.layout != OutputLayout::kPlanes || place.boxes != 1) return;
  best_.assign(static_cast<std::size_t>(place.anchors), -kInf);
  const std::int64_t first = spec_.background == Background::kFirst ? 1 : 0;
  const std::int64_t last = place.columns - (spec_.background == Background::kLast ? 1 : 0);
  for (std::int64_t c = first; c < last; ++c) {
    const float* plane = level.scores.data() + place.Offset(picture, 0) + c * place.column_stride;
    for (std::size_t a = 0; a < best_.size(); ++a) {
      best_[a] = plane[a] > best_[a] ? plane[a] : best_[a];
    }
  }
}

float HeadReader::BestOf(const Level& level, std::int64_t picture, std::int64_t anchor) const {
  if (!best_.empty()) return best_[static_cast<std::size_t>(anchor)];
  const PartPlace& place = level.places.scores;
  const std::int64_t first = spec_.background == Background::kFirst ? 1 : 0;
  const std::int64_t last = place.columns - (spec_.background == Background::kLast ? 1 : 0);
  const float* row = level.scores.data() + place.Offset(picture, anchor);
  float best = -kInf;
  for (std::int64_t c = first; c < last; ++c) {
    const float score = row[c * place.column_stride];
    best = score > best ? score : best;
  }
  return best;
}

// False for anchors that cannot pass: the kernels decide about the others. Of a product neither
// factor, a probability, may be below the threshold.
bool HeadReader::MayPass(const Level& level, std::int64_t picture, std::int64_t anchor) const {
  constexpr float kRounding = 1e-5f;
  const float least = spec_.score_threshold - kRounding;
  const PartPlace& place = level.places.objectness;
  if (!place.defined()) return Activated(BestOf(level, picture, anchor)) >= least;
  const float factor = Activated(level.objectness.data()[place.Offset(picture, anchor)]);
  if (spec_.score_rule == ScoreRule::kProduct && !(factor >= least)) return false;
  return Joined(Activated(BestOf(level, picture, anchor)), factor) >= least;
}

void HeadReader::Gather(std::int64_t picture, GatheredRows& rows) {
  rows.scores.clear();
  rows.codes.clear();
  rows.anchors.clear();
  rows.places.clear();
  // What a softmax makes of a row is not known before all of it is read.
  const bool all = descriptor_.activation == ScoreActivation::kSoftmax;
  for (std::size_t l = 0; l < read_.size(); ++l) {
    const Level& level = read_[l];
    if (!all) FindBest(level, picture);
    for (std::int64_t a = 0; a < level.places.anchors(); ++a) {
      if (!all && !MayPass(level, picture, a)) continue;
      AddRow(level, picture, a, rows);
      rows.places.emplace_back(static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(a));
    }
  }
}

void HeadReader::AddRow(const Level& level, std::int64_t picture, std::int64_t anchor,
                        GatheredRows& rows) {
  AddScores(level, picture, anchor, rows.scores);
  AddCodes(level, picture, anchor, rows.codes);
  if (HasAnchors(coding())) {
    const std::size_t of_all = level.first_anchor + static_cast<std::size_t>(anchor);
    const float* box = anchors_.data() + of_all * kBoxSize;
    rows.anchors.insert(rows.anchors.end(), box, box + kBoxSize);
  }
}

void HeadReader::AddScores(const Level& level, std::int64_t picture, std::int64_t anchor,
                           std::vector<float>& scores) {
  const PartPlace& place = level.places.scores;
  const float* row = level.scores.data() + place.Offset(picture, anchor);
  const std::size_t begin = scores.size();
  for (std::int64_t c = 0; c < place.columns; ++c) scores.push_back(row[c * place.column_stride]);
  const std::span<float> added(scores.data() + begin, scores.size() - begin);
  if (spec_.background == Background::kLast) {
    std::rotate(added.begin(), added.end() - 1, added.end());
  }
  const PartPlace& objectness = level.places.objectness;
  if (!objectness.defined()) return;
  const float factor = Activated(level.objectness.data()[objectness.Offset(picture, anchor)]);
  const bool softmax = descriptor_.activation == ScoreActivation::kSoftmax;
  if (softmax) Softmax(added);
  for (float& score : added) score = Joined(softmax ? score : Activated(score), factor);
}

void HeadReader::AddCodes(const Level& level, std::int64_t picture, std::int64_t anchor,
                          std::vector<float>& codes) {
  const PartPlace& place = level.places.boxes;
  const float* row = level.boxes.data() + place.Offset(picture, anchor);
  float code[kBoxSize];
  for (std::size_t k = 0; k < kBoxSize; ++k) {
    const std::int64_t at = static_cast<std::int64_t>(k) * spec_.box_bins * place.column_stride;
    code[k] =
        spec_.box_bins == 1 ? row[at] : MeanOfBins(row + at, place.column_stride, spec_.box_bins);
  }
  const std::size_t of_all = level.first_anchor + static_cast<std::size_t>(anchor);
  if (IsYolo(spec_.box_coding)) FromYolo(of_all, code);
  if (spec_.box_coding == BoxCoding::kCenterLinear) {
    const float* box = anchors_.data() + of_all * kBoxSize;
    for (std::size_t k = 0; k < kBoxSize; ++k) {
      code[k] = code[k] / spec_.box_scales[k] * box[k % 2 + 2] + (k < 2 ? box[k] : 0.0f);
    }
  }
  codes.insert(codes.end(), code, code + kBoxSize);
}

// Centre and size from a code of YOLO.
void HeadReader::FromYolo(std::size_t anchor, float* code) const {
  const auto map = static_cast<std::size_t>(
      std::upper_bound(map_ends_.begin(), map_ends_.end(), anchor) - map_ends_.begin());
  const auto stride = static_cast<float>(spec_.anchors.strides[map]);
  const float* box = anchors_.data() + anchor * kBoxSize;
  const bool v5 = spec_.box_coding == BoxCoding::kYoloV5;
  for (std::size_t k = 0; k < 2; ++k) {
    const float place = Activated(code[k] / spec_.box_scales[k]);
    code[k] = (v5 ? 2 * place - 0.5f : place) * stride + box[k];
  }
  for (std::size_t k = 2; k < kBoxSize; ++k) {
    const float size = code[k] / spec_.box_scales[k];
    const float twice = 2 * Activated(size);
    code[k] = (v5 ? twice * twice : std::exp(size)) * box[k];
  }
}

void HeadReader::Landmarks(std::int64_t picture, const GatheredRows& rows, std::size_t row,
                           std::vector<float>& points) const {
  points.clear();
  const auto [l, anchor] = rows.places[row];
  const Level& level = read_[l];
  const PartPlace& place = level.places.landmarks;
  if (!place.defined()) return;
  const float* data = level.landmarks.data() + place.Offset(picture, anchor);
  const float* box = nullptr;
  if (HasAnchors(spec_.box_coding))
    box = anchors_.data() + (level.first_anchor + anchor) * kBoxSize;
  const bool x_first = spec_.box_order == BoxOrder::kXy;
  for (std::int64_t c = 0; c + spec_.landmark_size <= place.columns; c += spec_.landmark_size) {
    float point[2];
    for (std::size_t k = 0; k < 2; ++k) {
      const float code = data[(c + static_cast<std::int64_t>(k)) * place.column_stride];
      point[k] = box == nullptr ? code : code / spec_.box_scales[k] * box[k + 2] + box[k];
      if (!std::isfinite(point[k])) {
        points.clear();
        return;
      }
    }
    points.insert(points.end(), {point[x_first ? 0 : 1], point[x_first ? 1 : 0]});
  }
}

}  // namespace kinglet
