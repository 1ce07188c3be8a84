// COCO's annotations and results.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "kinglet/error.h"
#include "kinglet/evaluate.h"
#include "models/evaluation/coco_records.h"
#include "models/files/files.h"

namespace kinglet {
namespace {

// What is wrong with one file, entry by entry.
class Checker {
 public:
  Checker(const std::string& source, const CocoRecord& record) : source_(source), record_(record) {}

  [[noreturn]] void Fail(const char* key, const std::string& what) const {
    throw Error(ErrorCode::kInvalidInput, source_ + ": " + record_.place + '.' + key + ": " + what);
  }

  template <typename T>
  const T& Need(const std::optional<T>& value, const char* key, const char* expected) const {
    if (!value) Fail(key, std::string("expected ") + expected + ", found none");
    return *value;
  }

  std::int64_t NeedId(const std::optional<std::int64_t>& value, const char* key) const {
    return Need(value, key, "a whole number");
  }

  std::array<double, 4> NeedBox() const {
    const std::vector<double>& box = Need(record_.bbox, "bbox", "[x, y, width, height]");
    if (box.size() != 4) {
      Fail("bbox", "expected 4 numbers, found " +
                       (box.size() < 4 ? std::to_string(box.size()) : std::string("more")));
    }
    if (box[2] < 0 || box[3] < 0) Fail("bbox", "expected a width and a height of at least 0");
    return {box[0], box[1], box[2], box[3]};
  }

 private:
  const std::string& source_;
  const CocoRecord& record_;
};

void CheckFileName(const Checker& checker, const std::string& name) {
  const std::filesystem::path path(name);
  bool inside = !name.empty() && path.is_relative() && name.find('\0') == std::string::npos;
  for (const auto& part : path) inside = inside && part != "..";
  if (!inside) checker.Fail("file_name", "expected a file in the dataset's folder");
}

// Fills the dataset from one entry after the other; references are checked at the end, since the
// lists may come in any order.
class AnnotationReader {
 public:
  AnnotationReader(const std::string& source, DetectionDataset& dataset)
      : source_(source), dataset_(dataset) {}

  void Section(const std::string& list) {
    if (!list.empty() && !lists_.insert(list).second) {
      throw Error(ErrorCode::kInvalidInput, source_ + ": '" + list + "' occurs twice");
    }
  }

  void Entry(const std::string& list, const CocoRecord& record) {
    const Checker checker(source_, record);
    if (list == "images") {
      const std::int64_t id = checker.NeedId(record.id, "id");
      const std::string& file = checker.Need(record.file_name, "file_name", "a string");
      CheckFileName(checker, file);
      if (!images_.insert(id).second) Twice(checker, id);
      dataset_.images.push_back({id, file});
    } else if (list == "categories") {
      const std::int64_t id = checker.NeedId(record.id, "id");
      const std::string& name = checker.Need(record.name, "name", "a string");
      if (!dataset_.categories.emplace(id, name).second) Twice(checker, id);
    } else if (list == "annotations") {
      TrueBox box;
      box.image = checker.NeedId(record.image_id, "image_id");
      box.category = checker.NeedId(record.category_id, "category_id");
      box.box = checker.NeedBox();
      box.area = record.area.value_or(box.box[2] * box.box[3]);
      box.crowd = record.iscrowd.value_or(0.0) != 0.0;
      dataset_.boxes.push_back(box);
    }
  }

  void Finish() const {
    for (const char* list : {"images", "categories", "annotations"}) {
      if (!lists_.contains(list)) {
        throw Error(ErrorCode::kInvalidInput,
                    source_ + ": expected COCO annotations, found no list '" + list + "'");
      }
    }
    for (std::size_t i = 0; i < dataset_.boxes.size(); ++i) {
      const TrueBox& box = dataset_.boxes[i];
      if (!images_.contains(box.image)) Unknown(i, "image_id", box.image);
      if (!dataset_.categories.contains(box.category)) Unknown(i, "category_id", box.category);
    }
  }

