#include "kinglet/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kinglet/error.h"
#include "tests/support/source_dir.h"

namespace kinglet::evaluate_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() : path_(fs::path(::testing::TempDir()) / ("evaluate_" + std::to_string(getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  std::string Write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

std::string Fixture(const char* name) {
  return (testing::SourceDir() / "tests/models/coco" / name).string();
}

TEST(MeasureDetectionsTest, AgreesWithPycocotools) {
  const DetectionDataset dataset = ReadCocoAnnotations(Fixture("annotations.json"));
  const auto detections = ReadCocoDetections(Fixture("detections.json"), dataset);
  ASSERT_EQ(dataset.images.size(), 30u);
  ASSERT_GT(detections.size(), 250u);
  const DetectionAccuracy found = MeasureDetections(dataset, detections);
  std::ifstream file(Fixture("reference.json"));
  const auto reference = nlohmann::json::parse(file);
  const auto expect = [&](const char* key, double value) {
    EXPECT_NEAR(value, reference.at(key).get<double>(), 1e-9) << key;
  };
  expect("ap", found.ap);
  expect("ap50", found.ap50);
  expect("ap75", found.ap75);
  expect("ap_small", found.ap_small);
  expect("ap_medium", found.ap_medium);
  expect("ap_large", found.ap_large);
  expect("ar1", found.ar1);
  expect("ar10", found.ar10);
  expect("ar100", found.ar100);
  expect("ar_small", found.ar_small);
  expect("ar_medium", found.ar_medium);
  expect("ar_large", found.ar_large);
  const auto each = reference.at("category_ap").get<std::map<std::string, double>>();
  ASSERT_EQ(found.category_ap.size(), each.size());
  for (const auto& [id, ap] : found.category_ap) {
    EXPECT_NEAR(ap, each.at(std::to_string(id)), 1e-9) << id;
  }
}

DetectionDataset OneBox() {
  DetectionDataset dataset;
  dataset.images = {{1, "1.jpg"}, {2, "2.jpg"}};
  dataset.categories = {{5, "cat"}};
  dataset.boxes = {{1, 5, {10, 10, 100, 100}, 10000, false}};
  return dataset;
}

TEST(MeasureDetectionsTest, TheRightBoxIsAllThatOneCanFind) {
  const DetectionAccuracy found = MeasureDetections(OneBox(), {{1, 5, {10, 10, 100, 100}, 0.9}});
  EXPECT_DOUBLE_EQ(found.ap, 1);
  EXPECT_DOUBLE_EQ(found.ap_large, 1);
  EXPECT_DOUBLE_EQ(found.ar1, 1);
  EXPECT_EQ(found.ap_small, -1);
  EXPECT_EQ(found.ap_medium, -1);
}

TEST(MeasureDetectionsTest, ABetterWrongBoxHalvesThePrecision) {
  const DetectionAccuracy found = MeasureDetections(
      OneBox(), {{1, 5, {10, 10, 100, 81}, 0.5}, {2, 5, {10, 10, 100, 100}, 0.9}});
  EXPECT_DOUBLE_EQ(found.ap50, 0.5);
  EXPECT_DOUBLE_EQ(found.ap75, 0.5);
  EXPECT_NEAR(found.ap, 0.7 * 0.5, 1e-12);  // IoU 0.81: thresholds 0.5 to 0.8
  EXPECT_DOUBLE_EQ(found.ar1, 0.7);
}

TEST(MeasureDetectionsTest, NothingFoundIsZeroAndNothingToFindIsNone) {
  EXPECT_DOUBLE_EQ(MeasureDetections(OneBox(), {}).ap, 0);
  DetectionDataset empty = OneBox();
  empty.boxes.clear();
  EXPECT_EQ(MeasureDetections(empty, {{1, 5, {0, 0, 1, 1}, 0.5}}).ap, -1);
}

TEST(CocoFilesTest, DetectionsAreWrittenAsTheyAreRead) {
  const Folder folder;
  const DetectionDataset dataset = OneBox();
  const std::vector<FoundBox> boxes = {{1, 5, {0.1, 2, 3.75, 4}, 0.123456789}, {2, 5, {}, 1}};
  const auto again =
      ReadCocoDetections(folder.Write("found.json", CocoDetectionsJson(boxes)), dataset);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].image, 1);
  EXPECT_EQ(again[0].box, boxes[0].box);
  EXPECT_EQ(again[0].score, boxes[0].score);
  EXPECT_EQ(again[1].category, 5);
  EXPECT_TRUE(
      ReadCocoDetections(folder.Write("none.json", CocoDetectionsJson({})), dataset).empty());
}

TEST(MatchCategoriesTest, NamesDecide) {
  DetectionDataset dataset = OneBox();
  dataset.categories = {{5, "cat"}, {2, "dog"}};
  const CategoryMatch match = MatchCategories(dataset, {"dog", "N/A", "cat"});
  EXPECT_EQ(match.of_label, (std::vector<std::optional<std::int64_t>>{2, std::nullopt, 5}));
  EXPECT_THAT(match.unmatched, IsEmpty());
  EXPECT_THROW(MatchCategories(dataset, {"face"}), Error);
  EXPECT_THROW(MatchCategories(dataset, {}), Error);
}

TEST(MatchCategoriesTest, SaysWhatCannotBeFoundAndWhatIsNotUnique) {
  DetectionDataset dataset = OneBox();
  dataset.categories = {{2, "dog"}, {3, "cat"}, {7, "dog"}, {9, "owl"}};
  const CategoryMatch match = MatchCategories(dataset, {"cat", "N/A", "dog", "cat", "N/A"});
  EXPECT_EQ(match.of_label,
            (std::vector<std::optional<std::int64_t>>{3, std::nullopt, 2, 3, std::nullopt}));
  EXPECT_THAT(match.unmatched, ElementsAre(7, 9));
  EXPECT_THAT(match.repeated_categories, ElementsAre("dog"));
  EXPECT_THAT(match.repeated_labels, ElementsAre("cat"));
}

std::string MessageOf(const std::string& text, bool results = false) {
  const Folder folder;
  const std::string path = folder.Write("file.json", text);
  try {
    if (results) {
      ReadCocoDetections(path, OneBox());
    } else {
      ReadCocoAnnotations(path);
    }
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    EXPECT_THAT(error.what(), HasSubstr("file.json: "));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "no error";
}

// A dataset whose annotation is this.
std::string WithAnnotation(const std::string& annotation) {
  return R"({"info": {"x": [[1]]}, "images": [{"id": 1, "file_name": "a.jpg"}],
             "categories": [{"id": 5, "name": "cat"}], "annotations": [)" +
         annotation + "]}";
}

TEST(CocoFilesTest, WhatOthersAddIsSkipped) {
  const Folder folder;
  const DetectionDataset dataset = ReadCocoAnnotations(folder.Write(
      "a.json", WithAnnotation(R"({"id": 9, "image_id": 1.0, "category_id": 5, "bbox": [1, 2, 3, 4],
                         "iscrowd": 1, "segmentation": {"counts": [[1], {"a": 2}], "size": [1]},
                         "keypoints": [[1, 2], [3]], "extra": null})")));
  ASSERT_EQ(dataset.boxes.size(), 1u);
  EXPECT_EQ(dataset.boxes[0].image, 1);
  EXPECT_EQ(dataset.boxes[0].area, 12);
  EXPECT_TRUE(dataset.boxes[0].crowd);
  EXPECT_EQ(dataset.categories.at(5), "cat");
}

TEST(CocoFilesTest, BrokenAnnotationsAreOneClearError) {
  EXPECT_THAT(MessageOf(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(MessageOf("{\"images\": ["), HasSubstr("byte 13: not valid JSON"));
  EXPECT_THAT(MessageOf("7"), HasSubstr("expected an object or an array, found a number"));
  EXPECT_THAT(MessageOf("{}"), HasSubstr("found no list 'images'"));
  EXPECT_THAT(MessageOf(R"({"images": [], "images": []})"), HasSubstr("'images' occurs twice"));
  EXPECT_THAT(MessageOf(R"({"images": [3]})"), HasSubstr("images: expected objects, found a num"));
  EXPECT_THAT(MessageOf(R"({"images": [[]]})"),
              HasSubstr("images: expected objects, found an arr"));
  EXPECT_THAT(MessageOf(R"({"images": [{"id": 1}]})"), HasSubstr("images[0].file_name: expected"));
  for (const char* name : {"../a.jpg", "/etc/passwd", "x/../../y.jpg", ""}) {
    EXPECT_THAT(MessageOf(R"({"images": [{"id": 1, "file_name": ")" + std::string(name) + "\"}]}"),
                HasSubstr("in the dataset's folder"));
  }
  EXPECT_THAT(MessageOf(R"({"images": [{"id": "one", "file_name": "a"}]})"),
              HasSubstr("images[0].id: expected a whole number, found a string"));
  EXPECT_THAT(
      MessageOf(R"({"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]})"),
      HasSubstr("images[1].id: 1 occurs twice"));
  EXPECT_THAT(MessageOf(WithAnnotation(R"({"image_id": 1, "category_id": 5})")),
              HasSubstr("annotations[0].bbox: expected [x, y, width, height], found none"));
  const auto box = [](const std::string& bbox) {
    return WithAnnotation(R"({"image_id": 1, "category_id": 5, "bbox": )" + bbox + "}");
  };
  EXPECT_THAT(MessageOf(box("[1, 2, 3]")), HasSubstr("expected 4 numbers, found 3"));
  EXPECT_THAT(MessageOf(box("[1, 2, 3, 4, 5, 6]")), HasSubstr("found more"));
  EXPECT_THAT(MessageOf(box("[1, 2, -3, 4]")), HasSubstr("at least 0"));
  EXPECT_THAT(MessageOf(box("[1, 2, \"3\", 4]")), HasSubstr("bbox: expected numbers, found a str"));
  EXPECT_THAT(MessageOf(box("[1, 2, 1e999, 4]")), HasSubstr("not valid JSON"));
  EXPECT_THAT(MessageOf(box("7")), HasSubstr("expected [x, y, width, height], found a number"));
  EXPECT_THAT(
      MessageOf(WithAnnotation(R"({"image_id": 8, "category_id": 5, "bbox": [1, 2, 3, 4]})")),
      HasSubstr("annotations[0].image_id: nothing has the id 8"));
  EXPECT_THAT(
      MessageOf(WithAnnotation(R"({"image_id": 1, "category_id": 6, "bbox": [1, 2, 3, 4]})")),
      HasSubstr("annotations[0].category_id: nothing has the id 6"));
}

TEST(CocoFilesTest, BrokenDetectionsAreOneClearError) {
  EXPECT_THAT(MessageOf("{}", true), HasSubstr("expected an array of COCO results"));
  EXPECT_THAT(MessageOf(R"([{"image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]}])", true),
              HasSubstr("[0].score: expected a number, found none"));
  EXPECT_THAT(
      MessageOf(R"([{"image_id": 3, "category_id": 5, "bbox": [1, 2, 3, 4], "score": 1}])", true),
      HasSubstr("[0].image_id: the dataset has no image 3"));
  EXPECT_THAT(MessageOf(R"([{"image_id": {}}])", true), HasSubstr("found an object"));
  EXPECT_THAT(MessageOf(std::string(100000, '['), true), HasSubstr("expected objects"));
}

