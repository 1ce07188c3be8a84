#include "characterize/pictures/layout.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "characterize/pictures/look.h"
#include "characterize/pictures/text.h"

namespace kinglet::characterize {
namespace {

constexpr double kEdge = 10;  // free pixels around everything
constexpr double kTitleRoom = 28, kLegendRow = 22, kTickRoom = 28, kAxisLabelRoom = 24;
constexpr double kLegendGap = 18;     // between entries
constexpr double kPixelsOfTick = 80;  // across; upwards half of it
constexpr double kPixelsOfLogTick = 50;
constexpr double kGroupShare = 0.8;    // of the distance of two groups of bars
constexpr double kTurnedSlope = 0.58;  // sine of the angle that names are turned by
constexpr double kMostNames = 0.4;     // of the panel's width or height

// The smallest distance of two groups.
double GroupDistance(const Panel& panel) {
  if (!panel.x.names.empty()) return 1;
  std::vector<double> places;
  for (const Series& series : panel.series) {
    if (series.style == Style::kBars) places.insert(places.end(), series.x.begin(), series.x.end());
  }
  std::sort(places.begin(), places.end());
  double distance = 0;
  for (std::size_t i = 1; i < places.size(); ++i) {
    const double step = places[i] - places[i - 1];
    if (step > 0 && (distance == 0 || step < distance)) distance = step;
  }
  return distance > 0 ? distance : 1;
}

// Where the bars of each series stand, lying ones turned.
std::vector<std::vector<Bar>> BarsOf(const Panel& panel) {
  const auto is_bars = [](const Series& s) { return s.style == Style::kBars; };
  const auto count = std::count_if(panel.series.begin(), panel.series.end(), is_bars);
  std::vector<std::vector<Bar>> bars(panel.series.size());
  if (count == 0) return bars;
  const double group = kGroupShare * GroupDistance(panel);
  const double width = panel.stacked ? group : group / static_cast<double>(count);
  std::map<double, double> heights;  // of what stands at a place
  double begin = -group / 2;
  for (std::size_t s = 0; s < panel.series.size(); ++s) {
    const Series& series = panel.series[s];
    if (!is_bars(series)) continue;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      const double base = panel.stacked ? heights[series.x[i]] : 0;
      const double end = base + series.y[i];
      if (panel.stacked && std::isfinite(end)) heights[series.x[i]] = end;
      const double at = series.x[i] + begin;
      bars[s].push_back(panel.horizontal ? Bar{base, end, at, at + width}
                                         : Bar{at, at + width, base, end});
    }
    if (!panel.stacked) begin += width;
  }
  return bars;
}

void CollectValues(const Panel& panel, const std::vector<std::vector<Bar>>& bars,
                   std::vector<double>& across, std::vector<double>& up) {
  const auto add = [&](double x, double y) {
    const Place place = PlaceOf(panel, x, y);
    across.push_back(place.across);
    up.push_back(place.up);
  };
  for (std::size_t s = 0; s < panel.series.size(); ++s) {
    const Series& series = panel.series[s];
    const bool is_bars = series.style == Style::kBars;
    for (const Bar& bar : bars[s]) {
      across.insert(across.end(), {bar.x_from, bar.x_to});
      up.insert(up.end(), {bar.y_from, bar.y_to});
    }
    for (std::size_t i = 0; !is_bars && i < series.x.size(); ++i) add(series.x[i], series.y[i]);
    for (std::size_t i = 0; i < series.low.size(); ++i) {
      add(series.x[i], series.low[i]);
      add(series.x[i], series.high[i]);
    }
  }
  for (const Guide& guide : panel.guides) {
    const bool across_it = guide.vertical != panel.horizontal;
    (across_it ? across : up).push_back(guide.at);
  }
}

// For what is written above the highest point.
void AddHeadroom(std::vector<double>& values) {
  constexpr double kShare = 0.08;
  double low = 0;
  double high = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (high > 0) values.push_back(high + kShare * (high - low));
}

double Widest(const std::vector<Tick>& ticks) {
  double widest = 0;
  for (const Tick& tick : ticks) widest = std::max(widest, TextWidth(tick.text, kFontSize));
  return widest;
}

void Shorten(std::vector<Tick>& ticks, double width) {
  for (Tick& tick : ticks) tick.text = FitText(tick.text, kFontSize, width);
}

// Entries beside one another as long as there is room; returns how many rows they take.
int LayOutLegend(const Panel& panel, double left, double right, double top, Layout& layout) {
  double x = left;
  int row = 0;
  for (std::size_t s = 0; s < panel.series.size(); ++s) {
    if (panel.series[s].name.empty()) continue;
    const double text_room = right - left - kSampleWidth - 6;
    const std::string text = FitText(CleanText(panel.series[s].name), kFontSize, text_room);
    const double width = kSampleWidth + 6 + TextWidth(text, kFontSize);
    if (x > left && x + width > right) {
      x = left;
      ++row;
    }
    layout.legend.push_back({s, x, top + kLegendRow * (row + 0.5), text});
    x += width + kLegendGap;
  }
  return layout.legend.empty() ? 0 : row + 1;
}

}  // namespace

