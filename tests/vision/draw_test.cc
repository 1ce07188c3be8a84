#include "kinglet/draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "vision/draw/canvas.h"
#include "vision/draw/font.h"

namespace kinglet::draw_test {
namespace {

using Pixel = std::array<int, 3>;

Image Gray(int width, int height) {
  Image image;
  image.width = width;
  image.height = height;
  image.pixels.assign(std::size_t{3} * static_cast<std::size_t>(width * height), 128);
  return image;
}

Pixel At(const Image& image, int x, int y) {
  const std::uint8_t* p = image.row(y) + 3 * x;
  return {p[0], p[1], p[2]};
}

Pixel ColorPixel(std::size_t number) {
  const vision::Color color = vision::ColorOf(number);
  return {color[0], color[1], color[2]};
}

constexpr Pixel kGray = {128, 128, 128};

int Count(const Image& image, const Pixel& wanted) {
  int count = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) count += At(image, x, y) == wanted ? 1 : 0;
  }
  return count;
}

TEST(FontTest, EveryLetterHasItsOwnStrokes) {
  std::set<std::string> seen;
  for (char c = '!'; c <= '~'; ++c) {
    const std::string text(1, c);
    const auto strokes = vision::TextStrokes(text);
    std::string shape;
    for (const vision::Rect& r : strokes) {
      EXPECT_GE(r.x, 0);
      EXPECT_GE(r.y, 0);
      EXPECT_LE(r.x + r.width, vision::TextWidth(text)) << text;
      EXPECT_LE(r.y + r.height, vision::kLineHeight - 1) << text;
      shape += std::to_string(r.x) + ',' + std::to_string(r.y) + ',' + std::to_string(r.width) +
               ',' + std::to_string(r.height) + ';';
    }
    EXPECT_FALSE(strokes.empty()) << text;
    const bool bar = c == '|';  // as l
    EXPECT_TRUE(bar || seen.insert(shape).second) << text << " looks like another letter";
  }
}

TEST(FontTest, TextIsMadeDrawable) {
  EXPECT_EQ(vision::DrawableText("na\xC3\xAFve\n\x01"), "na?ve??");
  EXPECT_EQ(vision::DrawableText(std::string(500, 'x')), std::string(77, 'x').append(3, '.'));
  EXPECT_GT(vision::TextWidth("ab"), vision::TextWidth("a"));
  EXPECT_TRUE(vision::TextStrokes("").empty());
}

TEST(DrawTest, OutlinesLieInTheBox) {
  Image image = Gray(200, 100);
  DrawBoxes(image, {{{50.2f, 20.7f, 80.0f, 60.4f, "", 3}}});
  EXPECT_EQ(image.width, 200);
  EXPECT_EQ(image.height, 100);
  for (const int x : {50, 65, 79}) {
    EXPECT_EQ(At(image, x, 20), ColorPixel(3));
    EXPECT_EQ(At(image, x, 60), ColorPixel(3));
  }
  EXPECT_EQ(At(image, 50, 40), ColorPixel(3));
  EXPECT_EQ(At(image, 79, 40), ColorPixel(3));
  for (const auto& [x, y] : {std::pair{49, 40}, {80, 40}, {60, 19}, {60, 61}, {60, 40}}) {
    EXPECT_EQ(At(image, x, y), kGray) << x << ' ' << y;
  }
}

TEST(DrawTest, LabelsStayInThePicture) {
  for (const float at : {0.0f, 190.0f, 95.0f}) {
    Image image = Gray(200, 100);
    DrawBoxes(image, {{{at, at / 2, at + 10, at / 2 + 5, "a long label 0.99", 1}}});
    const vision::LabelSize size = vision::SizeOfLabel("a long label 0.99", 1);
    EXPECT_EQ(image.height, 100);
    const int ink = Count(image, {0, 0, 0}) + Count(image, {255, 255, 255});
    EXPECT_GT(ink, 40);
    EXPECT_GE(Count(image, ColorPixel(1)) + ink, size.width * size.height);
  }
}

TEST(DrawTest, LabelsOfTheSamePlaceAvoidEachOther) {
  const DrawnBox box = {60, 40, 160, 90, "cat 0.9", 0};
  Image one = Gray(300, 200);
  DrawBoxes(one, {{box}});
  const int ink = Count(one, {0, 0, 0});
  ASSERT_GT(ink, 0);
  Image three = Gray(300, 200);
  DrawBoxes(three, {{box, box, box}});
  EXPECT_EQ(Count(three, {0, 0, 0}), 3 * ink);
}

