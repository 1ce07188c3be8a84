// Strict reading of JSON objects: every key is asked for by name and type, and what nobody asked
// for is an error.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kinglet/error.h"

namespace kinglet {

// Parses text of at most `max_bytes`, nested at most `max_depth` deep, without repeated keys.
// Throws Error(kInvalidModel, kResource) beginning with `source`.
nlohmann::json ParseStrictJson(std::string_view text, const std::string& source,
                               std::size_t max_bytes, int max_depth);

template <typename T>
struct Choice {
  const char* name;
  T value;
};

// One object of the text. A key without a fallback is required. All errors are
// Error(kInvalidModel): "<source>: <path of the key>: expected ..., found ...".
class JsonObject {
 public:
  // Throws when the value is no object. `path` is "" for the outermost.
  JsonObject(const nlohmann::json& value, std::string source, std::string path);

  bool Has(std::string_view key) const;
  JsonObject Object(std::string_view key);
  std::string String(std::string_view key, std::size_t max_bytes,
                     const std::optional<std::string>& fallback = std::nullopt);
  std::int64_t Integer(std::string_view key, std::int64_t min, std::int64_t max,
                       std::optional<std::int64_t> fallback = std::nullopt);
  double Number(std::string_view key, double min, double max,
                std::optional<double> fallback = std::nullopt);
  // An array of exactly fallback.size() numbers.
  std::vector<double> Numbers(std::string_view key, double min, double max,
                              const std::vector<double>& fallback);
  // An array of at most max_count numbers; empty when the key is missing.
  std::vector<double> NumberList(std::string_view key, double min, double max,
                                 std::size_t max_count);
  // An array of such arrays, or one of them, which stands alone.
  std::vector<std::vector<double>> NumberLists(std::string_view key, double min, double max,
                                               std::size_t max_count);
  bool Bool(std::string_view key, bool fallback);
  std::vector<std::string> Strings(std::string_view key, std::size_t max_count,
                                   std::size_t max_bytes);
  // A string, or an array of them; empty when the key is missing.
  std::vector<std::string> Names(std::string_view key, std::size_t max_count,
                                 std::size_t max_bytes);
  // An array [first, end] of two whole numbers, 0 <= first < end < open, or [first], which ends at
  // `open`; {0, 0} when the key is missing.
  std::array<int, 2> Range(std::string_view key, int open);
  template <typename T>
  T OneOf(std::string_view key, std::span<const Choice<T>> choices,
          std::optional<T> fallback = std::nullopt) {
    std::optional<std::string> text;
    if (fallback) text = "";
    const std::string found = String(key, 64, text);
    if (found.empty() && fallback && !Has(key)) return *fallback;
    std::string names;
    for (const Choice<T>& choice : choices) {
      if (found == choice.name) return choice.value;
      names += (names.empty() ? "'" : ", '") + std::string(choice.name) + "'";
    }
    Fail(key, "one of " + names, "'" + found + "'");
  }

  // Throws when there are keys that nobody asked for.
  void Finish() const;

  [[noreturn]] void Fail(std::string_view key, const std::string& expected,
                         const std::string& found) const;
  // The same with a message of its own: "<key within this object>: ...".
  [[noreturn]] void FailWith(const std::string& message) const;

 private:
  const nlohmann::json* Take(std::string_view key, const char* expected, bool required);
  double CheckedNumber(const nlohmann::json& value, std::string_view key, double min, double max);
  std::vector<double> CheckedNumbers(const nlohmann::json& value, std::string_view key, double min,
                                     double max, std::size_t max_count);
  std::string PathOf(std::string_view key) const;

  const nlohmann::json* value_;
  std::string source_;
  std::string path_;
  std::vector<std::string> known_;
};

}  // namespace kinglet
