// Where things are in a picture: ranges, ticks, bars, and labels that cover nothing.
#include "characterize/pictures/layout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "characterize/pictures/look.h"
#include "characterize/pictures/text.h"

namespace kinglet::characterize::layout_test {
namespace {

std::vector<std::string> Texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> texts;
  for (const Tick& tick : ticks) texts.push_back(tick.text);
  return texts;
}

TEST(PictureScale, LinearRangesAreRoundAndBeginAtZeroUnlessFarFromIt) {
  const Scale from_zero = ScaleOf({}, {3, 34}, false);
  EXPECT_EQ(from_zero.from, 0);
  EXPECT_EQ(from_zero.to, 35);
  const Scale far = ScaleOf({}, {980, 1004}, false);
  EXPECT_EQ(far.from, 980);
  EXPECT_EQ(far.to, 1005);
  EXPECT_EQ(ScaleOf({}, {980, 1004}, true).from, 0);
  EXPECT_LT(ScaleOf({}, {-4, 10}, false).from, -3.9);
}

TEST(PictureScale, AnyValuesGiveARange) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const int base : {0, 2, 10}) {
    for (const std::vector<double>& values :
         {std::vector<double>{}, {nan, infinity}, {0}, {5, 5}, {-3}, {1e-300, 1e300}}) {
      const Scale scale = ScaleOf({.label = "", .log_base = base}, values, false);
      EXPECT_LT(scale.from, scale.to);
      EXPECT_LE(TicksOf({.label = "", .log_base = base}, scale, 8).size(), 12u);
    }
  }
  const Scale given = ScaleOf({.label = "", .from = 100}, {1, 2}, false);
  EXPECT_LT(given.from, given.to);
  EXPECT_LT(ScaleOf({.label = "", .log_base = 10, .to = 0.1}, {1, 2}, false).from, 0.1);
}

TEST(PictureScale, TicksAreAtRoundNumbersOrPowersOrNames) {
  EXPECT_EQ(Texts(TicksOf({}, {0, 40, 0}, 8)),
            (std::vector<std::string>{"0", "5", "10", "15", "20", "25", "30", "35", "40"}));
  EXPECT_EQ(Texts(TicksOf({.label = "", .log_base = 2}, {0.9, 40, 2}, 8)),
            (std::vector<std::string>{"1", "2", "4", "8", "16", "32"}));
  EXPECT_EQ(Texts(TicksOf({.label = "", .log_base = 10}, {0.9, 60, 10}, 8)),
            (std::vector<std::string>{"1", "2", "5", "10", "20", "50"}));
  EXPECT_EQ(Texts(TicksOf({.label = "", .log_base = 10}, {0.9, 2e5, 10}, 8)),
            (std::vector<std::string>{"1", "10", "100", "1000", "10000", "100000"}));
  EXPECT_EQ(Texts(TicksOf({.label = "", .names = {"a", "b\n"}}, {-0.5, 1.5, 0}, 1)),
            (std::vector<std::string>{"a", "b "}));
}

TEST(PictureLayout, BarsStandBesideOrOnOneAnother) {
  Panel panel;
  panel.series = {{.name = "a", .style = Style::kBars, .x = {0, 1}, .y = {3, 4}},
                  {.name = "b", .style = Style::kBars, .x = {0, 1}, .y = {5, 6}}};
  const Layout beside = LayOut(panel);
  EXPECT_NEAR(beside.bars[0][1].x_to, beside.bars[1][1].x_from, 1e-12);
  EXPECT_EQ(beside.bars[1][1].y_from, 0);
  panel.stacked = true;
  const Layout stacked = LayOut(panel);
  EXPECT_EQ(stacked.bars[1][1].y_from, 4);
  EXPECT_EQ(stacked.bars[1][1].y_to, 10);
  EXPECT_GE(stacked.up.to, 10);
  panel.horizontal = true;
  const Layout lying = LayOut(panel);
  EXPECT_EQ(lying.bars[1][1].x_to, 10);
  EXPECT_LT(lying.Y(0), lying.Y(1));  // the first one is on top
}

TEST(PictureLayout, LabelsCoverNeitherPointsNorEachOther) {
  Panel panel;
  Series series{.name = "curve"};
  for (int i = 0; i < 60; ++i) {
    series.x.push_back(i);
    series.y.push_back(100 * std::sqrt(i));
    series.labels.push_back("batch " + std::to_string(i));
  }
  panel.series = {series};
  panel.guides = {{false, 300, "a bound"}};
  const Layout layout = LayOut(panel);
  ASSERT_GT(layout.labels.size(), 8u);
  ASSERT_LT(layout.labels.size(), 62u);
  EXPECT_EQ(layout.labels.front().text, "a bound");
  std::vector<Box> boxes;
  bool last = false;
  for (const PlacedLabel& label : layout.labels) {
    const Box box = {label.x, label.y - 6, label.x + TextWidth(label.text, kLabelSize),
                     label.y + 6};
    EXPECT_TRUE(layout.inside.Holds(box)) << label.text;
    for (const Box& other : boxes) EXPECT_FALSE(box.Overlaps(other)) << label.text;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      const double x = layout.X(series.x[i]);
      const double y = layout.Y(series.y[i]);
      EXPECT_FALSE(box.Overlaps({x - 4, y - 4, x + 4, y + 4})) << label.text << " on " << i;
    }
    boxes.push_back(box);
    last |= label.text == "batch 59";
  }
  EXPECT_TRUE(last);  // ends come first
}

TEST(PictureLayout, LegendsTakeAsManyRowsAsTheyNeed) {
  Panel panel;
  for (int i = 0; i < 9; ++i) {
    panel.series.push_back(
        {.name = "a series with a name " + std::to_string(i), .x = {1}, .y = {1}});
  }
  const Layout layout = LayOut(panel);
  ASSERT_EQ(layout.legend.size(), 9u);
  for (std::size_t i = 1; i < 9; ++i) {
    const LegendEntry& before = layout.legend[i - 1];
    const LegendEntry& entry = layout.legend[i];
    const bool same_row = entry.y == before.y;
    EXPECT_TRUE(same_row ? entry.x > before.x + kSampleWidth + TextWidth(before.text, kFontSize)
                         : entry.y > before.y + kFontSize);
    EXPECT_LT(entry.x + kSampleWidth + TextWidth(entry.text, kFontSize), panel.width);
  }
  EXPECT_LT(layout.legend.back().y, layout.inside.top);
}

}  // namespace
}  // namespace kinglet::characterize::layout_test
