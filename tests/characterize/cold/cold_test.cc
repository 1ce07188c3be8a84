#include "characterize/cold/cold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "characterize/cold/page_cache.h"
#include "characterize/cold/picture.h"
#include "kinglet/error.h"
#include "kinglet/image.h"
#include "measure/network/stages.h"
#include "tests/characterize/temporary_file.h"

namespace kinglet::characterize::cold_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> Names(const std::vector<ColdStage>& stages) {
  std::vector<std::string> names;
  for (const ColdStage& stage : stages) names.push_back(stage.name);
  return names;
}

ColdOptions Demo(const std::string& network, const std::string& picture) {
  ColdOptions options;
  options.network = network;
  options.picture = picture;
  options.compile.use_cache = false;
  return options;
}

TEST(RunCold, GoesThroughAllStages) {
  const TemporaryFile picture("picture.jpg", measure::DrawnPictureFile());
  for (const char* network : {"demo", "demo_detector"}) {
    ColdOptions options = Demo(network, picture.path());
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    options.started_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - 5'000'000;
    const ColdRun run = RunCold(options);
    EXPECT_THAT(Names(run.first), ElementsAre("process started", "file mapped", "parsed",
                                              "optimised", "planned and packed", "picture decoded",
                                              "picture prepared", "network run", "answer made"));
    EXPECT_THAT(Names(run.second),
                ElementsAre("picture decoded", "picture prepared", "network run", "answer made"));
    EXPECT_GE(run.first[0].ms, 5);
    for (const ColdStage& stage : run.first) {
      EXPECT_GE(stage.ms, 0);
      EXPECT_GE(stage.page_faults, stage.disk_faults);
      EXPECT_GT(stage.resident_mb, 0);
    }
    EXPECT_EQ(ParseColdRun(ColdRunLine(run), "test").first.size(), run.first.size());
  }
}

TEST(RunCold, NeedsADescriptorAndAPicture) {
  const TemporaryFile picture("picture.jpg", measure::DrawnPictureFile());
  EXPECT_THROW(RunCold(Demo("demo", picture.path() + "x")), Error);
  EXPECT_THROW(RunCold(Demo("no_such_network", picture.path())), Error);
}

ColdRun MadeRun(double ms) {
  return {{{"a", ms, 4, 1, 10}, {"b", 2 * ms, 0, 0, 12}}, {{"a", 1, 0, 0, 12}}};
}

TEST(ColdReport, MediansOfEachFigure) {
  const ColdRun median = MedianOf({MadeRun(5), MadeRun(1), MadeRun(2)});
  EXPECT_EQ(median.first, MadeRun(2).first);
  EXPECT_EQ(median.second, MadeRun(2).second);
  ColdRun other = MadeRun(1);
  other.second.front().name = "c";
  EXPECT_THROW(MedianOf({MadeRun(1), other}), Error);
}

TEST(ColdReport, LinesAreReadAsTheyAreWritten) {
  ColdReport report;
  report.engine = "ONNX Runtime 1.2";
  report.network = "n";
  report.picture = "p";
  report.threads = 2;
  report.turns = 3;
  report.cache_dropped = true;
  report.median = MadeRun(2);
  const ColdReport read = ParseColdReport(ColdReportLine(report), "f");
  EXPECT_EQ(read.engine, report.engine);
  EXPECT_EQ(read.turns, 3u);
  EXPECT_TRUE(read.cache_dropped);
  EXPECT_EQ(read.median.first, report.median.first);
  EXPECT_EQ(read.first_ms(), 6);
  EXPECT_EQ(read.second_ms(), 1);
}

TEST(ColdReport, WhatIsMalformedIsRefused) {
  ColdReport report;
  report.turns = 1;
  report.median = MadeRun(1);
  const std::string good = ColdReportLine(report);
  EXPECT_NO_THROW(ParseColdReport(good, "f"));
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\"ms\":1.0", "\"ms\":-1"},
                                                        {"\"ms\":1.0", "\"ms\":\"1\""},
                                                        {"\"format\":1", "\"format\":2"},
                                                        {"\"first\":[", "\"first\":[7,"},
                                                        {"\"engine\"", "\"motor\""},
                                                        {"{", ""}}) {
    std::string bad = good;
    ASSERT_NE(bad.find(from), bad.npos) << from;
    bad.replace(bad.find(from), from.size(), to);
    try {
      ParseColdReport(bad, "peers.jsonl, line 7");
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("peers.jsonl, line 7"));
    }
  }
}

TEST(ColdPlot, EveryEngineHasTwoBars) {
  ColdReport own, other;
  own.median.first = {
      {"file mapped", 1, 0, 0, 1}, {"parsed", 2, 0, 0, 1}, {"network run", 4, 0, 0, 1}};
  own.median.second = {{"network run", 3, 0, 0, 1}};
  other.engine = "other";
  other.median.first = {{"session made", 9, 0, 0, 1}};
  const Plot plot = ColdPlot({own, other});
  ASSERT_THAT(plot.panels, SizeIs(1));
  EXPECT_THAT(plot.panels[0].x.names, ElementsAre("Kinglet: first answer", "Kinglet: second answer",
                                                  "other: first answer", "other: second answer"));
  ASSERT_THAT(plot.panels[0].series, SizeIs(3));
  EXPECT_THAT(plot.panels[0].series[0].y, ElementsAre(3, 0, 0, 0));
  EXPECT_EQ(plot.panels[0].series[1].name, "session made");
  EXPECT_THAT(plot.panels[0].series[1].y, ElementsAre(0, 0, 9, 0));
  EXPECT_THAT(plot.panels[0].series[2].y, ElementsAre(4, 3, 0, 0));
}

TEST(DropFromMemory, NamesThatAreNoFilesAreSkipped) {
  EXPECT_NO_THROW(DropFromMemory({"demo", "/", "no/such/file"}));
}

}  // namespace
}  // namespace kinglet::characterize::cold_test
