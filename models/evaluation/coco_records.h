// The entries of COCO's JSON files, one at a time: a file's size is what memory does not grow with.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kinglet {

// What an entry of "images", "categories", "annotations" or of a file of results may say; other
// keys are skipped.
struct CocoRecord {
  std::string place;  // "annotations[3]", or "[3]" in a file of results
  std::optional<std::int64_t> id, image_id, category_id;
  std::optional<double> area, score, iscrowd;
  std::optional<std::string> name, file_name;
  std::optional<std::vector<double>> bbox;
};

// Calls `section(name)` for each list of the outermost object ("" when the outermost value is a
// list) and `entry(name, record)` for each object in it. Throws Error(kInvalidInput) "<source>:
// <place>: expected ..., found ..." for text that is no JSON, or of another form.
void ReadCocoRecords(std::string_view text, const std::string& source,
                     const std::function<void(const std::string&)>& section,
                     const std::function<void(const std::string&, const CocoRecord&)>& entry);

}  // namespace kinglet
