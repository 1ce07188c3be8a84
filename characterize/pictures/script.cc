#include "characterize/pictures/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "characterize/pictures/layout.h"
#include "characterize/pictures/look.h"
#include "characterize/pictures/text.h"
#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

constexpr int kMostPixels = 20'000;  // of a side of a picture
constexpr double kPlotTitleRoom = 40;
constexpr double kPlotTitleSize = 20;
constexpr const char* kFont = "sans-serif";
constexpr double kPointsOfPixel = 0.75;  // sizes of fonts in PNG are in points

void CheckPlot(const Plot& plot) {
  const auto require = [](bool good, const std::string& what) {
    if (!good) throw Error(ErrorCode::kInvalidInput, "a picture: " + what);
  };
  require(!plot.panels.empty() && plot.columns >= 1, "expected panels and columns, found none");
  for (const Panel& panel : plot.panels) {
    require(panel.width >= 200 && panel.height >= 150 && panel.width <= kMostPixels &&
                panel.height <= kMostPixels,
            "expected panels of at least 200 x 150 pixels");
    for (const Series& s : panel.series) {
      const std::string name = "series '" + CleanText(s.name) + "': ";
      require(s.x.size() == s.y.size(), name + "expected as many x as y");
      require(s.low.size() == s.high.size() && (s.low.empty() || s.low.size() == s.x.size()),
              name + "expected error bars for all values or none");
      require(s.labels.empty() || s.labels.size() == s.x.size(),
              name + "expected labels for all values or none");
    }
  }
}

// Writes what gnuplot is told of one panel.
class PanelScript {
 public:
  PanelScript(const Panel& panel, double x, double y, double width, double height,
              PictureFormat format, std::string id)
      : panel_(panel),
        layout_(LayOut(panel)),
        x_(x),
        y_(y),
        width_(width),
        height_(height),
        format_(format),
        id_(std::move(id)) {}

  // `above`: the title of all panels, over this one.
  std::string Text(const std::string& above) {
    SetUp();
    AddLabel(FitText(CleanText(above), kPlotTitleSize, width_ - 20), 10, -kPlotTitleRoom / 2,
             "left", kPlotTitleSize, kTextColour);
    AddAxes();
    AddGuides();
    AddLegend();
    for (const PlacedLabel& label : layout_.labels) {
      const bool own = label.series < panel_.series.size();
      AddLabel(label.text, label.x, label.y, "left", kLabelSize,
               own ? LookOf(label.series).colour : kTextColour);
    }
    AddPlots();
    return script_;
  }

 private:
  const Look& LookOf(std::size_t series) const {
    const std::optional<int>& given = panel_.series[series].colour;
    const std::size_t index = given ? static_cast<std::size_t>(std::max(*given, 0)) : series;
    return kLooks[index % kLookCount];
  }
  bool Dashed(std::size_t series) const {
    const Series& s = panel_.series[series];
    return s.dashed || (!s.colour && series >= kLookCount);
  }

  double FontSize(double pixels) const {
    return format_ == PictureFormat::kPng ? kPointsOfPixel * pixels : pixels;
  }
  // Of points: their unit differs, too.
  double PointSize() const { return format_ == PictureFormat::kPng ? 1.0 : 0.65; }

