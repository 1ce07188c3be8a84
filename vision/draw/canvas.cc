#include "vision/draw/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace kinglet::vision {
namespace {

constexpr Color kBlack = {0, 0, 0};
constexpr Color kWhite = {255, 255, 255};

int Luma(const Color& color) { return (299 * color[0] + 587 * color[1] + 114 * color[2]) / 1000; }

}  // namespace

Color ColorOf(std::size_t number) {
  constexpr double kGoldenRatio = 0.6180339887498949;
  constexpr double kDarkest = 0.15;
  const double turn = std::fmod(static_cast<double>(number % 100'000) * kGoldenRatio + 0.33, 1.0);
  Color color{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double distance =
        std::abs(std::fmod(turn * 6.0 + 6.0 - 2.0 * static_cast<double>(c), 6.0) - 3.0);
    const double level = std::clamp(distance - 1.0, 0.0, 1.0);
    color[c] = static_cast<std::uint8_t>(std::lround(255 * (kDarkest + (1 - kDarkest) * level)));
  }
  return color;
}

int TextScale(const Image& image) {
  constexpr double kSideForOne = 320.0;
  const double side = std::sqrt(static_cast<double>(image.width) * image.height);
  return std::max(1, static_cast<int>(std::lround(side / kSideForOne)));
}

LabelSize SizeOfLabel(const std::string& drawable, int scale) {
  return {(TextWidth(drawable) + 4) * scale, (kLineHeight + 1) * scale};
}

void Fill(Image& image, const Rect& rect, const Color& color) {
  const int x1 = std::clamp(rect.x, 0, image.width);
  const int x2 = std::clamp(rect.x + rect.width, x1, image.width);
  const int y1 = std::clamp(rect.y, 0, image.height);
  const int y2 = std::clamp(rect.y + rect.height, y1, image.height);
  for (int y = y1; y < y2; ++y) {
    std::uint8_t* pixel = image.row(y) + std::ptrdiff_t{3} * x1;
    for (int x = x1; x < x2; ++x) pixel = std::copy(color.begin(), color.end(), pixel);
  }
}

void DrawLabel(Image& image, int x, int y, const std::string& drawable, int scale,
               const Color& background) {
  constexpr int kMiddle = 110;
  const LabelSize size = SizeOfLabel(drawable, scale);
  Fill(image, {x, y, size.width, size.height}, background);
  const Color& ink = Luma(background) > kMiddle ? kBlack : kWhite;
  for (const Rect& stroke : TextStrokes(drawable)) {
    Fill(image,
         {x + (stroke.x + 2) * scale, y + (stroke.y + 2) * scale, stroke.width * scale,
          stroke.height * scale},
         ink);
  }
}

void Enlarge(Image& image, int width, int height) {
  Image larger;
  larger.width = std::max(width, image.width);
  larger.height = std::max(height, image.height);
  larger.pixels.assign(std::size_t{3} * static_cast<std::size_t>(larger.width) *
                           static_cast<std::size_t>(larger.height),
                       255);
  for (int y = 0; y < image.height; ++y) {
    std::copy_n(image.row(y), std::size_t{3} * static_cast<std::size_t>(image.width),
                larger.row(y));
  }
  image = std::move(larger);
}

}  // namespace kinglet::vision
