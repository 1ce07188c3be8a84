// kinglet profile, cold, split, correlate and study.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "kinglet/image.h"
#include "tests/apps/command.h"
#include "tests/apps/small_detector.h"

namespace kinglet::testing::profile_commands_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

namespace fs = std::filesystem;

bool HasGnuplot() { return std::system("gnuplot --version > /dev/null 2>&1") == 0; }

// A picture in the folder.
std::string MakePicture(const TemporaryFolder& folder) {
  Image image{64, 48, std::vector<std::uint8_t>(64 * 48 * 3, 90)};
  WriteImage(folder.Path("picture.png"), image);
  return folder.Path("picture.png");
}

struct Wrong {
  std::vector<std::string> arguments;
  int status;
  std::string what;
};

TEST(ProfileCommandsTest, MistakesAreToldBeforeMeasuring) {
  const TemporaryFolder folder;
  const std::string file = folder.Write("file", "text");
  const std::string picture = MakePicture(folder);
  const std::vector<Wrong> wrongs = {
      {{"profile"}, 2, "network is required"},
      {{"profile", "demo", "--counters", "cachegrind"}, 2, "kinglet correlate"},
      {{"profile", "demo", "--counters", "a,,b"}, 2, "names of events"},
      {{"profile", "demo", "--counters", "no-such-event"}, 0, "no-such-event"},
      {{"profile", "demo", "--output", file}, 4, "cannot be made"},
      {{"profile", "demo", "--batch", "0"}, 2, "--batch"},
      {{"cold", "demo"}, 2, "image is required"},
      {{"cold", "demo", file}, 2, ""},
      {{"cold", "demo", folder.Path("none.jpg")}, 4, "none.jpg"},
      {{"cold", "-", picture}, 2, "name a file"},
      {{"cold", "demo", picture, "--precision", "auto"}, 2, "--precision auto"},
      {{"cold", "demo", picture, "--peers", file}, 2, "line 1"},
      {{"cold", "mobilenet_v9", picture}, 2, "mobilenet_v9"},
      {{"split", "demo"}, 2, "is no detector"},
      {{"split", "demo_detector", "--classes", "90"}, 2, "cannot be changed"},
      {{"split", "demo_detector", folder.Path("none")}, 4, "none"},
      {{"correlate", "demo", "mobilenet_v1"}, 2, "at least 4"},
      {{"correlate", "demo", "demo", "demo", "demo", "--peers", folder.Path("none")}, 4, "none"},
      {{"correlate", "demo", "demo", "demo", "nothing"}, 2, "nothing"},
  };
  for (const Wrong& wrong : wrongs) {
    SCOPED_TRACE(::testing::PrintToString(wrong.arguments));
    const CommandResult result = Kinglet(wrong.arguments);
    EXPECT_NE(result.status, 0);
    if (wrong.status > 0) {
      EXPECT_EQ(result.status, wrong.status) << result.err;
    }
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.ErrLines(), SizeIs(1));
    EXPECT_THAT(result.err, HasSubstr(wrong.what));
  }
}

TEST(StudyTest, MistakesAreToldBeforeMeasuring) {
  if (!HasGnuplot()) GTEST_SKIP() << "a study needs gnuplot";
  const TemporaryFolder folder;
  fs::create_directory(folder.Path("empty"));
  const std::vector<Wrong> wrongs = {
      {{"study", "--quick"}, 2, "--output is required"},
      {{"study", "-o", folder.Write("file", "text")}, 4, "cannot be made"},
      {{"study", "-o", folder.Path("out"), "--pictures", folder.Path("none")}, 4, "none"},
      {{"study", "-o", folder.Path("out"), "--pictures", folder.Path("empty")}, 2, "found none"},
  };
  for (const Wrong& wrong : wrongs) {
    SCOPED_TRACE(::testing::PrintToString(wrong.arguments));
    const CommandResult result = Kinglet(wrong.arguments);
    EXPECT_EQ(result.status, wrong.status) << result.err;
    EXPECT_THAT(result.ErrLines(), SizeIs(1));
    EXPECT_THAT(result.err, HasSubstr(wrong.what));
  }
  EXPECT_FALSE(fs::exists(folder.Path("out")));
}

