// kinglet calibrate, kinglet tune, and what the other commands make of their files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/apps/command.h"

namespace kinglet::testing::tune_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The cache folder is a fresh one.
class TuneCommandTest : public ::testing::Test {
 protected:
  TuneCommandTest() {
    if (const char* before = std::getenv("XDG_CACHE_HOME")) before_ = before;
    setenv("XDG_CACHE_HOME", folder_.Path("cache").c_str(), 1);
  }
  ~TuneCommandTest() override {
    before_.empty() ? unsetenv("XDG_CACHE_HOME") : setenv("XDG_CACHE_HOME", before_.c_str(), 1);
  }
  std::size_t CachedFiles() const {
    std::error_code error;
    std::size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder_.Path("cache/kinglet"), error)) {
      count += entry.is_regular_file();
    }
    return count;
  }

  const TemporaryFolder folder_;

 private:
  std::string before_;
};

TEST_F(TuneCommandTest, TunesIntoTheCacheWhereOthersFindIt) {
  const auto tuned =
      Kinglet({"tune", "demo", "--batch", "2,1", "--threads", "1", "--json"}).OutJson();
  ASSERT_THAT(tuned.at("points"), SizeIs(2));
  EXPECT_GT(tuned.at("points").at(0).at("choices").get<int>(), 0);
  EXPECT_EQ(CachedFiles(), 1u);
  const std::string file = tuned.at("file");
  EXPECT_THAT(file, HasSubstr(folder_.Path("cache")));
  const auto table = nlohmann::json::parse(ReadText(file));
  EXPECT_EQ(table.at("kinglet"), "tuning");
  EXPECT_THAT(table.at("choices"), ::testing::Not(IsEmpty()));
  const auto before = [&](const std::vector<std::string>& more) {
    std::vector<std::string> again = {"tune", "demo", "--batch", "1", "--threads", "1", "--json"};
    again.insert(again.end(), more.begin(), more.end());
    return Kinglet(again).OutJson().at("points").at(0).at("predicted_ms_before");
  };
  // A batch that runs image by image has the choices of one image: the last point counts.
  const auto kept = tuned.at("points").at(1).at("predicted_ms");
  EXPECT_NE(before({"--no-cache", "-o", folder_.Path("other.json")}), kept);
  EXPECT_EQ(before({}), kept);
}

TEST_F(TuneCommandTest, DamagedFilesOfTheCacheAreNotedAndNamedOnesAreErrors) {
  Kinglet({"tune", "demo", "--threads", "1"});
  const auto file = std::filesystem::directory_iterator(folder_.Path("cache/kinglet"))->path();
  folder_.Write("cache/kinglet/" + file.filename().string(), "{\"kinglet\": \"tuning\"");
  const CommandResult noted = Kinglet({"info", "demo"});
  EXPECT_EQ(noted.status, 0);
  EXPECT_THAT(noted.ErrLines(), SizeIs(1)) << noted.err;
  EXPECT_THAT(noted.err, AllOf(HasSubstr("note: ignored"), HasSubstr(file.filename().string())));
  EXPECT_THAT(Kinglet({"info", "demo", "--quiet"}).err, IsEmpty());
  EXPECT_THAT(Kinglet({"info", "demo", "--no-cache"}).err, IsEmpty());
  const CommandResult named = Kinglet({"info", "demo", "--tuning", file.string()});
  EXPECT_EQ(named.status, 2);
  EXPECT_THAT(named.ErrLines(), SizeIs(1)) << named.err;
  EXPECT_EQ(Kinglet({"info", "demo", "--calibration", folder_.Path("none.json")}).status, 4);
}

TEST_F(TuneCommandTest, RunsCanTuneFirst) {
  const std::string file = folder_.Path("mine.json");
  const CommandResult bench = Kinglet({"bench", "demo", "--tune", "--tuning", file, "--batch", "2",
                                       "--threads", "1", "--repeat", "1", "--json"});
  EXPECT_EQ(bench.status, 0) << bench.err;
  EXPECT_TRUE(std::filesystem::exists(file));
  const CommandResult classify =
      Kinglet({"classify", SourcePath("models/demo/images/cup.jpg").string(), "--tune", "--tuning",
               file, "--json"});
  EXPECT_EQ(classify.status, 0) << classify.err;
  EXPECT_EQ(CachedFiles(), 0u);
}

TEST_F(TuneCommandTest, NothingIsWrittenUnasked) {
  EXPECT_EQ(Kinglet({"info", "demo", "--kernels"}).status, 0);
  EXPECT_EQ(Kinglet({"bench", "demo", "--repeat", "1"}).status, 0);
  EXPECT_EQ(CachedFiles(), 0u);
}

TEST_F(TuneCommandTest, CalibratesIntoTheCache) {
  const auto figures = Kinglet({"calibrate", "--json", "--turns", "1"}).OutJson();
  EXPECT_GT(figures.at("peak_gflops").get<double>(), 0);
  EXPECT_GT(figures.at("figures").at("l1_latency_ns").at("value").get<double>(), 0);
  EXPECT_EQ(CachedFiles(), 1u);
  const auto plain = Kinglet({"info", "demo", "--physical", "--json", "--no-cache"}).OutJson();
  EXPECT_NE(Kinglet({"info", "demo", "--physical", "--json"}).OutJson().at("predicted_ms"),
            plain.at("predicted_ms"));
}

TEST_F(TuneCommandTest, InfoShowsPointsSideBySide) {
  const std::vector<std::string> info = {"info", "demo",      "--kernels", "--batch",
                                         "1,4",  "--threads", "1..2",      "--physical"};
  const CommandResult result = Kinglet(info);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("batch 1, threads 1"), HasSubstr("batch 4, threads 1"),
                                HasSubstr("batch 4, threads 2"), HasSubstr("for an image")));
  auto json = info;
  json.push_back("--json");
  const auto points = Kinglet(json).OutJson().at("points");
  ASSERT_THAT(points, SizeIs(4));
  for (const auto& point : points) {
    double sum = 0;
    for (const auto& kernel : point.at("kernels")) {
      EXPECT_GT(kernel.at("units").get<int>(), 0);
      sum += kernel.at("predicted_us").get<double>();
    }
    if (point.at("threads") == 1) {  // more of them take turns on fewer cores
      EXPECT_NEAR(sum * 1e-3, point.at("predicted_ms").get<double>(), 1e-9 * sum);
    }
  }
  EXPECT_EQ(points.at(1).at("batch"), 4);
  EXPECT_EQ(points.at(1).at("threads"), 1);
  EXPECT_GT(points.at(1).at("predicted_ms").get<double>(),
            points.at(0).at("predicted_ms").get<double>());
}

TEST_F(TuneCommandTest, InfoMeasuresWhenAsked) {
  const auto info = Kinglet({"info", "demo", "--measure", "--threads", "1", "--json"}).OutJson();
  for (const auto& kernel : info.at("kernels")) {
    EXPECT_GT(kernel.at("measured_us").get<double>(), 0) << kernel;
  }
}

TEST_F(TuneCommandTest, WinogradCanBeLeftOut) {
  EXPECT_THAT(Kinglet({"info", "squeezenet", "--kernels"}).out, HasSubstr("conv/winograd"));
  EXPECT_THAT(Kinglet({"info", "squeezenet", "--kernels", "--no-winograd"}).out,
              ::testing::Not(HasSubstr("conv/winograd")));
}

}  // namespace
}  // namespace kinglet::testing::tune_test
