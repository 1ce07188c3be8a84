#include "kernels/nms/detect.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "kernels/common/aligned.h"
#include "kernels/math/math.h"
#include "kernels/nms/nms.h"

namespace kinglet::kernels {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Candidates that are looked at together, at least; more come in groups of classes.
constexpr int64_t kMinCapacity = 1 << 15;
constexpr int64_t kMinColumns = 16;

int64_t Classes(const Detect& d) { return d.columns - d.first_class; }

int64_t CandidateCapacity(const Detect& d) {
  return std::min(d.anchors * Classes(d), std::max(kMinColumns * d.anchors, kMinCapacity));
}

// One suppression's limit.
int64_t MaxSelected(const Detect& d) {
  return std::min(d.anchors, d.kind == DetectKind::kFast ? d.max_detections : d.max_per_class);
}

int64_t PoolCapacity(const Detect& d) {
  if (d.kind == DetectKind::kFast) return 0;
  const int64_t all = MaxSelected(d) * Classes(d);
  return std::min(all, 2 * std::min(d.max_detections, all) + MaxSelected(d));
}

// Offsets of the arrays in the scratch memory.
struct Offsets {
  explicit Offsets(const Detect& d) {
    const auto anchors = static_cast<size_t>(d.anchors);
    const auto candidates = static_cast<size_t>(CandidateCapacity(d));
    const auto pool_size = static_cast<size_t>(PoolCapacity(d));
    keys = Take(std::max(candidates, anchors) * sizeof(uint64_t));
    found_rows = Take(std::max(candidates, anchors) * sizeof(uint32_t));
    found_columns = Take(candidates * sizeof(uint32_t));
    values = Take(candidates * sizeof(float));
    rows = Take(anchors * sizeof(uint32_t));
    class_rows = Take(anchors * sizeof(uint32_t));
    boxes = Take(anchors * 4 * sizeof(float));
    row = Take(static_cast<size_t>(d.columns) * sizeof(float));
    class_keys = Take(static_cast<size_t>(d.columns) * sizeof(uint64_t));
    starts = Take(static_cast<size_t>(Classes(d) + 1) * sizeof(uint32_t));
    pool = Take(pool_size * sizeof(Detection));
    other_pool = Take(pool_size * sizeof(Detection));
    order = Take(pool_size * sizeof(uint64_t));
    nms = Take(NmsScratchBytes({d.iou_threshold, MaxSelected(d), BoxForm::kCorners}, d.anchors));
  }
  size_t keys, found_rows, found_columns, values, rows, class_rows, boxes, row, class_keys, starts,
      pool, other_pool, order, nms;
  size_t bytes = 0;

 private:
  size_t Take(size_t size) {
    const size_t at = bytes;
    bytes += RoundUpToLine(size);
    return at;
  }
};

// A logit below which no sigmoid passes, rounding errors included.
float LeastLogit(float threshold) {
  const double t = static_cast<double>(threshold);
  if (std::isnan(t)) return threshold;
  if (t <= 0) return -kInf;
  if (t > 0.999999) return 12.0f;
  const double logit = std::log(t / (1 - t));
  return static_cast<float>(logit - 1e-4 - 1e-5 * std::abs(logit) - 1e-6 / (1 - t));
}

// Adds the seconds that it lives to a part of the times, where somebody wants them.
class PartTimer {
 public:
  PartTimer(DetectTimes* times, double DetectTimes::*part) noexcept
      : sum_(times == nullptr ? nullptr : &(times->*part)) {
    if (sum_ != nullptr) start_ = Clock::now();
  }
  ~PartTimer() {
    if (sum_ != nullptr) *sum_ += std::chrono::duration<double>(Clock::now() - start_).count();
  }
  PartTimer(const PartTimer&) = delete;
  PartTimer& operator=(const PartTimer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  double* sum_;
  Clock::time_point start_;
};

class Detector {
 public:
  Detector(const Detect& detect, const float* scores, const float* codes, const float* anchors,
           void* scratch)
      : d_(detect), scores_(scores), codes_(codes), anchors_(anchors) {
    const Offsets at(detect);
    auto* base = static_cast<std::byte*>(scratch);
    const auto set = [base](auto*& pointer, size_t offset) {
      pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(base + offset);
    };
    set(keys_, at.keys);
    set(found_rows_, at.found_rows);
    set(found_columns_, at.found_columns);
    set(values_, at.values);
    set(rows_, at.rows);
    set(class_rows_, at.class_rows);
    set(boxes_, at.boxes);
    set(row_, at.row);
    set(class_keys_, at.class_keys);
    set(starts_, at.starts);
    set(pool_, at.pool);
    set(other_pool_, at.other_pool);
    set(order_, at.order);
    set(nms_scratch_, at.nms);
  }

