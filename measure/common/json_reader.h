// Reading the objects of records that programs keep as JSON: what does not fit is an Error.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kinglet::measure {

// One object of a record, with what its errors say: Error(kInvalidInput) that names the source and
// the key, what was expected and what was found. It refers to both of its arguments.
class JsonReader {
 public:
  using Json = nlohmann::ordered_json;

  JsonReader(const Json& json, const std::string& source) : json_(json), source_(source) {}

  bool Has(const char* key) const { return json_.contains(key); }
  double Number(const char* key) const;     // from 0, finite
  int Count(const char* key) const;         // from 1
  std::size_t Size(const char* key) const;  // from 0
  bool Flag(const char* key) const;
  std::string Text(const char* key) const;
  std::vector<double> Numbers(const char* key) const;  // each from 0, finite
  std::vector<std::string> Texts(const char* key) const;
  JsonReader Object(const char* key) const;
  const Json& Array(const char* key) const;
  [[noreturn]] void Refuse(const char* key, const char* expected) const;

 private:
  const Json& At(const char* key) const;

  const Json& json_;
  const std::string& source_;
};

// What rounding leaves of milliseconds: a tenth of a microsecond.
inline constexpr double kMillisecondScale = 1e4;

// Rounded so that 1 / scale is the last digit.
double Rounded(double value, double scale);

// Compact, on one line without its end; bytes of names that are no UTF-8 are replaced.
std::string CompactJson(const JsonReader::Json& json);

}  // namespace kinglet::measure
