// kinglet evaluate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/apps/command.h"

namespace kinglet::testing::evaluate_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

namespace fs = std::filesystem;

std::string Coco(const char* name) {
  return SourcePath("tests/models/coco/" + std::string(name)).string();
}

// The demo network's pictures, each in the folder of its class, and one in a wrong one.
void SortPictures(const TemporaryFolder& folder) {
  for (const auto& entry : fs::directory_iterator(SourcePath("models/demo/images"))) {
    const std::string name = entry.path().stem().string();
    const std::string label = name == "umbrella" ? "key" : name;
    fs::create_directories(folder.Path("data/" + label));
    fs::copy_file(entry.path(),
                  folder.Path("data/" + label) + '/' + entry.path().filename().string());
  }
}

TEST(EvaluateTest, ClassifiersAreMeasuredOnFoldersOfClasses) {
  const TemporaryFolder folder;
  SortPictures(folder);
  const CommandResult result =
      Kinglet({"evaluate", "--task", "classify", "--dataset", folder.Path("data"), "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = result.OutJson();
  EXPECT_EQ(json.at("model"), "demo");
  EXPECT_EQ(json.at("pictures"), 10);
  EXPECT_EQ(json.at("failed"), 0);
  EXPECT_DOUBLE_EQ(json.at("top1").get<double>(), 0.9);
  EXPECT_GE(json.at("top5").get<double>(), 0.9);
  ASSERT_EQ(json.at("classes").size(), 10u);
  for (const auto& line : json.at("classes")) {
    EXPECT_EQ(line.at("top1").get<double>(), line.at("label") == "key" ? 0.0 : 1.0);
  }
  const CommandResult table =
      Kinglet({"evaluate", "--task", "classify", "--dataset", folder.Path("data")});
  EXPECT_THAT(table.out, AllOf(HasSubstr("top-1 90.00 %"), HasSubstr("of 10 pictures")));
}

TEST(EvaluateTest, UnreadablePicturesAreNamedAndNotCounted) {
  const TemporaryFolder folder;
  SortPictures(folder);
  std::ofstream(folder.Path("data/car/broken.png")) << "no picture";
  const CommandResult result =
      Kinglet({"evaluate", "--task", "classify", "--dataset", folder.Path("data"), "--json"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.ErrLines(), SizeIs(1));
  EXPECT_THAT(result.err, HasSubstr("broken.png"));
  EXPECT_EQ(result.OutJson().at("pictures"), 10);
  EXPECT_EQ(result.OutJson().at("failed"), 1);
}

TEST(EvaluateTest, StoredDetectionsGiveTheNumbersOfPycocotools) {
  const CommandResult result =
      Kinglet({"evaluate", "--task", "detect", "--annotations", Coco("annotations.json"),
               "--detections", Coco("detections.json"), "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  std::ifstream file(Coco("reference.json"));
  const auto reference = nlohmann::json::parse(file);
  const auto json = result.OutJson();
  for (const auto& [key, value] : reference.items()) {
    if (value.is_number()) {
      EXPECT_NEAR(json.at(key).get<double>(), value.get<double>(), 1e-4) << key;
    }
  }
  EXPECT_EQ(json.at("pictures"), 30);
}

// Annotations of the three sample pictures: what the demo detector finds in them.
TEST(EvaluateTest, DetectorsAreMeasuredAgainstAnnotations) {
  const TemporaryFolder folder;
  const std::string images = SourcePath("models/demo_detector/images").string();
  nlohmann::json dataset = {{"images", nlohmann::json::array()},
                            {"categories", {{{"id", 4}, {"name", "sun"}}}},
                            {"annotations", nlohmann::json::array()}};
  dataset["images"].push_back({{"id", 7}, {"file_name", "garden.jpg"}});
  dataset["images"].push_back({{"id", 8}, {"file_name", "bay.png"}});
  dataset["annotations"].push_back(
      {{"image_id", 7}, {"category_id", 4}, {"bbox", {480, 20, 144, 128}}});
  const std::string annotations = folder.Write("a.json", dataset.dump());
  const std::string found = folder.Path("found.json");
  const CommandResult result = Kinglet({"evaluate", "--task", "detect", "--dataset", images,
                                        "--annotations", annotations, "--output", found, "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = result.OutJson();
  EXPECT_EQ(json.at("model"), "demo_detector");
  EXPECT_DOUBLE_EQ(json.at("ap50").get<double>(), 1.0);
  EXPECT_TRUE(json.at("ap_small").is_null());
  const auto stored = Kinglet({"evaluate", "--task", "detect", "--annotations", annotations,
                               "--detections", found, "--json"})
                          .OutJson();
  for (const char* key : {"ap", "ap50", "ap75", "ar100", "detections"}) {
    EXPECT_EQ(stored.at(key), json.at(key)) << key;
  }
  dataset["images"][1]["file_name"] = "none.png";
  const CommandResult missing = Kinglet({"evaluate", "--task", "detect", "--dataset", images,
                                         "--annotations", folder.Write("b.json", dataset.dump())});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("none.png"));
  dataset["categories"][0]["name"] = "zebra";
  const CommandResult stranger = Kinglet({"evaluate", "--task", "detect", "--dataset", images,
                                          "--annotations", folder.Write("c.json", dataset.dump())});
  EXPECT_EQ(stranger.status, 2);
  EXPECT_THAT(stranger.err, HasSubstr("'zebra'"));
}

TEST(EvaluateTest, CategoriesThatNoLabelNamesAreNamed) {
  const TemporaryFolder folder;
  const std::string images = SourcePath("models/demo_detector/images").string();
  nlohmann::json dataset = {{"images", {{{"id", 7}, {"file_name", "garden.jpg"}}}},
                            {"categories",
                             {{{"id", 4}, {"name", "sun"}},
                              {{"id", 5}, {"name", "sun"}},
                              {{"id", 6}, {"name", "dragon"}}}},
                            {"annotations", nlohmann::json::array()}};
  for (int i = 10; i < 22; ++i) {
    dataset["categories"].push_back({{"id", i}, {"name", "beast " + std::to_string(i)}});
  }
  const CommandResult result =
      Kinglet({"evaluate", "--task", "detect", "--dataset", images, "--annotations",
               folder.Write("a.json", dataset.dump()), "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("count as not found (14 of 15): 'sun', 'dragon', 'beast"),
                    HasSubstr("and 4 more"), HasSubstr("share a name"), HasSubstr("(1): 'sun'")));
  EXPECT_EQ(result.OutJson().at("unmatched_categories").size(), 14u);
  EXPECT_EQ(result.OutJson().at("unmatched_categories")[1], "dragon");
  EXPECT_EQ(result.OutJson().at("repeated_categories"), nlohmann::json({"sun"}));
  EXPECT_TRUE(result.OutJson().at("repeated_labels").empty());
}

TEST(EvaluateTest, StoredDetectionsOfOtherCategoriesAreCounted) {
  const TemporaryFolder folder;
  const std::string found =
      folder.Write("found.json",
                   R"([{"image_id": 166, "category_id": 99, "bbox": [0, 0, 1, 1], "score": 0.5}])");
  const CommandResult result = Kinglet({"evaluate", "--task", "detect", "--annotations",
                                        Coco("annotations.json"), "--detections", found, "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("warning: 1 of 1 detections"));
  EXPECT_EQ(result.OutJson().at("detections"), 0);
  EXPECT_EQ(result.OutJson().at("ap"), 0);
}

TEST(EvaluateTest, SharesOfNoPicturesAreNull) {
  const TemporaryFolder folder;
  fs::create_directories(folder.Path("data/car"));
  std::ofstream(folder.Path("data/car/broken.png")) << "no picture";
  const std::vector<std::string> evaluate = {"evaluate", "--task", "classify", "--dataset",
                                             folder.Path("data")};
  auto json = evaluate;
  json.push_back("--json");
  const CommandResult result = Kinglet(json);
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(result.OutJson().at("top1").is_null());
  EXPECT_TRUE(result.OutJson().at("top5").is_null());
  EXPECT_THAT(Kinglet(evaluate).out, HasSubstr("top-1 -, top-5 - of 0 pictures, 1 not read"));
  const CommandResult none =
      Kinglet({"evaluate", "--task", "detect", "--annotations",
               folder.Write("a.json", R"({"images": [], "categories": [], "annotations": []})"),
               "--detections", folder.Write("b.json", "[]"), "--json"});
  EXPECT_EQ(none.status, 0) << none.err;
  EXPECT_TRUE(none.OutJson().at("ap").is_null());
}

TEST(EvaluateTest, MistakesAreOneClearLine) {
  const TemporaryFolder folder;
  std::ofstream(folder.Path("annotations.json")) << "{\"images\": 3}";
  const auto expect = [](std::vector<std::string> arguments, int status, const char* text) {
    arguments.insert(arguments.begin(), "evaluate");
    const CommandResult result = Kinglet(arguments);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_THAT(result.ErrLines(), SizeIs(1));
    EXPECT_THAT(result.err, HasSubstr(text));
  };
  expect({"--task", "classify"}, 2, "--dataset FOLDER is missing");
  expect({"--task", "segment", "--dataset", "x"}, 2, "--task");
  expect({"--task", "classify", "--dataset", folder.Path("none")}, 4, "cannot be read");
  expect({"--task", "classify", "--dataset", folder.Path(".")}, 2, "expected pictures");
  expect({"--task", "detect", "--dataset", folder.Path("."), "--detections", "x"}, 2,
         "found no list 'images'");
  expect({"--task", "detect", "--dataset", Coco("annotations.json")}, 4, "is no folder");
  expect({"--task", "detect", "--annotations", Coco("annotations.json"), "--detections",
          Coco("detections.json"), "--output", folder.Path("none/out.json")},
         4, "none/out.json: cannot be written");
  expect({"--task", "detect", "--annotations", Coco("annotations.json"), "--detections",
          folder.Path("none.json")},
         4, "none.json");
  expect({"--task", "classify", "--dataset", "x", "--detections", "y"}, 2, "--task detect");
}

}  // namespace
}  // namespace kinglet::testing::evaluate_test
