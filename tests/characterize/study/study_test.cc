#include "characterize/study/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "characterize/study/figures.h"
#include "characterize/study/plan.h"

namespace kinglet::characterize {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

// A point that is there for each key, whose throughput is its place.
std::vector<SweepPoint> MadeUp(const std::vector<SweepKey>& keys) {
  std::vector<SweepPoint> points;
  for (const SweepKey& key : keys) {
    SweepPoint point;
    point.key = key;
    point.images_per_s = static_cast<double>(points.size() + 1);
    point.latency = {.runs = 9, .mean_ms = 2, .p50_ms = 2, .p95_ms = 3};
    points.push_back(point);
  }
  return points;
}

const StudyPart& PartOf(const std::vector<StudyPart>& parts, const std::string& id) {
  return *std::find_if(parts.begin(), parts.end(),
                       [&](const StudyPart& part) { return part.id == id; });
}

TEST(StudyPlan, EveryPointIsMeasuredOnce) {
  for (const bool quick : {true, false}) {
    const std::vector<StudyPart> parts = StudyParts({.quick = quick, .cpus = 2});
    const std::vector<SweepKey> keys = KeysOf(parts);
    std::set<std::string> texts;
    for (const SweepKey& key : keys) EXPECT_TRUE(texts.insert(KeyText(key)).second) << KeyText(key);
    for (const StudyPart& part : parts) {
      EXPECT_EQ(PointsOf(part, MadeUp(keys)).size(), part.keys.size()) << part.id;
    }
  }
}

TEST(StudyPlan, HasTheBatchesOfThePaper) {
  const std::vector<StudyPart> parts = StudyParts({.quick = false, .cpus = 2});
  const auto count = [&](const std::string& id, const std::string& network, int instances) {
    const std::vector<SweepKey>& keys = PartOf(parts, id).keys;
    return std::count_if(keys.begin(), keys.end(), [&](const SweepKey& key) {
      return key.network == network && key.instances == instances;
    });
  };
  EXPECT_EQ(count("batches", "mobilenet_v1", 1), 33);
  EXPECT_EQ(count("batches", "inception_v2", 2), 33);
  EXPECT_EQ(count("processes", "mobilenet_v1", 2), 34);
  EXPECT_EQ(count("processes", "inception_v2", 2), 16);
}

TEST(StudyPlan, QuickIsAFewOfThem) {
  const auto all = KeysOf(StudyParts({.quick = false, .cpus = 2}));
  const auto few = KeysOf(StudyParts({.quick = true, .cpus = 2}));
  EXPECT_LT(3 * few.size(), all.size());
  EXPECT_THAT(few, Contains(SweepKey{.network = "mobilenet_v1", .batch = 33}));
}

TEST(StudyFigures, ContinuousHasATurnAtEachPlace) {
  const SweepKey key{.network = "n"};
  std::vector<TurnRecord> turns(3);
  for (std::size_t i = 0; i < turns.size(); ++i) {
    turns[i].key = key;
    turns[i].result.images_per_s = 10.0 * static_cast<double>(i + 1);
  }
  turns[1].key.batch = 2;  // another point's
  const Plot plot = ContinuousPlot({key}, turns);
  ASSERT_EQ(plot.panels.size(), 1u);
  ASSERT_EQ(plot.panels[0].series.size(), 1u);
  EXPECT_THAT(plot.panels[0].series[0].x, ElementsAre(1, 2));
  EXPECT_THAT(plot.panels[0].series[0].y, ElementsAre(10, 30));
}

TEST(StudyFigures, QuantisedNetworksStandBesideTheirFloatOnes) {
  const Plot plot =
      PrecisionPlot(MadeUp({{.network = "demo", .batch = 8},
                            {.network = "demo_int8", .precision = "int8", .batch = 8}}));
  ASSERT_EQ(plot.panels.size(), 1u);
  EXPECT_THAT(plot.panels[0].x.names, ElementsAre("batch 8"));
  ASSERT_EQ(plot.panels[0].series.size(), 2u);
  EXPECT_EQ(plot.panels[0].series[1].name, "int8");
}

TEST(StudyFigures, TargetsStandSideBySide) {
  const std::vector<SweepPoint> points =
      MadeUp({{.network = "n"}, {.network = "n", .threads = 2}, {.network = "n", .batch = 8}});
  const Plot plot = TargetPlot({{"baseline", points}, {"avx2", points}});
  ASSERT_EQ(plot.panels.size(), 1u);
  EXPECT_THAT(plot.panels[0].x.names, ElementsAre("baseline", "avx2"));
  ASSERT_EQ(plot.panels[0].series.size(), 2u);
  EXPECT_THAT(plot.panels[0].series[0].x, ElementsAre(0, 1));
  EXPECT_THAT(plot.panels[0].series[1].y, ElementsAre(2, 2));
}

TEST(StudyPage, HasEveryPartThatWasMeasured) {
  StudyResults results;
  results.parts = StudyParts({.quick = true, .cpus = 2});
  results.points = MadeUp(KeysOf(results.parts));
  const std::vector<StudyPicture> pictures = StudyPictures(results);
  std::set<std::string> names;
  std::set<std::string> shown;
  for (const StudyPicture& picture : pictures) {
    EXPECT_TRUE(names.insert(picture.name).second) << picture.name;
    EXPECT_FALSE(picture.plot.panels.empty()) << picture.name;
    shown.insert(picture.part);
  }
  for (const char* part :
       {"batches", "processes", "threads_processes", "concurrent", "precision", "detectors"}) {
    EXPECT_TRUE(shown.contains(part)) << part;
  }
}

}  // namespace
}  // namespace kinglet::characterize
