#include "characterize/pictures/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace kinglet::characterize {
namespace {

// The bytes of the code point at the beginning of the text; 0: it is no UTF-8.
std::size_t CodePointBytes(std::string_view text, std::uint32_t& point) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    point = lead;
    return 1;
  }
  const std::size_t count = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < count) return 0;
  point = lead & (0x7Fu >> count);
  for (std::size_t i = 1; i < count; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = (point << 6) | (byte(i) & 0x3Fu);
  }
  const bool overlong = (count == 3 && point < 0x800) || (count == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return overlong || surrogate || point > 0x10FFFF ? 0 : count;
}

// Of an em, of a font like DejaVu Sans or Arial; rather too wide.
double EmsOf(std::uint32_t point) {
  if (point >= 0x1100) return 1.0;
  if (point > 0x7F) return 0.62;
  const char c = static_cast<char>(point);
  if (std::string_view("ijl.,:;'|! ()[]/").find(c) != std::string_view::npos) return 0.36;
  if (std::string_view("mwMW%@").find(c) != std::string_view::npos) return 0.92;
  return c >= 'A' && c <= 'Z' ? 0.70 : 0.60;
}

}  // namespace

std::string CleanText(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    std::uint32_t point = 0;
    const std::size_t count = CodePointBytes(text, point);
    const bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
    if (count == 0) {
      clean += '?';
    } else if (control) {
      clean += ' ';
    } else {
      clean += text.substr(0, count);
    }
    text.remove_prefix(std::max<std::size_t>(count, 1));
  }
  return clean;
}

std::string MarkupText(std::string_view text) {
  std::string markup;
  for (const char c : CleanText(text)) {
    switch (c) {
      case '&':
        markup += "&amp;";
        break;
      case '<':
        markup += "&lt;";
        break;
      case '>':
        markup += "&gt;";
        break;
      case '"':
        markup += "&quot;";
        break;
      case '\'':
        markup += "&#39;";
        break;
      default:
        markup += c;
    }
  }
  return markup;
}

double TextWidth(std::string_view text, double font_size) {
  double ems = 0;
  while (!text.empty()) {
    std::uint32_t point = 0;
    text.remove_prefix(std::max<std::size_t>(CodePointBytes(text, point), 1));
    ems += EmsOf(point);
  }
  return ems * font_size;
}

std::string FitText(const std::string& text, double font_size, double width) {
  if (TextWidth(text, font_size) <= width) return text;
  constexpr std::string_view kMore = "...";
  const double room = width - TextWidth(kMore, font_size);
  std::size_t end = 0;
  std::uint32_t point = 0;
  while (end < text.size()) {
    const std::size_t next =
        end + std::max<std::size_t>(CodePointBytes(std::string_view(text).substr(end), point), 1);
    if (TextWidth(std::string_view(text).substr(0, next), font_size) > room) break;
    end = next;
  }
  return text.substr(0, end) + std::string(kMore);
}

std::string TickText(double value, double step) {
  const double size = std::max(std::abs(value), std::abs(step));
  if (std::abs(value) < 1e-9 * size) return "0";
  if (size < 1e-4 || size >= 1e13) return fmt::format("{:.3g}", value);
  constexpr struct {
    double unit;
    const char* suffix;
  } kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1, ""}};
  for (const auto& [unit, suffix] : kUnits) {
    if (size < unit && unit > 1) continue;
    const int decimals =
        std::clamp(static_cast<int>(std::ceil(-std::log10(step / unit) - 1e-9)), 0, 6);
    std::string text = fmt::format("{:.{}f}", value / unit, decimals);
    if (decimals > 0) {
      text.erase(text.find_last_not_of('0') + 1);
      if (text.back() == '.') text.pop_back();
    }
    return text + suffix;
  }
  return fmt::format("{:g}", value);
}

}  // namespace kinglet::characterize
