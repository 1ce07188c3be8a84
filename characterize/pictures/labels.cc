// Labels at points: each where it covers nothing, or nowhere.
#include <algorithm>
#include <cmath>
#include <span>

#include "characterize/pictures/layout.h"
#include "characterize/pictures/look.h"
#include "characterize/pictures/text.h"

namespace kinglet::characterize {
namespace {

constexpr std::size_t kMostLabels = 400;      // that are tried in a panel
constexpr std::size_t kMostObstacles = 4000;  // points that labels keep off
constexpr double kTextHeight = 1.15 * kLabelSize;

struct Line {
  double x1, y1, x2, y2;
};

bool Crosses(const Line& line, const Box& box) {
  double from = 0;
  double to = 1;
  const auto clip = [&](double start, double delta, double low, double high) {
    if (delta == 0) return start >= low && start <= high;
    const double a = (low - start) / delta;
    const double b = (high - start) / delta;
    from = std::max(from, std::min(a, b));
    to = std::min(to, std::max(a, b));
    return from <= to;
  };
  return clip(line.x1, line.x2 - line.x1, box.left, box.right) &&
         clip(line.y1, line.y2 - line.y1, box.top, box.bottom);
}

// The places of 0..count-1 with the ends first and then halves of what is between: whichever are
// left out, the others are spread.
std::vector<std::size_t> SpreadOrder(std::size_t count) {
  std::vector<std::size_t> order;
  if (count > 0) order.push_back(0);
  if (count > 1) order.push_back(count - 1);
  std::vector<std::pair<std::size_t, std::size_t>> gaps = {{0, count > 0 ? count - 1 : 0}};
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const auto [first, last] = gaps[i];
    if (last < first + 2) continue;
    const std::size_t middle = first + (last - first) / 2;
    order.push_back(middle);
    gaps.emplace_back(first, middle);
    gaps.emplace_back(middle, last);
  }
  return order;
}

class LabelPlacer {
 public:
  LabelPlacer(const Panel& panel, const Layout& layout) : panel_(panel), layout_(layout) {
    for (const Guide& guide : panel.guides) AddGuide(guide);
    for (std::size_t s = 0; s < panel.series.size(); ++s) AddObstacles(s);
  }

  std::vector<PlacedLabel> Place() {
    for (const Guide& guide : panel_.guides) PlaceGuideText(guide);
    std::vector<std::vector<std::size_t>> orders;
    std::size_t longest = 0;
    for (const Series& series : panel_.series) {
      orders.push_back(SpreadOrder(series.labels.size()));
      longest = std::max(longest, series.labels.size());
    }
    std::size_t tried = 0;
    for (std::size_t rank = 0; rank < longest; ++rank) {  // all series in turn
      for (std::size_t s = 0; s < orders.size(); ++s) {
        if (rank >= orders[s].size() || tried >= kMostLabels) continue;
        const std::size_t i = orders[s][rank];
        if (panel_.series[s].labels[i].empty()) continue;
        PlacePointText(s, i);
        ++tried;
      }
    }
    return std::move(placed_);
  }

 private:
  bool Drawn(const Series& series, std::size_t i) const {
    const kinglet::characterize::Place at = PlaceOf(panel_, series.x[i], series.y[i]);
    return layout_.across.Shows(at.across) && layout_.up.Shows(at.up);
  }
  std::pair<double, double> PointOf(const Series& series, std::size_t i) const {
    const kinglet::characterize::Place at = PlaceOf(panel_, series.x[i], series.y[i]);
    return {layout_.X(at.across), layout_.Y(at.up)};
  }

  void AddGuide(const Guide& guide) {
    const bool upright = guide.vertical != panel_.horizontal;
    const Box& in = layout_.inside;
    if (upright && layout_.across.Shows(guide.at)) {
      lines_.push_back({layout_.X(guide.at), in.top, layout_.X(guide.at), in.bottom});
    } else if (!upright && layout_.up.Shows(guide.at)) {
      lines_.push_back({in.left, layout_.Y(guide.at), in.right, layout_.Y(guide.at)});
    }
  }

  void AddObstacles(std::size_t s) {
    const Series& series = panel_.series[s];
    if (series.style == Style::kBars) {
      for (std::size_t i = 0; i < layout_.bars[s].size() && !panel_.stacked; ++i) {
        taken_.push_back(BoxOfBar(s, i));
      }
      return;
    }
    const bool points = series.style != Style::kLines;
    const bool lines = series.style != Style::kPoints;
    for (std::size_t i = 0; i < series.x.size() && taken_.size() < kMostObstacles; ++i) {
      if (!Drawn(series, i)) continue;
      const auto [x, y] = PointOf(series, i);
      if (points) {
        taken_.push_back({x - kPointRadius, y - kPointRadius, x + kPointRadius, y + kPointRadius});
      }
      if (lines && i > 0 && Drawn(series, i - 1)) {
        const auto [before_x, before_y] = PointOf(series, i - 1);
        lines_.push_back({before_x, before_y, x, y});
      }
    }
  }