TEST(ProfileTest, WritesItsFiles) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = {"profile",   "demo", "--threads", "1",
                                        "--seconds", "0.05", "--json",    "--quiet"};
  if (HasGnuplot()) arguments.insert(arguments.end(), {"--output", folder.Path("out")});
  const CommandResult result = Kinglet(arguments);
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = result.OutJson();
  EXPECT_EQ(json.at("model"), "demo");
  EXPECT_GT(json.at("run_ms").get<double>(), 0);
  EXPECT_TRUE(json.contains("overhead"));
  if (!HasGnuplot()) return;
  EXPECT_EQ(ReadText(folder.Path("out/profile.json")), result.out);
  for (const char* name : {"profile.csv", "trace.json", "roofline.svg", "roofline.png"}) {
    EXPECT_GT(fs::file_size(folder.Path("out") + "/" + name), 100u) << name;
  }
}

TEST(ProfileTest, TheTableSaysWhatItCosts) {
  const CommandResult result =
      Kinglet({"profile", "demo", "--threads", "1", "--seconds", "0.05", "--counters", "off"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("(between)"), HasSubstr("Overhead of profiling"),
                                HasSubstr("GFLOP/s (float32)")));
  EXPECT_THAT(result.out, ::testing::Not(HasSubstr("page-faults")));
}

TEST(ColdTest, MediansOfProcesses) {
  const TemporaryFolder folder;
  const std::string picture = MakePicture(folder);
  const CommandResult result =
      Kinglet({"cold", "demo", picture, "--turns", "2", "--threads", "1", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = result.OutJson();
  EXPECT_EQ(json.at("turns"), 2);
  EXPECT_EQ(json.at("first").at(0).at("stage"), "process started");
  EXPECT_GT(json.at("first").at(0).at("ms").get<double>(), 0);
  // What another engine took is shown beside.
  auto other = json;
  other["engine"] = "another";
  const std::string peers = folder.Write("peers.jsonl", other.dump() + "\n");
  const CommandResult table =
      Kinglet({"cold", "demo", picture, "--turns", "1", "--threads", "1", "--peers", peers});
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, AllOf(HasSubstr("planned and packed"), HasSubstr("another"),
                               HasSubstr("(second answer)"), HasSubstr("warm page cache")));
}

TEST(SplitTest, ATableForEachNumberOfClasses) {
  const TemporaryFolder folder;
  const CommandResult result = Kinglet({"split", WriteSmallDetector(folder), "--classes", "2,5",
                                        "--threads", "1", "--seconds", "0.05", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  ASSERT_THAT(result.OutLines(), SizeIs(2));
  EXPECT_EQ(nlohmann::json::parse(result.OutLines()[1]).at("classes"), 5);
  const CommandResult table = Kinglet(
      {"split", "demo_detector", MakePicture(folder), "--threads", "1", "--seconds", "0.05"});
  EXPECT_THAT(table.out, AllOf(HasSubstr("suppression"), HasSubstr("16 classes"),
                               HasSubstr("behind convolutions")));
}

TEST(CorrelateTest, FourNetworksAreEnough) {
  const CommandResult result =
      Kinglet({"correlate", "demo", "demo_int8", "demo_detector", "ultraface", "--rounds", "1",
               "--seconds", "0.02", "--threads", "1", "--json", "--quiet"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = result.OutJson();
  EXPECT_THAT(json.at("networks"), SizeIs(4));
  EXPECT_FALSE(json.at("correlations").empty());
}

}  // namespace
}  // namespace kinglet::testing::profile_commands_test
