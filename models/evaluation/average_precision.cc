// Average precision of boxes. Each step is the one of pycocotools' COCOeval (evaluateImg,
// accumulate, summarize), so that its numbers come out, ties included.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

#include "kinglet/evaluate.h"

namespace kinglet {
namespace {

constexpr std::size_t kThresholds = 10;
constexpr std::size_t kRecalls = 101;
constexpr std::size_t kMostDetections = 100;

struct AreaRange {
  double low, high;
  bool Excludes(double area) const { return area < low || area > high; }
};
constexpr double kHuge = 1e10;
constexpr AreaRange kAreas[] = {
    {0, kHuge}, {0, 32.0 * 32}, {32.0 * 32, 96.0 * 96}, {96.0 * 96, kHuge}};
constexpr std::size_t kAreaCount = std::size(kAreas);

// As numpy.linspace(0.5, 0.95, 10) has it.
double IouThreshold(std::size_t t) {
  constexpr double kStep = (0.95 - 0.5) / 9;
  return t + 1 == kThresholds ? 0.95 : static_cast<double>(t) * kStep + 0.5;
}

double RecallThreshold(std::size_t r) {
  return r + 1 == kRecalls ? 1.0 : static_cast<double>(r) * 0.01;
}

double Area(const std::array<double, 4>& box) { return box[2] * box[3]; }

// Of a detection with a thing; with a crowd the share of the detection that lies in it.
double Overlap(const FoundBox& found, const TrueBox& truth) {
  const auto& d = found.box;
  const auto& g = truth.box;
  const double w = std::min(d[0] + d[2], g[0] + g[2]) - std::max(d[0], g[0]);
  const double h = std::min(d[1] + d[3], g[1] + g[3]) - std::max(d[1], g[1]);
  if (!(w > 0 && h > 0)) return 0;
  const double inner = w * h;
  return inner / (truth.crowd ? Area(d) : Area(d) + Area(g) - inner);
}

// What became of the detections of one picture and class, best first.
struct Outcome {
  std::vector<double> scores;
  std::array<std::vector<bool>, kThresholds> matched;
  std::array<std::vector<bool>, kThresholds> ignored;
  std::size_t positives = 0;  // things to find
};

// One picture and class.
class Matcher {
 public:
  Matcher(std::vector<const TrueBox*> truth, std::vector<const FoundBox*> found)
      : truth_(std::move(truth)), found_(std::move(found)) {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const FoundBox* a, const FoundBox* b) { return a->score > b->score; });
    if (found_.size() > kMostDetections) found_.resize(kMostDetections);
    for (const FoundBox* d : found_) {
      for (const TrueBox* g : truth_) overlaps_.push_back(Overlap(*d, *g));
    }
  }

  Outcome Match(const AreaRange& range) const {
    // Things that count come first.
    std::vector<std::size_t> order(truth_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto ignored = [&](std::size_t g) {
      return truth_[g]->crowd || range.Excludes(truth_[g]->area);
    };
    const auto split = std::stable_partition(order.begin(), order.end(),
                                             [&](std::size_t g) { return !ignored(g); });
    Outcome outcome;
    outcome.positives = static_cast<std::size_t>(split - order.begin());
    for (const FoundBox* d : found_) outcome.scores.push_back(d->score);
    for (std::size_t t = 0; t < kThresholds; ++t) {
      MatchAt(t, order, outcome.positives, range, outcome);
    }
    return outcome;
  }

 private:
  // The thing that detection d stands for: the one that it overlaps most of those that count and
  // are free, or else of those that do not count; none: kNone. Of equal ones the last.
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::size_t Best(std::size_t d, double threshold, const std::vector<std::size_t>& order,
                   std::size_t positives, const std::vector<bool>& taken) const {
    constexpr double kAlmostOne = 1 - 1e-10;
    double least = std::min(threshold, kAlmostOne);
    std::size_t best = kNone;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (taken[i] && !truth_[order[i]]->crowd) continue;
      if (best != kNone && best < positives && i >= positives) break;
      const double overlap = overlaps_[d * truth_.size() + order[i]];
      if (overlap < least) continue;
      least = overlap;
      best = i;
    }
    return best;
  }

  void MatchAt(std::size_t t, const std::vector<std::size_t>& order, std::size_t positives,
               const AreaRange& range, Outcome& outcome) const {
    std::vector<bool> taken(order.size(), false);
    for (std::size_t d = 0; d < found_.size(); ++d) {
      const std::size_t best = Best(d, IouThreshold(t), order, positives, taken);
      const bool matched = best != kNone;
      if (matched) taken[best] = true;
      outcome.matched[t].push_back(matched);
      outcome.ignored[t].push_back(matched ? best >= positives
                                           : range.Excludes(Area(found_[d]->box)));
    }
  }

  std::vector<const TrueBox*> truth_;
  std::vector<const FoundBox*> found_;
  std::vector<double> overlaps_;  // [found][truth]
};