 private:
  [[noreturn]] static void Twice(const Checker& checker, std::int64_t id) {
    checker.Fail("id", std::to_string(id) + " occurs twice");
  }
  [[noreturn]] void Unknown(std::size_t i, const char* key, std::int64_t id) const {
    throw Error(ErrorCode::kInvalidInput, source_ + ": annotations[" + std::to_string(i) + "]." +
                                              key + ": nothing has the id " + std::to_string(id));
  }

  const std::string& source_;
  DetectionDataset& dataset_;
  std::set<std::string> lists_;
  std::set<std::int64_t> images_;
};

}  // namespace

DetectionDataset ReadCocoAnnotations(const std::string& path) {
  const std::string text = ReadTextFile(path, kMaxAnnotationBytes, "annotations");
  DetectionDataset dataset;
  AnnotationReader reader(path, dataset);
  ReadCocoRecords(
      text, path, [&](const std::string& list) { reader.Section(list); },
      [&](const std::string& list, const CocoRecord& record) { reader.Entry(list, record); });
  reader.Finish();
  return dataset;
}

std::vector<FoundBox> ReadCocoDetections(const std::string& path, const DetectionDataset& dataset) {
  const std::string text = ReadTextFile(path, kMaxAnnotationBytes, "detections");
  std::set<std::int64_t> images;
  for (const DatasetImage& image : dataset.images) images.insert(image.id);
  std::vector<FoundBox> boxes;
  bool listed = false;
  ReadCocoRecords(
      text, path, [&](const std::string& list) { listed = listed || list.empty(); },
      [&](const std::string& list, const CocoRecord& record) {
        if (!list.empty()) return;
        const Checker checker(path, record);
        FoundBox box;
        box.image = checker.NeedId(record.image_id, "image_id");
        box.category = checker.NeedId(record.category_id, "category_id");
        box.box = checker.NeedBox();
        box.score = checker.Need(record.score, "score", "a number");
        if (!images.contains(box.image)) {
          checker.Fail("image_id", "the dataset has no image " + std::to_string(box.image));
        }
        boxes.push_back(box);
      });
  if (!listed) {
    throw Error(ErrorCode::kInvalidInput,
                path + ": expected an array of COCO results, found an object");
  }
  return boxes;
}

CategoryMatch MatchCategories(const DetectionDataset& dataset,
                              const std::vector<std::string>& labels) {
  CategoryMatch match;
  std::map<std::string, std::int64_t> ids;
  std::set<std::string> repeated;
  for (const auto& [id, name] : dataset.categories) {
    if (!ids.emplace(name, id).second) repeated.insert(name);
  }
  match.repeated_categories.assign(repeated.begin(), repeated.end());
  repeated.clear();
  std::set<std::string> names;
  std::set<std::int64_t> matched;
  for (const std::string& label : labels) {
    const auto at = ids.find(label);
    match.of_label.push_back(at == ids.end() ? std::nullopt : std::optional(at->second));
    if (at == ids.end()) continue;
    matched.insert(at->second);
    if (!names.insert(label).second) repeated.insert(label);
  }
  match.repeated_labels.assign(repeated.begin(), repeated.end());
  if (matched.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                "none of the network's " + std::to_string(labels.size()) +
                    " class names is one of the dataset's " +
                    std::to_string(dataset.categories.size()) + " categories" +
                    (ids.empty() ? "" : ", like '" + ids.begin()->first + "'"));
  }
  for (const auto& [id, name] : dataset.categories) {
    if (!matched.contains(id)) match.unmatched.push_back(id);
  }
  return match;
}

std::string CocoDetectionsJson(const std::vector<FoundBox>& detections) {
  std::string text = "[";
  for (const FoundBox& found : detections) {
    const nlohmann::ordered_json line = {{"image_id", found.image},
                                         {"category_id", found.category},
                                         {"bbox", found.box},
                                         {"score", found.score}};
    text += (text.size() == 1 ? "\n" : ",\n") + line.dump();
  }
  return text + "\n]\n";
}

}  // namespace kinglet
