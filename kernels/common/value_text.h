// Text forms of small values, for files and for people: words with single spaces between them, most
// of them "name=value".
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "kernels/common/element_type.h"

namespace kinglet::kernels {

// The words of a text, one after the other. What does not fit is remembered: ask ok() at the end.
class WordReader {
 public:
  explicit WordReader(std::string_view text) : rest_(text) {}

  // Nothing was missing or wrong, and nothing is left.
  bool ok() const { return ok_ && rest_.empty(); }
  void Fail() { ok_ = false; }

  std::string_view Word() {
    const size_t end = rest_.find(' ');
    const std::string_view word = rest_.substr(0, end);
    rest_ = end == rest_.npos ? std::string_view() : rest_.substr(end + 1);
    if (word.empty() || (end != rest_.npos && rest_.empty())) Fail();  // no word, or a space behind
    return word;
  }
  // The value of the next word, which must be "name=value".
  std::string_view Field(std::string_view name) {
    const std::string_view word = Word();
    if (word.size() <= name.size() || word.substr(0, name.size()) != name ||
        word[name.size()] != '=') {
      Fail();
      return {};
    }
    return word.substr(name.size() + 1);
  }
  template <typename T>
  T Number(std::string_view name) {
    return ToNumber<T>(Field(name));
  }
  template <typename T>
  T ToNumber(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) Fail();
    return value;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// The type of that name, or none.
constexpr std::optional<ElementType> ElementTypeNamed(std::string_view name) {
  for (const ElementTypeFacts& facts : kElementTypes) {
    if (facts.name == name) return facts.type;
  }
  return {};
}

// The shortest text that from_chars makes the same value of.
template <typename T>
std::string NumberText(T value) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

}  // namespace kinglet::kernels