  // With its error bar.
  Box BoxOfBar(std::size_t s, std::size_t i) const {
    Bar bar = layout_.bars[s][i];
    const Series& series = panel_.series[s];
    if (!series.low.empty()) {
      double& from = panel_.horizontal ? bar.x_from : bar.y_from;
      double& to = panel_.horizontal ? bar.x_to : bar.y_to;
      const auto [low, high] = std::minmax({from, to, series.low[i], series.high[i]});
      from = low;
      to = high;
    }
    return BoxOf(bar);
  }

  Box BoxOf(const Bar& bar) const {
    const auto [left, right] = std::minmax({layout_.X(bar.x_from), layout_.X(bar.x_to)});
    const auto [top, bottom] = std::minmax({layout_.Y(bar.y_from), layout_.Y(bar.y_to)});
    return {left, top, right, bottom};
  }

  // Takes the candidate that crosses the fewest lines, of those that cover nothing.
  void Take(const std::string& text, std::span<const std::pair<double, double>> candidates,
            std::size_t series) {
    const double width = TextWidth(text, kLabelSize);
    constexpr std::size_t kNone = ~std::size_t{0};
    std::size_t fewest = kNone;
    Box best{};
    for (const auto& [left, middle] : candidates) {
      const Box box = {left, middle - kTextHeight / 2, left + width, middle + kTextHeight / 2};
      const auto overlaps = [&](const Box& other) { return box.Overlaps(other); };
      if (!layout_.inside.Holds(box) || std::any_of(taken_.begin(), taken_.end(), overlaps))
        continue;
      const auto crossing = static_cast<std::size_t>(std::count_if(
          lines_.begin(), lines_.end(), [&](const Line& line) { return Crosses(line, box); }));
      if (fewest != kNone && crossing >= fewest) continue;
      fewest = crossing;
      best = box;
    }
    if (fewest == kNone) return;
    taken_.push_back({best.left - 2, best.top, best.right + 2, best.bottom});
    placed_.push_back({text, best.left, (best.top + best.bottom) / 2, series});
  }

  void PlaceGuideText(const Guide& guide) {
    const std::string text = CleanText(guide.text);
    if (text.empty()) return;
    const double width = TextWidth(text, kLabelSize);
    const Box& in = layout_.inside;
    const double height = kTextHeight / 2 + 3;
    std::vector<std::pair<double, double>> candidates;
    if (guide.vertical != panel_.horizontal) {
      if (!layout_.across.Shows(guide.at)) return;
      const double x = layout_.X(guide.at);
      for (double y = in.top + height; y < in.bottom; y += kTextHeight) {
        candidates.insert(candidates.end(), {{x + 5, y}, {x - 5 - width, y}});
      }
    } else {
      if (!layout_.up.Shows(guide.at)) return;
      const double y = layout_.Y(guide.at);
      for (double x = in.right - width - 3; x > in.left; x -= kTextHeight) {
        candidates.insert(candidates.end(), {{x, y - height}, {x, y + height}});
      }
    }
    Take(text, candidates, panel_.series.size());
  }

  // In the middle of a bar that stands on others, else beyond its end.
  void PlaceBarText(std::size_t s, std::size_t i, const std::string& text) {
    const Box bar = BoxOfBar(s, i);
    const double width = TextWidth(text, kLabelSize);
    const double x = (bar.left + bar.right - width) / 2;
    const double y = (bar.top + bar.bottom) / 2;
    std::pair<double, double> at = {x, y};
    const bool negative = panel_.series[s].y[i] < 0;
    if (panel_.stacked) {
      if (width + 4 > bar.right - bar.left || kTextHeight > bar.bottom - bar.top) return;
    } else if (panel_.horizontal) {
      at.first = negative ? bar.left - width - 5 : bar.right + 5;
    } else {
      const double away = kTextHeight / 2 + 3;
      at.second = negative ? bar.bottom + away : bar.top - away;
    }
    Take(text, {&at, 1}, panel_.series.size());
  }

  void PlacePointText(std::size_t s, std::size_t i) {
    const Series& series = panel_.series[s];
    const std::string text = CleanText(series.labels[i]);
    const double width = TextWidth(text, kLabelSize);
    const double gap = kPointRadius + 2;
    const double height = kTextHeight / 2 + kPointRadius + 0.5;
    if (series.style == Style::kBars) {
      PlaceBarText(s, i, text);
      return;
    }
    if (!Drawn(series, i)) return;
    const auto [x, y] = PointOf(series, i);
    const std::pair<double, double> candidates[] = {{x + 3, y - height},
                                                    {x - width / 2, y - height - 1},
                                                    {x - 3 - width, y - height},
                                                    {x + gap, y},
                                                    {x - gap - width, y},
                                                    {x + 3, y + height},
                                                    {x - width / 2, y + height + 1},
                                                    {x - 3 - width, y + height}};
    Take(text, candidates, s);
  }

  const Panel& panel_;
  const Layout& layout_;
  std::vector<Box> taken_;
  std::vector<Line> lines_;
  std::vector<PlacedLabel> placed_;
};

}  // namespace

std::vector<PlacedLabel> PlaceLabels(const Panel& panel, const Layout& layout) {
  return LabelPlacer(panel, layout).Place();
}

}  // namespace kinglet::characterize
