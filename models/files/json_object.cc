#include "models/files/json_object.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

namespace kinglet {
namespace {

using nlohmann::json;

// A value as it may stand in a one-line message.
std::string Shown(const json& value) {
  constexpr std::size_t kMaxShown = 40;
  std::string text;
  switch (value.type()) {
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return "an array of " + std::to_string(value.size());
    case json::value_t::string:
      text = value.get_ref<const std::string&>();
      if (text.size() > kMaxShown) return "a string of " + std::to_string(text.size()) + " bytes";
      return "the string '" + text + "'";
    default:
      return value.dump(-1, ' ', true, json::error_handler_t::replace);
  }
}

std::string Plain(double value) {
  const double rounded = std::round(value);
  if (rounded == value && std::abs(value) < 1e9) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  return json(value).dump();
}

// "line 3, column 7" of the byte at `offset` (counted from 1).
std::string PlaceOf(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(before.size() - start);
}

// Watches the parser: refuses depth and repeated keys where they occur.
class Guard {
 public:
  Guard(const std::string& source, int max_depth) : source_(source), max_depth_(max_depth) {}

  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
      if (depth >= max_depth_) {
        throw Error(ErrorCode::kResource,
                    source_ + ": JSON nested more than " + std::to_string(max_depth_) + " deep");
      }
      keys_.emplace_back();
    } else if (event == json::parse_event_t::object_end ||
               event == json::parse_event_t::array_end) {
      keys_.pop_back();
    } else if (event == json::parse_event_t::key) {
      if (!keys_.back().insert(parsed.get<std::string>()).second) {
        throw Error(ErrorCode::kInvalidModel,
                    source_ + ": the key " + Shown(parsed) + " occurs twice in one object");
      }
    }
    return true;
  }

 private:
  std::string source_;
  int max_depth_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

json ParseStrictJson(std::string_view text, const std::string& source, std::size_t max_bytes,
                     int max_depth) {
  if (text.size() > max_bytes) {
    throw Error(ErrorCode::kResource, source + ": " + std::to_string(text.size()) +
                                          " bytes are too long for a descriptor; at most " +
                                          std::to_string(max_bytes) + " are read");
  }
  Guard guard(source, max_depth);
  try {
    return json::parse(text.begin(), text.end(),
                       [&guard](int depth, json::parse_event_t event, json& parsed) {
                         return guard(depth, event, parsed);
                       });
  } catch (const json::parse_error& error) {
    throw Error(ErrorCode::kInvalidModel,
                source + ": not valid JSON at " + PlaceOf(text, error.byte));
  } catch (const json::out_of_range&) {
    throw Error(ErrorCode::kInvalidModel, source + ": holds a number that is out of range");
  }
}

JsonObject::JsonObject(const json& value, std::string source, std::string path)
    : value_(&value), source_(std::move(source)), path_(std::move(path)) {
  if (!value.is_object()) {
    throw Error(ErrorCode::kInvalidModel, source_ + ": " + (path_.empty() ? "" : path_ + ": ") +
                                              "expected an object, found " + Shown(value));
  }
}

std::string JsonObject::PathOf(std::string_view key) const {
  return (path_.empty() ? "" : path_ + ".") + std::string(key);
}

void JsonObject::Fail(std::string_view key, const std::string& expected,
                      const std::string& found) const {
  throw Error(ErrorCode::kInvalidModel,
              source_ + ": " + PathOf(key) + ": expected " + expected + ", found " + found);
}

void JsonObject::FailWith(const std::string& message) const {
  throw Error(ErrorCode::kInvalidModel, source_ + ": " + message);
}

bool JsonObject::Has(std::string_view key) const { return value_->find(key) != value_->end(); }

const json* JsonObject::Take(std::string_view key, const char* expected, bool required) {
  known_.emplace_back(key);
  const auto it = value_->find(key);
  if (it != value_->end()) return &*it;
  if (required) Fail(key, expected, "nothing: the key is missing");
  return nullptr;
}

JsonObject JsonObject::Object(std::string_view key) {
  return {*Take(key, "an object", true), source_, PathOf(key)};
}

std::string JsonObject::String(std::string_view key, std::size_t max_bytes,
                               const std::optional<std::string>& fallback) {
  const json* value = Take(key, "a string", !fallback);
  if (value == nullptr) return *fallback;
  if (!value->is_string()) Fail(key, "a string", Shown(*value));
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > max_bytes) {
    Fail(key, "at most " + std::to_string(max_bytes) + " bytes", std::to_string(text.size()));
  }
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; })) {
    Fail(key, "text without control characters", "some");
  }
  return text;
}

double JsonObject::CheckedNumber(const json& value, std::string_view key, double min, double max) {
  const std::string expected = "a number from " + Plain(min) + " to " + Plain(max);
  if (!value.is_number()) Fail(key, expected, Shown(value));
  const double number = value.get<double>();
  if (!(number >= min && number <= max)) Fail(key, expected, Shown(value));
  return number;
}