  template <typename... Values>
  void Add(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(script_), format, std::forward<Values>(values)...);
    script_ += '\n';
  }

  // Pixels of the panel as a place in the picture.
  std::string Screen(double x, double y) const {
    return fmt::format("screen {:.5f}, screen {:.5f}", (x_ + x) / width_, 1 - (y_ + y) / height_);
  }

  void AddLabel(const std::string& text, double x, double y, const char* anchor, double size,
                const char* colour, const char* more = "") {
    if (text.empty()) return;
    Add("set label {} at {} {} noenhanced front font '{},{}' tc rgb '{}' {}", Quoted(text),
        Screen(x, y), anchor, kFont, FontSize(size), colour, more);
  }

  void SetUp() {
    script_ +=
        "unset label; unset arrow; unset object; unset title; unset key; unset logscale\n"
        "unset xtics; unset ytics\n";
    const Box& in = layout_.inside;
    Add("set lmargin at screen {:.5f}; set rmargin at screen {:.5f}", (x_ + in.left) / width_,
        (x_ + in.right) / width_);
    Add("set tmargin at screen {:.5f}; set bmargin at screen {:.5f}", 1 - (y_ + in.top) / height_,
        1 - (y_ + in.bottom) / height_);
    Add("set border 3 lc rgb '{}' lw 1", kLineColour);
  }

  void AddAxis(char axis, const Scale& scale, const std::vector<Tick>& ticks, bool down,
               const std::string& how) {
    if (scale.log_base != 0) Add("set logscale {} {}", axis, scale.log_base);
    Add("set {}range [{:.9g}:{:.9g}]", axis, down ? scale.to : scale.from,
        down ? scale.from : scale.to);
    std::string list;
    for (const Tick& tick : ticks) {
      list += fmt::format("{}{} {:.9g}", list.empty() ? "" : ", ", Quoted(tick.text), tick.at);
    }
    Add("set {}tics out scale 0.4 nomirror noenhanced {} ({}) font '{},{}' tc rgb '{}'", axis, how,
        list, kFont, FontSize(kFontSize), kTextColour);
  }

  void AddAxes() {
    AddAxis('x', layout_.across, layout_.across_ticks, false,
            layout_.turned ? "rotate by 35 right" : "norotate");
    AddAxis('y', layout_.up, layout_.up_ticks, layout_.down, "norotate");
    Add("set grid xtics ytics back lt 1 lw 1 lc rgb '{}'", kGridColour);
    const Box& in = layout_.inside;
    AddLabel(layout_.title, 10, 10 + kTitleSize / 2, "left", kTitleSize, kTextColour);
    // In the middle of the axis; of the panel, where the axis is shorter than its name.
    const auto middle = [](double from, double to, double room, double text) {
      const double half = text / 2;
      return std::clamp((from + to) / 2, std::min(half + 4, room / 2),
                        std::max(room - half - 4, room / 2));
    };
    AddLabel(layout_.across_label,
             middle(in.left, in.right, panel_.width, TextWidth(layout_.across_label, kFontSize)),
             panel_.height - 18, "center", kFontSize, kTextColour);
    AddLabel(layout_.up_label, 18,
             middle(in.top, in.bottom, panel_.height, TextWidth(layout_.up_label, kFontSize)),
             "center", kFontSize, kTextColour, "rotate by 90");
  }

  void AddGuides() {
    const Box& in = layout_.inside;
    for (const Guide& guide : panel_.guides) {
      const bool upright = guide.vertical != panel_.horizontal;
      if (!(upright ? layout_.across : layout_.up).Shows(guide.at)) continue;
      const double x = upright ? layout_.X(guide.at) : 0;
      const double y = upright ? 0 : layout_.Y(guide.at);
      Add("set arrow from {} to {} nohead back lw 1.3 dt 2 lc rgb '{}'",
          upright ? Screen(x, in.top) : Screen(in.left, y),
          upright ? Screen(x, in.bottom) : Screen(in.right, y), kLineColour);
    }
  }

  void AddLegend() {
    for (const LegendEntry& entry : layout_.legend) {
      const Series& series = panel_.series[entry.series];
      const Look& look = LookOf(entry.series);
      const double middle = entry.x + kSampleWidth / 2;
      if (series.style == Style::kBars) {
        Add("set object rectangle from {} to {} fs solid noborder fc rgb '{}'",
            Screen(entry.x + 6, entry.y - 7), Screen(entry.x + kSampleWidth - 6, entry.y + 7),
            look.colour);
      }
      if (series.style == Style::kLines || series.style == Style::kLinesPoints) {
        Add("set arrow from {} to {} nohead front lw 2 dt {} lc rgb '{}'", Screen(entry.x, entry.y),
            Screen(entry.x + kSampleWidth, entry.y), Dashed(entry.series) ? 2 : 1, look.colour);
      }
      if (series.style == Style::kPoints || series.style == Style::kLinesPoints) {
        Add("set label '' at {} front point pt {} ps {} lc rgb '{}'", Screen(middle, entry.y),
            look.point, PointSize(), look.colour);
      }
      AddLabel(entry.text, entry.x + kSampleWidth + 6, entry.y, "left", kFontSize, kTextColour);
    }
  }

  // A block of lines of numbers; what an axis cannot show is a gap.
  std::string AddBlock(const std::vector<std::vector<double>>& rows) {
    const std::string name = fmt::format("$d{}_{}", id_, blocks_++);
    script_ += name + " << EOD\n";
    for (const std::vector<double>& row : rows) {
      const bool good =
          std::all_of(row.begin(), row.end(), [](double v) { return std::isfinite(v); }) &&
          (layout_.across.log_base == 0 || row[0] > 0) && (layout_.up.log_base == 0 || row[1] > 0);
      if (good) {
        for (const double value : row)
          fmt::format_to(std::back_inserter(script_), "{:.9g} ", value);
      }
      script_ += '\n';
    }
    script_ += "EOD\n";
    return name;
  }

  std::vector<std::vector<double>> PointRows(const Series& series, const std::vector<Bar>& bars,
                                             bool errors) const {
    std::vector<std::vector<double>> rows;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      Place at = PlaceOf(panel_, series.x[i], series.y[i]);
      if (!bars.empty()) {  // in the middle of the bar's end
        const Bar& bar = bars[i];
        (panel_.horizontal ? at.up : at.across) =
            panel_.horizontal ? (bar.y_from + bar.y_to) / 2 : (bar.x_from + bar.x_to) / 2;
      }
      rows.push_back({at.across, at.up});
      if (errors) rows.back().insert(rows.back().end(), {series.low[i], series.high[i]});
    }
    return rows;
  }

  void AddPlots() {
    std::vector<std::string> plots;
    for (std::size_t s = 0; s < panel_.series.size(); ++s) AddSeries(s, plots);
    if (plots.empty()) plots.emplace_back("NaN notitle");  // axes alone
    script_ += "plot " + fmt::format("{}", fmt::join(plots, ", \\\n  ")) + '\n';
  }

  void AddSeries(std::size_t s, std::vector<std::string>& plots) {
    const Series& series = panel_.series[s];
    const Look& look = LookOf(s);
    if (series.x.empty()) return;
    if (series.style == Style::kBars) {
      std::vector<std::vector<double>> rows;
      for (const Bar& bar : layout_.bars[s]) {
        rows.push_back({(bar.x_from + bar.x_to) / 2, (bar.y_from + bar.y_to) / 2, bar.x_from,
                        bar.x_to, bar.y_from, bar.y_to});
      }
      plots.push_back(
          fmt::format("{} using 1:2:3:4:5:6 with boxxyerror fs solid 0.85 border rgb '#FFFFFF' lw "
                      "1 lc rgb '{}' "
                      "notitle",
                      AddBlock(rows), look.colour));
    } else {
      AddErrors(s, plots);
      const char* with = series.style == Style::kLines    ? "lines"
                         : series.style == Style::kPoints ? "points"
                                                          : "linespoints";
      std::string style = fmt::format("with {} lc rgb '{}'", with, look.colour);
      if (series.style != Style::kPoints) style += fmt::format(" lw 2 dt {}", Dashed(s) ? 2 : 1);
      if (series.style != Style::kLines)
        style += fmt::format(" pt {} ps {}", look.point, PointSize());
      plots.push_back(AddBlock(PointRows(series, {}, false)) + " using 1:2 " + style + " notitle");
    }
    if (series.style == Style::kBars) AddErrors(s, plots);
  }

  void AddErrors(std::size_t s, std::vector<std::string>& plots) {
    const Series& series = panel_.series[s];
    if (series.low.empty()) return;
    plots.push_back(fmt::format("{} using 1:2:3:4 with {} pt 0 lw 1.3 lc rgb '{}' notitle",
                                AddBlock(PointRows(series, layout_.bars[s], true)),
                                panel_.horizontal ? "xerrorbars" : "yerrorbars",
                                series.style == Style::kBars ? kTextColour : LookOf(s).colour));
  }

  const Panel& panel_;
  const Layout layout_;
  const double x_, y_, width_, height_;
  const PictureFormat format_;
  const std::string id_;
  int blocks_ = 0;
  std::string script_;
};

}  // namespace

