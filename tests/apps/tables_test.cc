// Tables fit the terminal, and say what times are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "kinglet/npy.h"
#include "tests/apps/command.h"

namespace kinglet::testing::tables_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::string Picture(const std::string& name) {
  return SourcePath("models/demo/images/" + name).string();
}

std::size_t Widest(const std::vector<std::string>& arguments) {
  const CommandResult result = Kinglet(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  std::size_t widest = 0;
  for (const std::string& line : result.OutLines()) widest = std::max(widest, line.size());
  EXPECT_GT(widest, 0u);
  return widest;
}

class TablesTest : public ::testing::Test {
 protected:
  TablesTest() {
    unsetenv("COLUMNS");
    std::filesystem::create_directories(folder_.Path(kLong));
    folder_.Copy(Picture("house.png"), std::string(kLong) + "/house.png");
    folder_.Copy(SourcePath("models/demo/demo.onnx"), std::string(kLong) + "/network.onnx");
  }
  ~TablesTest() override { unsetenv("COLUMNS"); }
  std::string Long(const std::string& name) const {
    return folder_.Path(std::string(kLong)) + name;
  }

  static constexpr const char* kLong =
      "a_folder_with_a_name_that_alone_is_wider_than_most_terminals_are_when_nobody_makes_them_"
      "wide";
  const TemporaryFolder folder_;
};

TEST_F(TablesTest, AllTablesFitEightyColumns) {
  const std::string picture = Long("/house.png"), model = Long("/network.onnx");
  WriteNpy(folder_.Path("x.npy"), Tensor(DataType::kFloat32, {1, 3, 128, 128}));
  const std::vector<std::vector<std::string>> commands = {
      {"classify", picture},
      {"detect", "-t", "0.01", picture},
      {"info", model},
      {"info", model, "--batch", "1,8", "--threads", "1,2"},
      {"info", "squeezenet", "--kernels", "--batch", "1,8", "--threads", "1,2"},
      {"info", "demo", "--measure", "--threads", "1"},
      {"bench", model, "--repeat", "1", "--batch", "1,8", "--threads", "1"},
      {"bench", "demo_detector", "--repeat", "1", "--threads", "1"},
      {"tune", "demo", "--threads", "1", "-o", folder_.Path("tuning")},
      {"run", model, "--input", "input=" + folder_.Path("x.npy"), "-o", Long("/out")},
      {"models"},
      {"ops"}};
  for (const auto& command : commands) {
    if (command.front() == "detect" && Kinglet(command).status == 2) continue;  // no demo detector
    EXPECT_LE(Widest(command), 80u) << ::testing::PrintToString(command);
  }
}

TEST_F(TablesTest, PathsAreShortenedInTheMiddle) {
  const CommandResult result = Kinglet({"classify", Long("/house.png")});
  EXPECT_THAT(result.out, AllOf(HasSubstr("..."), HasSubstr("house.png"), HasSubstr("\n/")));
  setenv("COLUMNS", "300", 1);
  EXPECT_THAT(Kinglet({"classify", Long("/house.png")}).out, HasSubstr(Long("/house.png")));
  EXPECT_GT(Widest({"info", "demo", "--kernels", "--batch", "1,8", "--threads", "1"}), 100u);
}

TEST_F(TablesTest, InfoHasARowForEachPoint) {
  const std::vector<std::string> info = {"info", "demo", "--batch", "1,8", "--threads", "1,2"};
  const auto lines = Kinglet(info).OutLines();
  const auto heading = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("batch  threads  multiply-adds") != line.npos;
  });
  ASSERT_NE(heading, lines.end());
  ASSERT_GE(lines.end() - heading, 7);
  EXPECT_THAT(heading[4], ::testing::ContainsRegex("^ +8 +2 "));
  EXPECT_EQ(heading[5], "");
  EXPECT_THAT(heading[6], ::testing::ContainsRegex("physical part|learned"));
  EXPECT_THAT(Kinglet({"info", "demo", "--threads", "1"}).out, Not(HasSubstr("images/s")));
}

TEST(TimesTest, ThePictureThatComesFirstIsMarked) {
  const std::vector<std::string> pictures = {Picture("house.png"), Picture("cup.jpg"),
                                             Picture("house.png")};
  std::vector<std::string> classify = {"classify", "--json"};
  classify.insert(classify.end(), pictures.begin(), pictures.end());
  const auto lines = Kinglet(classify).OutLines();
  ASSERT_THAT(lines, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(nlohmann::json::parse(lines[i]).at("first_run"), i == 0);
  }
  classify[1] = "--top=1";
  const CommandResult table = Kinglet(classify);
  EXPECT_THAT(table.out, AllOf(HasSubstr("first run"), HasSubstr("others, median of 2"),
                               Not(HasSubstr("--time"))));
}

TEST(TimesTest, WarmTimesWhenAsked) {
  const CommandResult table = Kinglet({"classify", "--time", Picture("house.png")});
  EXPECT_EQ(table.status, 0);
  EXPECT_THAT(table.out, AllOf(HasSubstr("warm"), Not(HasSubstr("first run"))));
  const auto json = Kinglet({"classify", "--time", "--json", Picture("house.png")}).OutJson();
  EXPECT_EQ(json.at("first_run"), false);
  const TemporaryFolder folder;
  WriteNpy(folder.Path("x.npy"), Tensor(DataType::kFloat32, {1, 3, 128, 128}));
  const std::vector<std::string> run = {"run", SourcePath("models/demo/demo.onnx").string(),
                                        "-i",  "input=" + folder.Path("x.npy"),
                                        "-o",  folder.Path("out")};
  EXPECT_THAT(Kinglet(run).out, HasSubstr("ms in its first run\n"));
  auto timed = run;
  timed.push_back("--time");
  EXPECT_THAT(Kinglet(timed).out, HasSubstr(" ms in the median of "));
  timed.push_back("--json");
  EXPECT_EQ(Kinglet(timed).OutJson().at("first_run"), false);
}

}  // namespace
}  // namespace kinglet::testing::tables_test
