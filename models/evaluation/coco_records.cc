#include "models/evaluation/coco_records.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "kinglet/error.h"

namespace kinglet {
namespace {

using nlohmann::json;

constexpr double kLargestExact = 9007199254740992.0;  // 2^53
constexpr std::size_t kMostNumbers = 5;               // of a box: one more than it has

// Follows the parser. Levels: an object of lists (absent in results), a list, an entry, and within
// an entry a list of numbers. What is deeper, or has another key, is skipped.
class Handler : public nlohmann::json_sax<json> {
 public:
  Handler(const std::string& source, const std::function<void(const std::string&)>& section,
          const std::function<void(const std::string&, const CocoRecord&)>& entry)
      : source_(source), section_(section), entry_(entry) {}

  bool null() override { return Scalar("null"); }
  bool boolean(bool value) override {
    if (InEntry() && key_ == "iscrowd") {
      record_.iscrowd = value ? 1.0 : 0.0;
      return true;
    }
    return Scalar("a Boolean");
  }
  bool number_integer(std::int64_t value) override {
    return Integer(value, static_cast<double>(value));
  }
  bool number_unsigned(std::uint64_t value) override {
    const bool fits = value <= static_cast<std::uint64_t>(kLargestExact);
    return fits ? Integer(static_cast<std::int64_t>(value), static_cast<double>(value))
                : Number(static_cast<double>(value));
  }
  bool number_float(double value, const std::string&) override {
    const bool whole = std::floor(value) == value && std::abs(value) <= kLargestExact;
    return whole ? Integer(static_cast<std::int64_t>(value), value) : Number(value);
  }
  bool string(std::string& value) override {
    if (InEntry() && key_ == "name") {
      record_.name = value;
    } else if (InEntry() && key_ == "file_name") {
      record_.file_name = value;
    } else {
      return Scalar("a string");
    }
    return true;
  }
  bool binary(json::binary_t&) override { return Scalar("bytes"); }

  bool start_object(std::size_t) override {
    if (skipped_ > 0) return ++skipped_, true;
    if (level_ == Level::kOutside) {
      level_ = Level::kLists;
    } else if (level_ == Level::kList) {
      level_ = Level::kEntry;
      record_ = CocoRecord();
      record_.place = list_ + '[' + std::to_string(count_++) + ']';
    } else {
      if (InEntry()) Check("an object");
      skipped_ = 1;
    }
    return true;
  }
  bool key(std::string& value) override {
    if (skipped_ == 0) key_ = value;
    return true;
  }
  bool end_object() override {
    if (skipped_ > 0) return --skipped_, true;
    if (level_ == Level::kEntry) {
      entry_(list_, record_);
      level_ = Level::kList;
    } else {
      level_ = Level::kOutside;
    }
    return true;
  }
  bool start_array(std::size_t) override {
    if (skipped_ > 0) return ++skipped_, true;
    const bool known = key_ == "images" || key_ == "categories" || key_ == "annotations";
    if (level_ == Level::kOutside || (level_ == Level::kLists && known)) {
      nested_ = level_ == Level::kLists;
      list_ = nested_ ? key_ : "";
      count_ = 0;
      level_ = Level::kList;
      section_(list_);
    } else if (InEntry() && key_ == "bbox") {
      record_.bbox.emplace();
      level_ = Level::kBox;
    } else {
      if (level_ == Level::kList) Refuse(list_, "objects", "an array");
      if (InEntry()) Check("an array");
      skipped_ = 1;
    }
    return true;
  }
  bool end_array() override {
    if (skipped_ > 0) return --skipped_, true;
    level_ = level_ == Level::kBox ? Level::kEntry : (nested_ ? Level::kLists : Level::kOutside);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    throw Error(ErrorCode::kInvalidInput,
                source_ + ": byte " + std::to_string(position) + ": not valid JSON");
  }

 private:
  enum class Level : std::uint8_t { kOutside, kLists, kList, kEntry, kBox };

  bool InEntry() const { return skipped_ == 0 && level_ == Level::kEntry; }

  [[noreturn]] void Refuse(const std::string& place, const char* expected,
                           const char* found) const {
    throw Error(ErrorCode::kInvalidInput, source_ + ": " + (place.empty() ? "" : place + ": ") +
                                              "expected " + expected + ", found " + found);
  }

  // A value of another type than the key of an entry has.
  void Check(const char* found) const {
    const std::string place = record_.place + '.' + key_;
    if (key_ == "id" || key_ == "image_id" || key_ == "category_id") {
      Refuse(place, "a whole number", found);
    }
    if (key_ == "area" || key_ == "score" || key_ == "iscrowd") Refuse(place, "a number", found);
    if (key_ == "name" || key_ == "file_name") Refuse(place, "a string", found);
    if (key_ == "bbox") Refuse(place, "[x, y, width, height]", found);
  }

  // Something that is no number where one may be, or that nobody asks for.
  bool Scalar(const char* found) const {
    if (skipped_ > 0) return true;
    if (level_ == Level::kBox) Refuse(record_.place + ".bbox", "numbers", found);
    if (level_ == Level::kList) Refuse(list_, "objects", found);
    if (level_ == Level::kOutside) Refuse("", "an object or an array", found);
    if (level_ == Level::kEntry) Check(found);
    return true;
  }

  bool Integer(std::int64_t value, double number) {
    if (!InEntry()) return Number(number);
    if (key_ == "id") {
      record_.id = value;
    } else if (key_ == "image_id") {
      record_.image_id = value;
    } else if (key_ == "category_id") {
      record_.category_id = value;
    } else {
      return Number(number);
    }
    return true;
  }

  bool Number(double value) {
    if (skipped_ == 0 && level_ == Level::kBox) {
      if (record_.bbox->size() < kMostNumbers) record_.bbox->push_back(value);
    } else if (InEntry() && key_ == "area") {
      record_.area = value;
    } else if (InEntry() && key_ == "score") {
      record_.score = value;
    } else if (InEntry() && key_ == "iscrowd") {
      record_.iscrowd = value;
    } else {
      return Scalar("a number");
    }
    return true;
  }

  const std::string& source_;
  const std::function<void(const std::string&)>& section_;
  const std::function<void(const std::string&, const CocoRecord&)>& entry_;
  Level level_ = Level::kOutside;
  bool nested_ = false;
  std::size_t skipped_ = 0;  // how deep the parser is in something that is skipped
  std::string key_;
  std::string list_;
  std::size_t count_ = 0;
  CocoRecord record_;
};

}  // namespace

void ReadCocoRecords(std::string_view text, const std::string& source,
                     const std::function<void(const std::string&)>& section,
                     const std::function<void(const std::string&, const CocoRecord&)>& entry) {
  Handler handler(source, section, entry);
  json::sax_parse(text, &handler);
}

}  // namespace kinglet
