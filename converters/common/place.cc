#include "converters/common/place.h"

#include <cstring>
#include <vector>

namespace kinglet::converters {
namespace {

constexpr std::size_t kShownBytes = 96;
constexpr std::size_t kShownParts = 8;

// Bytes of the UTF-8 sequence at the start of `text`; 0 when there is none that may be printed.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead >= 0x20 && lead < 0x7f) return 1;
  const std::size_t length = lead >= 0xc2 && lead < 0xe0   ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  std::uint32_t code = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  // C1 controls, line and paragraph separators, and what turns the writing direction around.
  const bool control = code < 0xa0 || (code >= 0x200b && code <= 0x200f) ||
                       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
                       code == 0xfeff;
  return overlong || surrogate || control || code > 0x10ffff ? 0 : length;
}

// Stops once `limit` bytes have been written.
std::string Escape(std::string_view text, std::size_t limit) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  while (!text.empty() && out.size() < limit) {
    std::size_t length = SequenceLength(text);
    if (length > 0) {
      out += text.substr(0, length);
    } else {
      const auto byte = static_cast<unsigned char>(text[0]);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
      length = 1;
    }
    text.remove_prefix(length);
  }
  if (!text.empty()) out += "...";
  return out;
}

}  // namespace

std::string Printable(std::string_view text) { return Escape(text, std::string::npos); }
std::string Shortened(std::string_view text) { return Escape(text, kShownBytes); }

std::string Quoted(std::string_view name) {
  std::string text = "'";
  text += Shortened(name);
  text += '\'';
  return text;
}

std::string Place::Own() const {
  std::string text(kind_);
  if (index_ >= 0) text.append(" ").append(std::to_string(index_));
  if (!name_.empty()) text.append(" ").append(Quoted(name_));
  if (!op_.empty()) text.append(" (").append(Shortened(op_)).append(")");
  return text;
}

std::string Place::Text() const {
  std::vector<const Place*> chain;
  for (const Place* place = this; place != nullptr; place = place->parent_) chain.push_back(place);
  std::string text;
  for (std::size_t i = chain.size(); i-- > 0;) {
    const bool last = i < kShownParts / 2;
    const bool first = chain.size() - i <= kShownParts / 2;
    if (first || last) {
      text += (text.empty() ? "" : ": ") + chain[i]->Own();
    } else if (i == kShownParts / 2) {
      text += ": ...";
    }
  }
  return text;
}

std::string ErrnoText(int error) { return std::string(" (") + std::strerror(error) + ")"; }

void Fail(ErrorCode code, const Place& place, const std::string& what) {
  throw Error(code, place.Text() + ": " + what);
}

}  // namespace kinglet::converters
