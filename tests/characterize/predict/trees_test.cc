#include "characterize/predict/trees.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kinglet/error.h"

namespace kinglet::characterize::trees_test {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

// Below 2 in feature 1: -1; else by feature 0.
Trees Two() {
  return {
      0.5f,
      {{{1, 2.0f, 1, 2}, {-1, -1.0f, 0, 0}, {0, 0.25f, 3, 4}, {-1, 3.0f, 0, 0}, {-1, 5.0f, 0, 0}},
       {{-1, 0.125f, 0, 0}}}};
}

std::string ErrorOf(const std::string& text, std::size_t features = 2) {
  try {
    TreesFromJson(Json::parse(text), features, "file");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    return error.what();
  }
  return "no error";
}

TEST(Trees, AddUpTheLeavesThatFeaturesLeadTo) {
  const Trees trees = Two();
  EXPECT_EQ(trees.Evaluate(std::vector<float>{0, 1.5f}), 0.5f - 1 + 0.125f);
  EXPECT_EQ(trees.Evaluate(std::vector<float>{0.2f, 2}), 0.5f + 3 + 0.125f);
  EXPECT_EQ(trees.Evaluate(std::vector<float>{0.25f, 2}), 0.5f + 5 + 0.125f);
  EXPECT_EQ(Trees().Evaluate({}), 0.0f);
}

TEST(Trees, AreWrittenAndReadBack) {
  EXPECT_EQ(TreesFromJson(TreesToJson(Two()), 2, "file"), Two());
}

TEST(Trees, ThatCannotBeEvaluatedAreRefused) {
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("file: expected an object with 'base'"));
  EXPECT_THAT(ErrorOf(R"({"base": "x", "trees": []})"), HasSubstr("than a number"));
  EXPECT_THAT(ErrorOf(R"({"base": 1e300, "trees": []})"), HasSubstr("not finite"));
  EXPECT_THAT(ErrorOf(R"({"base": 0, "trees": [[]]})"), HasSubstr("1 to 4096 nodes"));
  EXPECT_THAT(ErrorOf(R"({"base": 0, "trees": [[[0, 1, 2]]]})"), HasSubstr("[value]"));
  // A child that is the node itself, one before it, one behind the end, a feature that is not
  // there.
  EXPECT_THAT(ErrorOf(R"({"base": 0, "trees": [[[0, 1, 0, 1], [1]]]})"), HasSubstr("a child"));
  EXPECT_THAT(ErrorOf(R"({"base": 0, "trees": [[[0, 1, 1, 2], [0, 1, 1, 2], [1]]]})"),
              HasSubstr("expected 2 to 2, found 1"));
  EXPECT_THAT(ErrorOf(R"({"base": 0, "trees": [[[0, 1, 1, 2], [1]]]})"), HasSubstr("a child"));
  EXPECT_THAT(ErrorOf(R"({"base": 0, "trees": [[[2, 1, 1, 2], [1], [1]]]})"),
              HasSubstr("a feature"));
  EXPECT_THAT(ErrorOf(R"({"base": 0, "trees": [[[0, 1, 1, 1]]]})"), HasSubstr("without a leaf"));
  EXPECT_THAT(ErrorOf(R"({"base": 0, "trees": [[[-1, 1, 1, 2], [1], [1]]]})"),
              HasSubstr("a feature"));
}

}  // namespace
}  // namespace kinglet::characterize::trees_test
