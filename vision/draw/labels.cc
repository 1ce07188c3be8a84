#include "vision/draw/labels.h"

#include <algorithm>
#include <utility>

namespace kinglet::vision {
namespace {

// What a label may hide of a box: little first, then more.
constexpr double kShares[] = {0, 0.08, 0.25};

double Overlap(const Rect& a, const Rect& b) {
  const int width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const int height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  return width > 0 && height > 0 ? static_cast<double>(width) * height : 0;
}

double Area(const Rect& rect) { return static_cast<double>(rect.width) * rect.height; }

// Letters of a third of the box's shorter side, at most as large as the picture asks for.
int ScaleFor(const Rect& box, int largest) {
  const int side = std::min(box.width, box.height);
  return std::clamp(side / (3 * kLineHeight), std::max(1, largest / 4), largest);
}

}  // namespace

LabelPlacer::LabelPlacer(int width, int height, std::vector<Rect> boxes, int largest)
    : width_(width), height_(height), boxes_(std::move(boxes)), largest_(largest) {}

LabelPlacer::Cost LabelPlacer::CostOf(const Rect& rect) const {
  Cost cost;
  for (const Rect& label : placed_) cost.labels += Overlap(rect, label);
  for (const Rect& box : boxes_) {
    const double hidden = Overlap(rect, box);
    if (hidden > 0) cost.share = std::max(cost.share, hidden / Area(box));
  }
  return cost;
}

// Above the box, below it, at its right and left, then inside: the first place of those that hide
// least.
std::optional<LabelPlacer::Candidate> LabelPlacer::Best(const Rect& box, const std::string& text,
                                                        int scale) const {
  const LabelSize size = SizeOfLabel(text, scale);
  if (size.width > width_ || size.height > height_) return std::nullopt;
  const int right = box.x + box.width;
  const int bottom = box.y + box.height;
  const int along[] = {box.x, right - size.width, box.x + (box.width - size.width) / 2};
  const int down[] = {box.y, bottom - size.height};
  std::vector<std::pair<int, int>> corners;
  for (const int y : {box.y - size.height, bottom}) {
    for (const int x : along) corners.emplace_back(x, y);
  }
  for (const int x : {right, box.x - size.width}) {
    for (const int y : down) corners.emplace_back(x, y);
  }
  for (const int y : down) {
    for (const int x : along) corners.emplace_back(x, y);
  }
  std::optional<Candidate> best;
  for (const auto& [x, y] : corners) {
    const Rect rect = {std::clamp(x, 0, width_ - size.width),
                       std::clamp(y, 0, height_ - size.height), size.width, size.height};
    const Cost cost = CostOf(rect);
    if (!best || cost.Beats(best->cost)) best = Candidate{{rect, text, scale}, cost};
  }
  return best;
}

std::optional<PlacedLabel> LabelPlacer::Place(const Rect& box, std::span<const std::string> texts) {
  const int wanted = ScaleFor(box, largest_);
  for (const std::string& text : texts) {
    if (text.empty()) continue;
    std::vector<Candidate> candidates;  // the largest first
    for (int scale = wanted; scale >= std::max(1, wanted / 2); --scale) {
      if (const auto best = Best(box, text, scale)) candidates.push_back(*best);
    }
    for (const double share : kShares) {
      for (const Candidate& candidate : candidates) {
        if (candidate.cost.labels > 0 || candidate.cost.share > share) continue;
        placed_.push_back(candidate.label.rect);
        return candidate.label;
      }
    }
  }
  return std::nullopt;
}

}  // namespace kinglet::vision