std::int64_t JsonObject::Integer(std::string_view key, std::int64_t min, std::int64_t max,
                                 std::optional<std::int64_t> fallback) {
  const std::string expected =
      "an integer from " + std::to_string(min) + " to " + std::to_string(max);
  const json* value = Take(key, expected.c_str(), !fallback);
  if (value == nullptr) return *fallback;
  const bool fits = value->is_number_integer() &&
                    !(value->is_number_unsigned() &&
                      value->get<std::uint64_t>() > static_cast<std::uint64_t>(max)) &&
                    value->get<std::int64_t>() >= min && value->get<std::int64_t>() <= max;
  if (!fits) Fail(key, expected, Shown(*value));
  return value->get<std::int64_t>();
}

double JsonObject::Number(std::string_view key, double min, double max,
                          std::optional<double> fallback) {
  const json* value = Take(key, "a number", !fallback);
  return value == nullptr ? *fallback : CheckedNumber(*value, key, min, max);
}

std::vector<double> JsonObject::Numbers(std::string_view key, double min, double max,
                                        const std::vector<double>& fallback) {
  const json* value = Take(key, "an array", false);
  if (value == nullptr) return fallback;
  const std::string expected = "an array of " + std::to_string(fallback.size()) + " numbers";
  if (!value->is_array() || value->size() != fallback.size()) Fail(key, expected, Shown(*value));
  std::vector<double> numbers;
  for (const json& item : *value) numbers.push_back(CheckedNumber(item, key, min, max));
  return numbers;
}

std::vector<double> JsonObject::CheckedNumbers(const json& value, std::string_view key, double min,
                                               double max, std::size_t max_count) {
  if (!value.is_array() || value.size() > max_count) {
    Fail(key, "an array of at most " + std::to_string(max_count) + " numbers", Shown(value));
  }
  std::vector<double> numbers;
  for (const json& item : value) numbers.push_back(CheckedNumber(item, key, min, max));
  return numbers;
}

std::vector<double> JsonObject::NumberList(std::string_view key, double min, double max,
                                           std::size_t max_count) {
  const json* value = Take(key, "an array", false);
  if (value == nullptr) return {};
  return CheckedNumbers(*value, key, min, max, max_count);
}

std::vector<std::vector<double>> JsonObject::NumberLists(std::string_view key, double min,
                                                         double max, std::size_t max_count) {
  const json* value = Take(key, "an array", false);
  if (value == nullptr) return {};
  if (!value->is_array() || value->empty() || !value->front().is_array()) {
    return {CheckedNumbers(*value, key, min, max, max_count)};
  }
  if (value->size() > max_count) {
    Fail(key, "an array of at most " + std::to_string(max_count) + " arrays", Shown(*value));
  }
  std::vector<std::vector<double>> lists;
  for (const json& item : *value) lists.push_back(CheckedNumbers(item, key, min, max, max_count));
  return lists;
}

bool JsonObject::Bool(std::string_view key, bool fallback) {
  const json* value = Take(key, "true or false", false);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) Fail(key, "true or false", Shown(*value));
  return value->get<bool>();
}

std::vector<std::string> JsonObject::Strings(std::string_view key, std::size_t max_count,
                                             std::size_t max_bytes) {
  const json* value = Take(key, "an array", false);
  if (value == nullptr) return {};
  const std::string expected = "an array of at most " + std::to_string(max_count) +
                               " strings of at most " + std::to_string(max_bytes) + " bytes";
  if (!value->is_array() || value->size() > max_count) Fail(key, expected, Shown(*value));
  std::vector<std::string> strings;
  for (const json& item : *value) {
    if (!item.is_string() || item.get_ref<const std::string&>().size() > max_bytes) {
      Fail(key, expected, Shown(item));
    }
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::vector<std::string> JsonObject::Names(std::string_view key, std::size_t max_count,
                                           std::size_t max_bytes) {
  if (!Has(key)) {
    known_.emplace_back(key);
    return {};
  }
  const bool several = value_->find(key)->is_array();
  std::vector<std::string> names;
  if (several) {
    names = Strings(key, max_count, max_bytes);
  } else {
    names.push_back(String(key, max_bytes));
  }
  return names;
}

std::array<int, 2> JsonObject::Range(std::string_view key, int open) {
  const json* value = Take(key, "an array", false);
  if (value == nullptr) return {0, 0};
  const auto whole = [open](const json& item) {
    return item.is_number_integer() && item >= 0 && item < open;
  };
  if (!value->is_array() || value->empty() || value->size() > 2 || !whole(value->front()) ||
      !whole(value->back()) || (value->size() == 2 && value->front() >= value->back())) {
    Fail(key, "[first, end] or [first], whole numbers below " + std::to_string(open),
         Shown(*value));
  }
  return {value->front().get<int>(), value->size() == 1 ? open : value->back().get<int>()};
}

void JsonObject::Finish() const {
  for (const auto& item : value_->items()) {
    if (std::find(known_.begin(), known_.end(), item.key()) != known_.end()) continue;
    std::string keys;
    for (const std::string& key : known_) keys += (keys.empty() ? "" : ", ") + key;
    throw Error(ErrorCode::kInvalidModel,
                source_ + ": " + (path_.empty() ? std::string() : path_ + ": ") + "unknown key " +
                    Shown(json(item.key())) + "; known keys are " + keys);
  }
}

}  // namespace kinglet
