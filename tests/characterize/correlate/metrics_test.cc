#include "characterize/correlate/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "characterize/correlate/cachegrind.h"
#include "characterize/correlate/study.h"
#include "kinglet/error.h"
#include "tests/characterize/temporary_file.h"

namespace kinglet::characterize::metrics_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST(MeasureMetrics, ANetworkHasAllOfThem) {
  MetricsOptions options;
  options.network = "demo";
  options.compile.use_cache = false;
  options.budget_seconds = 0.01;
  const NetworkMetrics found = MeasureMetrics(options);
  for (const char* name :
       {"latency_ms", "images_per_s", "utilisation", "multiply_adds", "parameters", "weight_bytes",
        "activation_bytes", "intensity", "working_set_bytes", "layers", "steps", "predicted_ms",
        "peak_rss_mb", "task-clock-ms"}) {
    ASSERT_EQ(found.metrics.count(name), 1u) << name;
    EXPECT_GT(found.metrics.at(name), 0) << name;
  }
  EXPECT_EQ(found.metrics.count("page-faults"), 1u);
  EXPECT_LE(found.metrics.at("utilisation"), 1);
  EXPECT_EQ(ParseMetrics(MetricsLine(found), "f"), found);
}

TEST(Metrics, MalformedLinesAreRefused) {
  const std::string good = R"({"network":"n","engine":"e","metrics":{"a":1},"format":1})";
  EXPECT_EQ(ParseMetrics(good, "f").metrics.at("a"), 1);
  for (const char* bad : {"", "[]", R"({"network":"n","engine":"e","metrics":{"a":-1},"format":1})",
                          R"({"network":"n","engine":"e","metrics":{"a":"b"},"format":1})",
                          R"({"network":"n","engine":"e","metrics":[],"format":1})",
                          R"({"network":"n","engine":"e","metrics":{"a":1},"format":7})",
                          R"({"network":1,"engine":"e","metrics":{"a":1},"format":1})",
                          R"({"network":"n","engine":"e","metrics":{"a":1e999},"format":1})"}) {
    EXPECT_THROW(ParseMetrics(bad, "f"), Error) << bad;
  }
}

TEST(Metrics, MediansOfWhatAllTurnsHave) {
  const NetworkMetrics median = MedianOf(
      {{"n", "e", {{"a", 1}, {"b", 1}}}, {"n", "e", {{"a", 9}}}, {"n", "e", {{"a", 2}, {"b", 2}}}});
  EXPECT_EQ(median.metrics, (Metrics{{"a", 2}}));
}

TEST(Metrics, OtherEnginesGetWhatNetworksAreMadeOf) {
  const std::vector<NetworkMetrics> own = {
      {"n", "Kinglet", {{"parameters", 7}, {"latency_ms", 1}}}};
  const auto peers = WithStatic(
      own, {{"n", "other", {{"latency_ms", 3}}}, {"unknown", "other", {{"latency_ms", 3}}}});
  ASSERT_THAT(peers, SizeIs(1));
  EXPECT_EQ(peers[0].metrics, (Metrics{{"parameters", 7}, {"latency_ms", 3}}));
}

TEST(UsualNetworks, AreAtLeastTwelveThatCanBeBuilt) {
  const std::vector<std::string> networks = UsualNetworks();
  EXPECT_GE(networks.size(), 12u);
  EXPECT_THAT(networks, Contains("mobilenet_v1"));
  EXPECT_THAT(networks, Not(Contains("nanodet")));
  EXPECT_THAT(networks, Not(Contains("faster_rcnn")));
}

TEST(Cachegrind, TheSummaryIsRead) {
  const TemporaryFile file(
      "cg.out",
      "desc: I1 cache: 32768 B\ncmd: kinglet\nevents: Ir I1mr ILmr Dr D1mr DLmr Dw D1mw DLmw Bc "
      "Bcm Bi Bim\nfl=a\nfn=b\n1 100 1 1\nsummary: 1000 1 2 300 4 5 100 7 8 90 9 10 11\n");
  EXPECT_EQ(ParseCachegrind(file.path()), (Metrics{{"cg-instructions", 1000},
                                                   {"cg-data-refs", 400},
                                                   {"cg-l1-misses", 12},
                                                   {"cg-ll-misses", 15},
                                                   {"cg-branches", 100},
                                                   {"cg-branch-misses", 20}}));
}

TEST(Cachegrind, OtherFilesAreRefused) {
  for (const char* text : {"", "events: Ir\n", "summary: 1 2\n", "events: Ir Dr\nsummary: 1 x\n",
                           "events: Ir Dr\nsummary: 1\n"}) {
    const TemporaryFile file("cg.out", text);
    EXPECT_THROW(ParseCachegrind(file.path()), Error) << text;
  }
  EXPECT_THROW(ParseCachegrind("no/such/file"), Error);
}

// Latency goes with the square root of the work, and with nothing else.
std::vector<NetworkMetrics> MadeUp(const std::string& engine, std::size_t count) {
  std::vector<NetworkMetrics> networks;
  for (std::size_t i = 0; i < count; ++i) {
    const double work = 1 + static_cast<double>(i * i);
    const double latency = 2 * std::sqrt(work);
    networks.push_back({"n" + std::to_string(i),
                        engine,
                        {{"multiply_adds", work},
                         {"layers", static_cast<double>(3 + i * 7 % 5)},
                         {"steps", 5},
                         {"predicted_ms", latency},
                         {"latency_ms", latency},
                         {"images_per_s", 1e3 / latency}}});
  }
  return networks;
}

TEST(CorrelateMetrics, FindsWhatTheDataIsMadeOf) {
  std::vector<NetworkMetrics> all = MadeUp("Kinglet", 9);
  for (NetworkMetrics& few : MadeUp("few", 3)) all.push_back(std::move(few));
  const CorrelationStudy study = CorrelateMetrics(all);
  EXPECT_THAT(study.networks, SizeIs(9));
  ASSERT_THAT(study.fits, SizeIs(1));
  ASSERT_TRUE(study.fits[0].latency.has_value());
  EXPECT_EQ(study.fits[0].latency->figures.front(), "multiply_adds");
  EXPECT_NEAR(study.fits[0].latency->left_out_error, 0, 1e-9);
  bool found = false;
  for (const MetricCorrelation& each : study.correlations) {
    EXPECT_NE(each.metric, "steps");  // the same for all
    EXPECT_NE(each.metric, "latency_ms");
    if (each.target != "images_per_s" || each.metric != "multiply_adds") continue;
    found = true;
    EXPECT_NEAR(each.spearman.value, -1, 1e-12);
    EXPECT_GT(each.pearson.value, -1);
  }
  EXPECT_TRUE(found);
}

TEST(CorrelationFiles, HaveWhatWasMeasured) {
  const CorrelationStudy study = CorrelateMetrics(MadeUp("Kinglet", 6));
  EXPECT_THAT(MetricsCsv(study.networks),
              HasSubstr("network,engine,images_per_s,latency_ms,layers,multiply_adds"));
  const auto json = nlohmann::json::parse(StudyJson(study));
  EXPECT_THAT(json.at("networks"), SizeIs(6));
  EXPECT_EQ(json.at("regressions").at(0).at("metrics").at(0), "multiply_adds");
  EXPECT_THAT(CorrelationPlot(study).panels, SizeIs(1));
  const Plot fit = FitPlot(study);
  ASSERT_THAT(fit.panels, SizeIs(2));
  EXPECT_THAT(fit.panels[0].series[0].x, SizeIs(6));
}

}  // namespace
}  // namespace kinglet::characterize::metrics_test