  int64_t Fast(Detection* out);
  int64_t PerClass(Detection* out);

 private:
  ScoreRows Rows(int64_t first, int64_t width) const;
  const float* Activated(int64_t anchor);
  int64_t Find(int64_t first, int64_t width);
  int64_t FindSoftmax(int64_t first, int64_t width);
  int64_t Group(int64_t count, int64_t first, int64_t width);
  void DecodeClass(int64_t column, uint64_t* keys, int64_t count);
  void Class(int64_t column, uint64_t* keys, int64_t count);
  // Of scores that are looked at: those below have not passed, or cannot be among the best.
  float LeastScore() const {
    return has_floor_ ? std::max(d_.limit.threshold, floor_) : d_.limit.threshold;
  }
  int64_t BestColumn(const float* row) const;
  int64_t BestClasses(uint32_t anchor, const float* box, Detection* out);
  void Prune();
  int64_t CodeRow(int64_t anchor, int64_t column) const {
    return d_.code_classes == 1
               ? anchor
               : anchor * d_.code_classes + column - (d_.columns - d_.code_classes);
  }
  int64_t Suppress(uint64_t* keys, int64_t count, int64_t max_output) {
    const PartTimer timer(d_.times, &DetectTimes::suppress);
    const Nms nms{d_.iou_threshold, max_output, BoxForm::kCorners};
    return nms_(nms, boxes_, keys, count, nms_scratch_);
  }
  void Decode(const uint32_t* rows, int64_t count) {
    const PartTimer timer(d_.times, &DetectTimes::decode);
    decode_(d_.coder, codes_, anchors_, rows, count, d_.code_classes, boxes_);
  }

  const Detect& d_;
  const float *scores_, *codes_, *anchors_;
  const MathTable& math_ = GetMathTable();
  const ScoreRowsTable& score_rows_ = GetScoreRowsTable();
  const DecodeBoxesFn decode_ = GetDecodeBoxes();
  const NmsFn nms_ = GetNms();

