#include "vision/draw/font.h"

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstring>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "stb/stb_easy_font.h"
#pragma GCC diagnostic pop

namespace kinglet::vision {
namespace {

constexpr std::size_t kMaxCharacters = 80;
constexpr std::size_t kVertices = 4;      // of a stroke
constexpr std::size_t kVertexBytes = 16;  // x, y, z and a colour
constexpr std::size_t kStrokeBytes = kVertices * kVertexBytes;
constexpr std::size_t kMostStrokes = 16;  // of a character

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

int Coordinate(const std::vector<char>& buffer, std::size_t at) {
  float value = 0;
  std::memcpy(&value, buffer.data() + at, sizeof(value));
  return static_cast<int>(value);
}

}  // namespace

std::string DrawableText(std::string_view utf8) {
  std::string text;
  for (const char c : utf8) {
    if (IsContinuation(c)) continue;
    text += c >= ' ' && c <= '~' ? c : '?';
  }
  if (text.size() > kMaxCharacters) text = text.substr(0, kMaxCharacters - 3) + "...";
  return text;
}

int TextWidth(const std::string& drawable) {
  std::string text = drawable;
  return stb_easy_font_width(text.data());
}

std::vector<Rect> TextStrokes(const std::string& drawable) {
  std::string text = drawable;
  std::vector<char> buffer(kStrokeBytes * kMostStrokes * (text.size() + 1));
  const auto count = static_cast<std::size_t>(stb_easy_font_print(
      0, 0, text.data(), nullptr, buffer.data(), static_cast<int>(buffer.size())));
  std::vector<Rect> strokes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = i * kStrokeBytes;
    const std::size_t opposite = first + 2 * kVertexBytes;
    const int x = Coordinate(buffer, first);
    const int y = Coordinate(buffer, first + sizeof(float));
    strokes.push_back(
        {x, y, Coordinate(buffer, opposite) - x, Coordinate(buffer, opposite + sizeof(float)) - y});
  }
  return strokes;
}

}  // namespace kinglet::vision
