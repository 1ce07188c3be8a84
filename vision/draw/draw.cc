#include "kinglet/draw.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "vision/draw/canvas.h"
#include "vision/draw/font.h"
#include "vision/draw/labels.h"

namespace kinglet {
namespace vision {
namespace {

// More would hide one another, and the search for their places takes its time.
constexpr std::size_t kMostLabels = 500;

struct Label {
  std::string text;
  Color color;
};

// First and last pixel that an interval touches, within 0 .. size - 1.
struct Pixels {
  int first, last;
};

Pixels Touched(float from, float to, int size) {
  const auto pixel = [size](double x) {
    return static_cast<int>(std::clamp(std::isnan(x) ? 0.0 : x, 0.0, size - 1.0));
  };
  const int first = pixel(std::floor(static_cast<double>(from)));
  return {first, std::max(first, pixel(std::ceil(static_cast<double>(to)) - 1))};
}

struct PixelBox {
  PixelBox(const DrawnBox& box, const Image& image)
      : x(Touched(box.x1, box.x2, image.width)), y(Touched(box.y1, box.y2, image.height)) {}
  Rect rect() const { return {x.first, y.first, x.last - x.first + 1, y.last - y.first + 1}; }

  Pixels x, y;
};

// The lines lie inside the box.
void DrawOutline(Image& image, const PixelBox& box, int line, const Color& color) {
  const int width = box.rect().width;
  const int height = box.rect().height;
  const int across = std::min(line, width);
  const int down = std::min(line, height);
  Fill(image, {box.x.first, box.y.first, width, down}, color);
  Fill(image, {box.x.first, box.y.last + 1 - down, width, down}, color);
  Fill(image, {box.x.first, box.y.first, across, height}, color);
  Fill(image, {box.x.last + 1 - across, box.y.first, across, height}, color);
}

// Lines of a twentieth of the box's shorter side, at most as wide as the picture asks for.
int LineFor(const Rect& box, int largest, const DrawOptions& options) {
  constexpr int kWidest = 100;
  if (options.line_width > 0) return std::min(options.line_width, kWidest);
  return std::clamp(std::min(box.width, box.height) / 20, 1, largest);
}

void DrawPoints(Image& image, const DrawnBox& box, int line) {
  constexpr Color kMark = {255, 255, 255};
  constexpr Color kRim = {0, 0, 0};
  const int reach = (line + 1) / 2;
  for (const PicturePoint& point : box.points) {
    const bool inside = point.x >= 0 && point.y >= 0 && point.x < static_cast<float>(image.width) &&
                        point.y < static_cast<float>(image.height);
    if (!inside) continue;  // so is NaN
    const int x = static_cast<int>(point.x), y = static_cast<int>(point.y);
    Fill(image, {x - reach - 1, y - reach - 1, 2 * reach + 3, 2 * reach + 3}, kRim);
    Fill(image, {x - reach, y - reach, 2 * reach + 1, 2 * reach + 1}, kMark);
  }
}

// One below the other in a strip under the picture.
void DrawStrip(Image& image, const std::vector<Label>& labels, int scale) {
  if (labels.empty()) return;
  int width = image.width;
  int y = image.height;
  int height = y;
  for (const Label& label : labels) {
    const LabelSize size = SizeOfLabel(label.text, scale);
    width = std::max(width, size.width);
    height += size.height;
  }
  Enlarge(image, width, height);
  for (const Label& label : labels) {
    DrawLabel(image, 0, y, label.text, scale, label.color);
    y += SizeOfLabel(label.text, scale).height;
  }
}

}  // namespace
}  // namespace vision

void DrawBoxes(Image& image, std::span<const DrawnBox> boxes, const DrawOptions& options) {
  using namespace vision;
  const int scale = TextScale(image);
  const std::span<const DrawnBox> labelled = boxes.first(std::min(boxes.size(), kMostLabels));
  std::vector<Rect> outlines;
  for (const DrawnBox& box : labelled) outlines.push_back(PixelBox(box, image).rect());
  for (std::size_t i = boxes.size(); i-- > 0;) {
    const PixelBox box(boxes[i], image);
    const int line = LineFor(box.rect(), scale, options);
    DrawOutline(image, box, line, ColorOf(boxes[i].color));
    DrawPoints(image, boxes[i], line);
  }
  struct Written {
    PlacedLabel label;
    Color color;
  };
  std::vector<Written> written;
  std::vector<Label> strip;
  LabelPlacer placer(image.width, image.height, outlines, scale);
  for (std::size_t i = 0; i < labelled.size(); ++i) {
    const Color color = ColorOf(labelled[i].color);
    const std::string texts[] = {DrawableText(labelled[i].label), DrawableText(labelled[i].brief)};
    if (texts[0].empty()) continue;
    const LabelSize size = SizeOfLabel(texts[0], 1);
    if (size.width > image.width || size.height > image.height) {
      strip.push_back({texts[0], color});
    } else if (auto place = placer.Place(outlines[i], texts)) {
      written.push_back({std::move(*place), color});
    }
  }
  for (const auto& [label, color] : written) {
    DrawLabel(image, label.rect.x, label.rect.y, label.text, label.scale, color);
  }
  DrawStrip(image, strip, scale);
}

void DrawCaption(Image& image, std::span<const std::string> lines) {
  using namespace vision;
  constexpr Color kPaper = {32, 32, 32};
  const int scale = TextScale(image);
  std::vector<Label> labels;
  LabelSize all;
  for (const std::string& line : lines) {
    labels.push_back({DrawableText(line), kPaper});
    const LabelSize size = SizeOfLabel(labels.back().text, scale);
    all = {std::max(all.width, size.width), all.height + size.height};
  }
  if (all.width > image.width || all.height > image.height) {
    DrawStrip(image, labels, scale);
    return;
  }
  Fill(image, {0, 0, all.width, all.height}, kPaper);
  int y = 0;
  for (const Label& label : labels) {
    DrawLabel(image, 0, y, label.text, scale, kPaper);
    y += SizeOfLabel(label.text, scale).height;
  }
}

}  // namespace kinglet