struct Curve {
  double precision = 0;  // mean of the precisions at kRecalls recalls
  double recall = 0;     // at the end
};

// One class and threshold, with at most `most` detections of each picture.
Curve CurveOf(const std::vector<Outcome>& pictures, std::size_t t, std::size_t most,
              std::size_t positives) {
  struct Entry {
    double score;
    bool matched;
  };
  std::vector<Entry> entries;
  for (const Outcome& picture : pictures) {
    const std::size_t count = std::min(most, picture.scores.size());
    for (std::size_t d = 0; d < count; ++d) {
      if (!picture.ignored[t][d]) entries.push_back({picture.scores[d], picture.matched[t][d]});
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.score > b.score; });
  std::vector<double> recalls;
  std::vector<double> precisions;
  double right = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    right += entries[i].matched ? 1.0 : 0.0;
    recalls.push_back(right / static_cast<double>(positives));
    precisions.push_back(right / static_cast<double>(i + 1));
  }
  for (std::size_t i = precisions.size(); i-- > 1;) {
    precisions[i - 1] = std::max(precisions[i - 1], precisions[i]);
  }
  Curve curve;
  if (!recalls.empty()) curve.recall = recalls.back();
  for (std::size_t r = 0; r < kRecalls; ++r) {
    const auto at = std::lower_bound(recalls.begin(), recalls.end(), RecallThreshold(r));
    if (at == recalls.end()) break;
    curve.precision += precisions[static_cast<std::size_t>(at - recalls.begin())];
  }
  curve.precision /= static_cast<double>(kRecalls);
  return curve;
}

class Mean {
 public:
  void Add(double value) {
    sum_ += value;
    ++count_;
  }
  double value() const { return count_ == 0 ? -1 : sum_ / static_cast<double>(count_); }

 private:
  double sum_ = 0;
  std::size_t count_ = 0;
};

struct Sums {
  std::array<Mean, kAreaCount> precision;
  std::array<Mean, kAreaCount> recall;
  Mean precision50, precision75, recall1, recall10;
};

// One class: adds to the sums, and returns its own average precision (-1: nothing to find).
double AddCategory(const std::vector<Matcher>& pictures, Sums& sums) {
  Mean own;
  for (std::size_t a = 0; a < kAreaCount; ++a) {
    std::vector<Outcome> outcomes;
    std::size_t positives = 0;
    for (const Matcher& picture : pictures) {
      outcomes.push_back(picture.Match(kAreas[a]));
      positives += outcomes.back().positives;
    }
    if (positives == 0) continue;
    for (std::size_t t = 0; t < kThresholds; ++t) {
      const Curve curve = CurveOf(outcomes, t, kMostDetections, positives);
      sums.precision[a].Add(curve.precision);
      sums.recall[a].Add(curve.recall);
      if (a != 0) continue;
      own.Add(curve.precision);
      if (t == 0) sums.precision50.Add(curve.precision);
      if (t == 5) sums.precision75.Add(curve.precision);
      sums.recall1.Add(CurveOf(outcomes, t, 1, positives).recall);
      sums.recall10.Add(CurveOf(outcomes, t, 10, positives).recall);
    }
  }
  return own.value();
}

struct Picture {
  std::vector<const TrueBox*> truth;
  std::vector<const FoundBox*> found;
};

}  // namespace

DetectionAccuracy MeasureDetections(const DetectionDataset& dataset,
                                    const std::vector<FoundBox>& detections) {
  std::map<std::int64_t, std::map<std::int64_t, Picture>> categories;  // by category, then image
  for (const TrueBox& box : dataset.boxes)
    categories[box.category][box.image].truth.push_back(&box);
  for (const FoundBox& box : detections) categories[box.category][box.image].found.push_back(&box);
  Sums sums;
  DetectionAccuracy accuracy;
  for (auto& [category, pictures] : categories) {
    std::vector<Matcher> matchers;
    for (auto& [image, picture] : pictures) {
      matchers.emplace_back(std::move(picture.truth), std::move(picture.found));
    }
    const double own = AddCategory(matchers, sums);
    if (own >= 0) accuracy.category_ap[category] = own;
  }
  accuracy.ap = sums.precision[0].value();
  accuracy.ap50 = sums.precision50.value();
  accuracy.ap75 = sums.precision75.value();
  accuracy.ap_small = sums.precision[1].value();
  accuracy.ap_medium = sums.precision[2].value();
  accuracy.ap_large = sums.precision[3].value();
  accuracy.ar1 = sums.recall1.value();
  accuracy.ar10 = sums.recall10.value();
  accuracy.ar100 = sums.recall[0].value();
  accuracy.ar_small = sums.recall[1].value();
  accuracy.ar_medium = sums.recall[2].value();
  accuracy.ar_large = sums.recall[3].value();
  return accuracy;
}

}  // namespace kinglet