  uint64_t* keys_;                         // of candidates, by class
  uint32_t *found_rows_, *found_columns_;  // where the candidates stand
  float* values_;                          // their scores
  uint32_t *rows_, *class_rows_;           // rows of the codes whose boxes are decoded
  float* boxes_;
  float* row_;  // the scores of one anchor
  uint64_t* class_keys_;
  uint32_t* starts_;               // where the keys of each class begin
  Detection *pool_, *other_pool_;  // selected of the classes so far
  uint64_t* order_;
  std::byte* nms_scratch_;
  int64_t pool_count_ = 0;
  // Nothing that has this score or less can be among the best any more.
  float floor_ = -kInf;
  bool has_floor_ = false;
};

ScoreRows Detector::Rows(int64_t first, int64_t width) const {
  ScoreRows rows{scores_, d_.anchors, d_.columns, first, width, LeastScore()};
  if (d_.activation != ScoreActivation::kNone) rows.cut = LeastLogit(rows.cut);
  if (d_.activation == ScoreActivation::kSoftmax) {
    // p <= 1 / (1 + exp(background - logit)); without a background every row is summed.
    rows.relative = d_.first_class > 0;
    if (!rows.relative) rows.cut = -kInf;
  }
  return rows;
}

// The scores of an anchor after the activation.
const float* Detector::Activated(int64_t anchor) {
  const float* row = scores_ + anchor * d_.columns;
  const auto count = static_cast<size_t>(d_.columns);
  if (d_.activation == ScoreActivation::kNone) return row;
  if (d_.activation == ScoreActivation::kSigmoid) {
    math_.sigmoid(row, row_, count, 0, 0);
    return row_;
  }
  float max = -kInf;
  for (size_t i = 0; i < count; ++i) max = row[i] > max ? row[i] : max;
  const float scale = 1.0f / math_.exp_sum(row, max, row_, count);
  for (size_t i = 0; i < count; ++i) row_[i] *= scale;
  return row_;
}

int64_t Detector::FindSoftmax(int64_t first, int64_t width) {
  const int64_t rows = score_rows_.find_rows(Rows(first, width), rows_);
  int64_t count = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float* scores = Activated(rows_[r]);
    const ScoreRows row{scores, 1, d_.columns, first, width, LeastScore()};
    const int64_t more =
        score_rows_.find_scores(row, CandidateCapacity(d_) - count, found_rows_ + count,
                                found_columns_ + count, values_ + count);
    if (more < 0) return -1;
    std::fill_n(found_rows_ + count, more, rows_[r]);
    count += more;
  }
  return count;
}

// Candidates of these columns, with their scores; -1 when they are too many.
int64_t Detector::Find(int64_t first, int64_t width) {
  if (d_.activation == ScoreActivation::kSoftmax) return FindSoftmax(first, width);
  const int64_t count = score_rows_.find_scores(Rows(first, width), CandidateCapacity(d_),
                                                found_rows_, found_columns_, values_);
  if (count > 0 && d_.activation == ScoreActivation::kSigmoid) {
    math_.sigmoid(values_, values_, static_cast<size_t>(count), 0, 0);
  }
  return count;
}

// Drops candidates that do not pass, numbers the anchors of the others (rows_), and orders their
// keys by class. Returns how many anchors there are.
int64_t Detector::Group(int64_t count, int64_t first, int64_t width) {
  std::fill_n(starts_, width + 1, 0u);
  int64_t passed = 0, anchors = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (!d_.limit.Passes(values_[i])) continue;
    const uint32_t row = found_rows_[i], column = found_columns_[i];
    if (anchors == 0 || rows_[anchors - 1] != row) rows_[anchors++] = row;
    found_rows_[passed] = static_cast<uint32_t>(anchors - 1);
    found_columns_[passed] = column;
    values_[passed++] = values_[i];
    ++starts_[column - first + 1];
  }
  for (int64_t c = 0; c < width; ++c) starts_[c + 1] += starts_[c];
  for (int64_t i = 0; i < passed; ++i) {
    keys_[starts_[found_columns_[i] - first]++] = ScoreKey(values_[i], found_rows_[i]);
  }
  for (int64_t c = width; c > 0; --c) starts_[c] = starts_[c - 1];
  starts_[0] = 0;
  return anchors;
}

// Keeps the best of the pool, in order.
void Detector::Prune() {
  const int64_t best = std::min(pool_count_, d_.max_detections);
  for (int64_t i = 0; i < pool_count_; ++i) {
    order_[i] = ScoreKey(pool_[i].score, static_cast<uint32_t>(i));
  }
  SelectTopKeys(order_, pool_count_, best);
  for (int64_t i = 0; i < best; ++i) other_pool_[i] = pool_[KeyIndex(order_[i])];
  std::swap(pool_, other_pool_);
  pool_count_ = best;
  if (best == d_.max_detections) {
    floor_ = pool_[best - 1].score;
    has_floor_ = true;
  }
}

// Where each class has boxes of its own: decodes those of the keys, which are numbered anew.
void Detector::DecodeClass(int64_t column, uint64_t* keys, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    class_rows_[i] = static_cast<uint32_t>(CodeRow(rows_[KeyIndex(keys[i])], column));
    keys[i] = ScoreKey(KeyScore(keys[i]), static_cast<uint32_t>(i));
  }
  Decode(class_rows_, count);
}

void Detector::Class(int64_t column, uint64_t* keys, int64_t count) {
  if (has_floor_) {
    const float floor = floor_;
    count = std::remove_if(keys, keys + count,
                           [floor](uint64_t key) { return KeyScore(key) <= floor; }) -
            keys;
  }
  if (count == 0) return;
  const bool own_boxes = d_.code_classes > 1;
  if (own_boxes) DecodeClass(column, keys, count);
  const int64_t selected = Suppress(keys, count, MaxSelected(d_));
  for (int64_t i = 0; i < selected; ++i) {
    const uint32_t box = KeyIndex(keys[i]);
    Detection& detection = pool_[pool_count_++];
    std::copy_n(boxes_ + size_t{4} * box, 4, detection.box);
    detection.score = KeyScore(keys[i]);
    detection.index = static_cast<int32_t>(column - d_.first_class);
    detection.anchor =
        own_boxes ? class_rows_[box] / static_cast<uint32_t>(d_.code_classes) : rows_[box];
  }
  const int64_t enough = has_floor_ ? 2 * d_.max_detections : d_.max_detections;
  if (pool_count_ >= enough) Prune();
}