std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : CleanText(text)) {
    quoted += c;
    if (c == '\'') quoted += c;
  }
  return quoted + "'";
}

std::string GnuplotScript(const Plot& plot, PictureFormat format, const std::string& output) {
  CheckPlot(plot);
  const std::size_t columns = std::min(static_cast<std::size_t>(plot.columns), plot.panels.size());
  int cell_width = 0;
  int cell_height = 0;
  for (const Panel& panel : plot.panels) {
    cell_width = std::max(cell_width, panel.width);
    cell_height = std::max(cell_height, panel.height);
  }
  const std::size_t rows = (plot.panels.size() + columns - 1) / columns;
  const double top = plot.title.empty() ? 0 : kPlotTitleRoom;
  const double width = static_cast<double>(columns) * cell_width;
  const double height = top + static_cast<double>(rows) * cell_height;
  if (width > kMostPixels || height > kMostPixels) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("a picture of {:.0f} x {:.0f} pixels: expected at most {} a side",
                            width, height, kMostPixels));
  }
  std::string script = "set encoding utf8\n";
  script += format == PictureFormat::kSvg
                ? fmt::format(
                      "set terminal svg size {:.0f},{:.0f} noenhanced background '#FFFFFF' "
                      "font '{},{}'\n",
                      width, height, kFont, kFontSize)
                : fmt::format(
                      "set terminal pngcairo size {:.0f},{:.0f} noenhanced background "
                      "'#FFFFFF' font '{},{}'\n",
                      width, height, kFont, kFontSize * kPointsOfPixel);
  script += "set output " + Quoted(output) + "\nset multiplot\n";
  for (std::size_t i = 0; i < plot.panels.size(); ++i) {
    const double x = static_cast<double>(i % columns) * cell_width;
    const double y = top + static_cast<double>(i / columns) * cell_height;
    script += PanelScript(plot.panels[i], x, y, width, height, format, std::to_string(i))
                  .Text(i == 0 ? plot.title : "");
  }
  return script + "unset multiplot\n";
}

}  // namespace kinglet::characterize
