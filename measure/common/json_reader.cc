#include "measure/common/json_reader.h"

#include <cmath>
#include <limits>

#include "kinglet/error.h"

namespace kinglet::measure {

const JsonReader::Json& JsonReader::At(const char* key) const {
  const auto found = json_.find(key);
  if (found != json_.end()) return *found;
  throw Error(ErrorCode::kInvalidInput,
              source_ + ": the record of a measured point has no '" + key + "'");
}

void JsonReader::Refuse(const char* key, const char* expected) const {
  constexpr std::size_t kMostShown = 60;
  const std::string text = At(key).dump(-1, ' ', true, Json::error_handler_t::replace);
  throw Error(ErrorCode::kInvalidInput, source_ + ": '" + key + "': expected " + expected +
                                            ", found " + text.substr(0, kMostShown));
}

double JsonReader::Number(const char* key) const {
  const Json& value = At(key);
  const double number = value.is_number() ? value.get<double>() : -1;
  if (!(number >= 0) || !std::isfinite(number)) Refuse(key, "a number from 0");
  return number;
}

int JsonReader::Count(const char* key) const {
  const Json& value = At(key);
  const double number = value.is_number_integer() ? value.get<double>() : 0;
  if (number < 1 || number > std::numeric_limits<int>::max()) Refuse(key, "a number from 1");
  return static_cast<int>(number);
}

std::size_t JsonReader::Size(const char* key) const {
  constexpr double kMost = 1e15;
  const double number = Number(key);
  if (number > kMost || number != std::floor(number)) Refuse(key, "a count");
  return static_cast<std::size_t>(number);
}

bool JsonReader::Flag(const char* key) const {
  const Json& value = At(key);
  if (!value.is_boolean()) Refuse(key, "true or false");
  return value.get<bool>();
}

std::string JsonReader::Text(const char* key) const {
  const Json& value = At(key);
  if (!value.is_string()) Refuse(key, "a string");
  return value.get<std::string>();
}

std::vector<double> JsonReader::Numbers(const char* key) const {
  std::vector<double> numbers;
  for (const Json& value : Array(key)) {
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!(number >= 0) || !std::isfinite(number)) Refuse(key, "an array of numbers from 0");
    numbers.push_back(number);
  }
  return numbers;
}

std::vector<std::string> JsonReader::Texts(const char* key) const {
  const Json& values = At(key);
  std::vector<std::string> texts;
  if (!values.is_array()) Refuse(key, "an array of strings");
  for (const Json& text : values) {
    if (!text.is_string()) Refuse(key, "an array of strings");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

JsonReader JsonReader::Object(const char* key) const {
  const Json& value = At(key);
  if (!value.is_object()) Refuse(key, "an object");
  return {value, source_};
}

const JsonReader::Json& JsonReader::Array(const char* key) const {
  const Json& value = At(key);
  if (!value.is_array()) Refuse(key, "an array");
  return value;
}

double Rounded(double value, double scale) { return std::round(value * scale) / scale; }

std::string CompactJson(const JsonReader::Json& json) {
  return json.dump(-1, ' ', false, JsonReader::Json::error_handler_t::replace);
}

}  // namespace kinglet::measure