// A crowd of small boxes: no label hides a fourth of one, and briefs stand where labels have no
// room.
TEST(DrawTest, LabelsLeaveSmallBoxesVisible) {
  std::vector<DrawnBox> boxes;
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 8; ++x) {
      const float left = 20.0f + 70.0f * static_cast<float>(x);
      const float top = 20.0f + 70.0f * static_cast<float>(y);
      boxes.push_back({left, top, left + 30, top + 40, "face 0.99", 0, "0.99", {}});
    }
  }
  Image image = Gray(600, 460);
  DrawBoxes(image, boxes);
  const Pixel color = ColorPixel(0);
  int labels = 0;
  for (const DrawnBox& box : boxes) {
    int inside = 0;
    for (int y = static_cast<int>(box.y1) + 2; y < static_cast<int>(box.y2) - 2; ++y) {
      for (int x = static_cast<int>(box.x1) + 2; x < static_cast<int>(box.x2) - 2; ++x) {
        inside += At(image, x, y) == kGray ? 1 : 0;
      }
    }
    EXPECT_GE(inside, 26 * 36 * 3 / 4);
    labels += At(image, static_cast<int>(box.x1) + 1, static_cast<int>(box.y1) - 2) == color;
  }
  EXPECT_GT(labels, 40);
  // Without room between them only what is small enough is written.
  for (DrawnBox& box : boxes)
    box = {box.x1, box.y1, box.x1 + 68, box.y1 + 68, box.label, 0, "", {}};
  Image full = Gray(600, 460);
  DrawBoxes(full, boxes);
  EXPECT_EQ(full.height, 460);
}

TEST(DrawTest, LinesAndPointsAsAsked) {
  Image image = Gray(200, 100);
  const DrawnBox box = {50, 20, 150, 80, "", 3, "", {{100, 50}, {-5, 5}, {1e30f, 2}}};
  DrawBoxes(image, {{box}}, {.line_width = 5});
  EXPECT_EQ(At(image, 54, 50), ColorPixel(3));
  EXPECT_EQ(At(image, 55, 50), kGray);
  EXPECT_EQ(At(image, 100, 50), (Pixel{255, 255, 255}));
  Image thin = Gray(1280, 960);
  DrawBoxes(thin, {{{100, 100, 120, 120, "", 3}}});
  EXPECT_EQ(At(thin, 101, 110), kGray);  // one pixel for a small box
}

TEST(DrawTest, SmallPicturesGetAStrip) {
  const vision::LabelSize size = vision::SizeOfLabel("person 0.72", 1);
  for (const auto& [width, height] : {std::pair{1, 1}, {8192, 2}, {2, 2048}, {20, 20}}) {
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    Image image = Gray(width, height);
    DrawBoxes(image, {{{0, 0, 8192, 8192, "person 0.72", 0}, {0, 0, 1, 1, "tie 0.6", 1}}});
    EXPECT_EQ(image.width, std::max(width, size.width));
    EXPECT_EQ(image.height, height + 2 * size.height);
    EXPECT_EQ(image.pixels.size(),
              std::size_t{3} * static_cast<std::size_t>(image.width * image.height));
    EXPECT_EQ(At(image, 0, height), ColorPixel(0));
    EXPECT_EQ(At(image, 0, height + size.height), ColorPixel(1));
    const std::string lines[] = {"cat 0.9"};
    DrawCaption(image, lines);
  }
}

TEST(DrawTest, LabelsOfVeryManyBoxesAreBounded) {
  const vision::LabelSize size = vision::SizeOfLabel("person 0.72", 1);
  const std::vector<DrawnBox> boxes(100'000, DrawnBox{0, 0, 1, 1, "person 0.72", 0});
  Image image = Gray(1, 1);
  DrawBoxes(image, boxes);
  EXPECT_EQ(image.height, 1 + 500 * size.height);
  image = Gray(640, 480);
  DrawBoxes(image, boxes);
  EXPECT_EQ(image.height, 480);
}

TEST(DrawTest, LettersGrowWithThePicture) {
  EXPECT_EQ(vision::TextScale(Gray(1, 1)), 1);
  EXPECT_EQ(vision::TextScale(Gray(640, 480)), 2);
  EXPECT_EQ(vision::TextScale(Gray(1280, 720)), 3);
  Image large;
  large.width = 7680;
  large.height = 4320;
  EXPECT_EQ(vision::TextScale(large), 18);
}

TEST(DrawTest, AnyBoxIsHarmless) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  Image image = Gray(64, 64);
  DrawBoxes(image, {{{nan, nan, nan, nan, "", 0},
                     {-inf, -inf, inf, inf, "x", 1},
                     {50, 50, 10, 10, "y", ~std::size_t{0}},
                     {1e30f, -1e30f, 1e30f, 1e30f, "", 2}}});
  EXPECT_EQ(image.width, 64);
  EXPECT_EQ(At(image, 0, 63), ColorPixel(1));
}

TEST(DrawTest, CaptionsHaveLines) {
  Image image = Gray(200, 100);
  const std::string lines[] = {"cat 0.9", "dog 0.05"};
  DrawCaption(image, lines);
  const int height = vision::SizeOfLabel("cat 0.9", 1).height;
  EXPECT_EQ(At(image, 0, 2 * height - 1), (Pixel{32, 32, 32}));
  EXPECT_EQ(At(image, 0, 2 * height), kGray);
  EXPECT_GT(Count(image, {255, 255, 255}), 40);
}

TEST(DrawTest, ColorsOfNeighboursDiffer) {
  for (std::size_t i = 0; i + 1 < 100; ++i) {
    const Pixel a = ColorPixel(i);
    const Pixel b = ColorPixel(i + 1);
    EXPECT_GT(std::abs(a[0] - b[0]) + std::abs(a[1] - b[1]) + std::abs(a[2] - b[2]), 100) << i;
  }
}

}  // namespace
}  // namespace kinglet::draw_test