double Layout::X(double value) const {
  return inside.left + across.Fraction(value) * (inside.right - inside.left);
}

double Layout::Y(double value) const {
  const double height = up.Fraction(value) * (inside.bottom - inside.top);
  return down ? inside.top + height : inside.bottom - height;
}

Layout LayOut(const Panel& panel) {
  Layout layout;
  layout.bars = BarsOf(panel);
  layout.down = panel.horizontal;
  const Axis& across = panel.horizontal ? panel.y : panel.x;
  const Axis& up = panel.horizontal ? panel.x : panel.y;
  std::vector<double> across_values;
  std::vector<double> up_values;
  CollectValues(panel, layout.bars, across_values, up_values);
  const bool bars = std::any_of(panel.series.begin(), panel.series.end(),
                                [](const Series& s) { return s.style == Style::kBars; });
  const bool labels = std::any_of(panel.series.begin(), panel.series.end(),
                                  [](const Series& s) { return !s.labels.empty(); });
  if (labels && up.log_base == 0) AddHeadroom(up_values);
  layout.across = ScaleOf(across, across_values, bars && panel.horizontal);
  layout.up = ScaleOf(up, up_values, bars && !panel.horizontal);

  const double width = panel.width;
  const double height = panel.height;
  layout.up_ticks = TicksOf(up, layout.up, static_cast<int>((height - 120) / (kPixelsOfTick / 2)));
  Shorten(layout.up_ticks, kMostNames * width);
  Box& inside = layout.inside;
  inside.left = kEdge + Widest(layout.up_ticks) + 16 + (up.label.empty() ? 0 : kAxisLabelRoom);
  inside.right = width - kEdge - 14;
  const double room = inside.right - inside.left;
  layout.across_ticks =
      TicksOf(across, layout.across,
              static_cast<int>(room / (across.log_base == 0 ? kPixelsOfTick : kPixelsOfLogTick)));
  const double slot =
      room / static_cast<double>(std::max<std::size_t>(layout.across_ticks.size(), 1));
  layout.turned = !across.names.empty() && Widest(layout.across_ticks) > slot - 4;
  double tick_room = kTickRoom;
  if (layout.turned) {
    Shorten(layout.across_ticks, kMostNames * height / kTurnedSlope);
    tick_room += kTurnedSlope * Widest(layout.across_ticks);
  }
  inside.bottom = height - kEdge - tick_room - (across.label.empty() ? 0 : kAxisLabelRoom);
  layout.title = FitText(CleanText(panel.title), kTitleSize, width - 2 * kEdge);
  const double legend_top = kEdge + (layout.title.empty() ? 0 : kTitleRoom);
  const int rows = LayOutLegend(panel, inside.left, width - kEdge, legend_top, layout);
  inside.top = std::min(legend_top + rows * kLegendRow + 8, inside.bottom - 20);
  layout.across_label = FitText(CleanText(across.label), kFontSize, width - 2 * kEdge);
  layout.up_label = FitText(CleanText(up.label), kFontSize, height - 2 * kEdge);
  layout.labels = PlaceLabels(panel, layout);
  return layout;
}

}  // namespace kinglet::characterize