int64_t Detector::PerClass(Detection* out) {
  int64_t width = Classes(d_);
  for (int64_t first = d_.first_class; first < d_.columns;) {
    width = std::min(width, d_.columns - first);
    int64_t count = Find(first, width);
    while (count < 0) {  // too many to be looked at together
      width = (width + 1) / 2;
      count = Find(first, width);
    }
    const int64_t anchors = Group(count, first, width);
    if (d_.code_classes == 1) Decode(rows_, anchors);
    for (int64_t c = 0; c < width; ++c) {
      const uint32_t begin = starts_[c], end = starts_[c + 1];
      if (end > begin) Class(first + c, keys_ + begin, end - begin);
    }
    first += width;
    if (2 * count < CandidateCapacity(d_)) width *= 2;  // fewer and fewer are good enough
  }
  Prune();
  std::copy_n(pool_, pool_count_, out);
  return pool_count_;
}

// The column of the best class; -1 where there is none but NaN.
int64_t Detector::BestColumn(const float* row) const {
  int64_t best = -1;
  for (int64_t c = d_.first_class; c < d_.columns; ++c) {
    if (best < 0 ? row[c] == row[c] : row[c] > row[best]) best = c;
  }
  return best;
}

// Writes the best classes of an anchor, at most classes_per_anchor.
int64_t Detector::BestClasses(uint32_t anchor, const float* box, Detection* out) {
  const float* row = Activated(anchor);
  int64_t count = 0;
  for (int64_t c = d_.first_class; c < d_.columns; ++c) {
    if (row[c] == row[c]) class_keys_[count++] = ScoreKey(row[c], static_cast<uint32_t>(c));
  }
  const int64_t best = std::min(count, d_.classes_per_anchor);
  SelectTopKeys(class_keys_, count, best);
  for (int64_t i = 0; i < best; ++i) {
    const uint32_t column = KeyIndex(class_keys_[i]);
    std::copy_n(box, 4, out[i].box);
    out[i].score = row[column];
    out[i].index = static_cast<int32_t>(column - d_.first_class);
    out[i].anchor = anchor;
  }
  return best;
}

int64_t Detector::Fast(Detection* out) {
  const int64_t found = score_rows_.find_rows(Rows(d_.first_class, Classes(d_)), found_rows_);
  int64_t count = 0;
  for (int64_t i = 0; i < found; ++i) {
    const uint32_t anchor = found_rows_[i];
    const float* row = Activated(anchor);
    const int64_t best = BestColumn(row);
    if (best < 0 || !d_.limit.Passes(row[best])) continue;
    found_rows_[count] = anchor;
    rows_[count] = static_cast<uint32_t>(CodeRow(anchor, best));
    keys_[count] = ScoreKey(row[best], static_cast<uint32_t>(count));
    ++count;
  }
  Decode(rows_, count);
  const int64_t selected = Suppress(keys_, count, MaxSelected(d_));
  int64_t written = 0;
  for (int64_t i = 0; i < selected; ++i) {
    const uint32_t box = KeyIndex(keys_[i]);
    written += BestClasses(found_rows_[box], boxes_ + size_t{4} * box, out + written);
  }
  return written;
}

}  // namespace

int64_t MaxDetections(const Detect& d) noexcept {
  if (d.kind == DetectKind::kPerClass) {
    return std::min(d.max_detections, MaxSelected(d) * Classes(d));
  }
  return MaxSelected(d) * std::min(d.classes_per_anchor, Classes(d));
}

size_t DetectScratchBytes(const Detect& d) noexcept { return Offsets(d).bytes; }

int64_t RunDetect(const Detect& d, const float* scores, const float* codes, const float* anchors,
                  void* scratch, Detection* out) noexcept {
  if (MaxDetections(d) <= 0) return 0;
  const PartTimer timer(d.times, &DetectTimes::all);
  Detector detector(d, scores, codes, anchors, scratch);
  return d.kind == DetectKind::kFast ? detector.Fast(out) : detector.PerClass(out);
}

}  // namespace kinglet::kernels