TEST(ClassFoldersTest, FoldersAreNamedAsClassesOrStandInTheirOrder) {
  const Folder folder;
  folder.Write("tabby_cat/b.png", "");
  folder.Write("tabby_cat/a.jpg", "");
  folder.Write("tabby_cat/notes.txt", "");
  folder.Write("Dog/c.bmp", "");
  const auto named = ListClassFolders(folder.path(), 3, {"bird", "tabby cat", "dog"});
  ASSERT_EQ(named.size(), 3u);
  EXPECT_EQ(named[0].label, 2u);
  EXPECT_EQ(named[1].label, 1u);
  EXPECT_THAT(named[1].path, ::testing::EndsWith("tabby_cat/a.jpg"));
  const auto in_turn = ListClassFolders(folder.path(), 3, {"background", "x", "y"});
  ASSERT_EQ(in_turn.size(), 3u);
  EXPECT_EQ(in_turn[0].label, 1u);
  EXPECT_EQ(in_turn[2].label, 2u);
  EXPECT_EQ(ListClassFolders(folder.path(), 2, {})[2].label, 1u);
}

TEST(ClassFoldersTest, WhatFitsNoClassIsNamed) {
  const Folder folder;
  const auto message = [&](const std::vector<std::string>& labels) -> std::string {
    try {
      ListClassFolders(folder.path(), labels.size(), labels);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({"cat"}), HasSubstr("expected pictures"));
  folder.Write("cat/a.jpg", "");
  folder.Write("lion/a.jpg", "");
  EXPECT_THAT(message({"cat", "dog", "bird"}), AllOf(HasSubstr("'lion'"), HasSubstr("found 2")));
  EXPECT_THAT(message({"lion", "cat", "Cat"}),
              AllOf(HasSubstr("/cat: the classes 1 and 2 both have this name")));
  EXPECT_THROW(ListClassFolders(folder.path() + "/none", 1, {"cat"}), Error);
}

}  // namespace
}  // namespace kinglet::evaluate_test
