#include "kinglet/draw.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "vision/draw/canvas.h"
#include "vision/draw/font.h"

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

double Area(const Rect& rect) { return static_cast<double>(rect.width) * rect.height; }

double Overlap(const Rect& a, const Rect& b) {
  const int width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const int height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  return width > 0 && height > 0 ? static_cast<double>(width) * height : 0;
}

// What a label hides here: pixels of other labels, which weigh most, and of boxes, which weigh less
// the larger they are.
double Hidden(const Rect& rect, const std::vector<Rect>& labels, const std::vector<Rect>& boxes) {
  constexpr double kLabelWeight = 16;
  double hidden = 0;
  for (const Rect& label : labels) hidden += kLabelWeight * Overlap(rect, label);
  for (const Rect& box : boxes) {
    hidden += Overlap(rect, box) * Area(rect) / std::max(Area(box), Area(rect));
  }
  return hidden;
}

// Above the box, at its upper edge, at its lower edge, below, at the left or at the right: the
// first place that hides least.
Rect PlaceLabel(const Image& image, const PixelBox& box, const LabelSize& size,
                const std::vector<Rect>& labels, const std::vector<Rect>& boxes) {
  const int top = box.y.first;
  const int bottom = box.y.last + 1;
  const int lefts[] = {box.x.first, box.x.last + 1 - size.width};
  const int tops[] = {top - size.height, top, bottom - size.height, bottom};
  Rect best;
  double least = -1;
  for (const int left : lefts) {
    for (const int y : tops) {
      const Rect rect = {std::clamp(left, 0, image.width - size.width),
                         std::clamp(y, 0, image.height - size.height), size.width, size.height};
      const double hidden = Hidden(rect, labels, boxes);
      if (least >= 0 && hidden >= least) continue;
      best = rect;
      least = hidden;
    }
  }
  return best;
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

void DrawBoxes(Image& image, std::span<const DrawnBox> boxes) {
  using namespace vision;
  const int scale = TextScale(image);
  for (std::size_t i = boxes.size(); i-- > 0;) {
    DrawOutline(image, PixelBox(boxes[i], image), scale, ColorOf(boxes[i].color));
  }
  std::vector<Label> labels;
  std::vector<Label> strip;
  std::vector<Rect> places;
  std::vector<Rect> outlines;
  const std::span<const DrawnBox> labelled = boxes.first(std::min(boxes.size(), kMostLabels));
  for (const DrawnBox& box : labelled) outlines.push_back(PixelBox(box, image).rect());
  for (const DrawnBox& box : labelled) {
    const Label label = {DrawableText(box.label), ColorOf(box.color)};
    if (label.text.empty()) continue;
    const LabelSize size = SizeOfLabel(label.text, scale);
    if (size.width > image.width || size.height > image.height) {
      strip.push_back(label);
    } else {
      places.push_back(PlaceLabel(image, PixelBox(box, image), size, places, outlines));
      labels.push_back(label);
    }
  }
  for (std::size_t i = labels.size(); i-- > 0;) {
    DrawLabel(image, places[i].x, places[i].y, labels[i].text, scale, labels[i].color);
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
