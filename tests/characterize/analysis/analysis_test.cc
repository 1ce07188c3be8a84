// Cliffs, knees, bounds and ratios of made-up curves whose answers are known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "characterize/analysis/bounds.h"
#include "characterize/analysis/cliffs.h"
#include "characterize/analysis/ratios.h"

namespace kinglet::characterize::analysis_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// One instance; `noise`: half of the median's confidence interval, as a share.
SweepPoint Point(int batch, double images_per_s, double noise = 0.005) {
  SweepPoint point;
  point.key = {.network = "n", .batch = batch};
  point.images_per_s = images_per_s;
  const double ms = 1e3 * batch / images_per_s;
  point.latency = {.runs = 100,
                   .mean_ms = ms,
                   .min_ms = 0.9 * ms,
                   .p50_ms = ms,
                   .p90_ms = 1.02 * ms,
                   .p95_ms = 1.05 * ms,
                   .p99_ms = 1.1 * ms,
                   .variation = noise,
                   .median_low_ms = ms * (1 - noise),
                   .median_high_ms = ms * (1 + noise)};
  point.peak_rss_mb = 100 + 2 * batch;
  return point;
}

Curve CurveThrough(const std::vector<double>& images_per_s, double noise = 0.005) {
  Curve curve;
  int batch = 1;
  for (const double value : images_per_s) curve.points.push_back(Point(batch++, value, noise));
  return curve;
}

TEST(Curves, PointsAreGroupedAndSortedAndTheLastOfAKeyCounts) {
  std::vector<SweepPoint> sweep = {Point(4, 40), Point(1, 10), Point(2, 20), Point(1, 11)};
  sweep.push_back(Point(1, 5));
  sweep.back().key.threads = 2;
  const std::vector<Curve> curves = CurvesOf(sweep);
  ASSERT_THAT(curves, SizeIs(2));
  ASSERT_THAT(curves[0].points, SizeIs(3));
  EXPECT_EQ(curves[0].points[0].images_per_s, 11);
  EXPECT_EQ(curves[0].points[2].key.batch, 4);
  EXPECT_EQ(CurveName(curves[1].key(), curves), "2 threads");
  SweepKey other = curves[1].key();
  other.network = "m";
  other.instances = 2;
  other.kind = InstanceKind::kProcesses;
  EXPECT_EQ(CurveName(other, curves), "m, 2 threads, 2 instances as processes");
}

// A few turns that differ widely have an interval that begins below 0.
TEST(Curves, AnIntervalEndsAtTheQuickestRunAndIsNeverTakenForCertainty) {
  SweepPoint point = Point(29, 92);
  point.latency.median_low_ms = 0;
  point.latency.median_high_ms = 4 * point.latency.p50_ms;
  EXPECT_DOUBLE_EQ(ThroughputInterval(point).low, 23);
  EXPECT_DOUBLE_EQ(ThroughputInterval(point).high, 92 / 0.9);
  Curve curve = CurveThrough({128, 128, 92, 128});
  curve.points[2].latency.median_low_ms = 0;
  curve.points[2].latency.min_ms = 0.7 * curve.points[2].latency.p50_ms;
  EXPECT_THAT(FindCliffs(curve, 0.03), IsEmpty());
}

TEST(Cliffs, AFallBeyondNoiseIsFoundWithItsKernelsAndItsEnd) {
  Curve curve = CurveThrough({50, 80, 95, 100, 82, 90, 101, 103});
  curve.points[3].kernels = {{"conv1", "conv/direct_f32"}, {"conv2", "conv/winograd_f43_f32"}};
  curve.points[4].kernels = {{"conv1", "conv/direct_f32"},
                             {"conv2", "conv/gemm_f32"},
                             {"x", "copy"},
                             {"conv1", "conv/direct_f32"},
                             {"conv2", "conv/gemm_f32"}};  // of the rest of the batch
  const std::vector<Cliff> cliffs = FindCliffs(curve);
  ASSERT_THAT(cliffs, SizeIs(1));
  EXPECT_EQ(cliffs[0].from_batch, 4);
  EXPECT_EQ(cliffs[0].to_batch, 5);
  EXPECT_NEAR(cliffs[0].fall(), 0.18, 1e-9);
  EXPECT_EQ(cliffs[0].recovered_at, 7);
  EXPECT_THAT(cliffs[0].changes,
              ElementsAre(KernelChange{"conv2", "conv/winograd_f43_f32", "conv/gemm_f32"},
                          KernelChange{"x", "", "copy"}));
}

TEST(Cliffs, NoiseAndPlateausAreNone) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, 0.01);
  std::vector<double> values;
  for (int batch = 1; batch <= 40; ++batch) {
    values.push_back(1000.0 * batch / (batch + 2) * (1 + noise(random)));
  }
  EXPECT_THAT(FindCliffs(CurveThrough(values, 0.02)), IsEmpty());
  EXPECT_THAT(FindCliffs(CurveThrough({50, 50, 50, 49.5, 49.2})), IsEmpty());
  EXPECT_THAT(FindCliffs(CurveThrough({100, 90}, 0.06)), IsEmpty());  // the intervals meet
  EXPECT_THAT(FindCliffs(CurveThrough({100, 90}, 0.04)), SizeIs(1));
  EXPECT_THAT(FindCliffs(CurveThrough({100})), IsEmpty());
}

TEST(Cliffs, MarkedPointsAreAsIfNotMeasured) {
  Curve curve = CurveThrough({80, 100, 60, 103, 104});
  curve.points[2].mark = "the host delivered 60 % of its speed";
  EXPECT_THAT(FindCliffs(curve), IsEmpty());
  curve.points[3].images_per_s = 70;
  const std::vector<Cliff> cliffs = FindCliffs(curve);
  ASSERT_THAT(cliffs, SizeIs(1));
  EXPECT_EQ(cliffs[0].from_batch, 2);
  EXPECT_EQ(cliffs[0].to_batch, 4);
}

TEST(Cliffs, PointsOfOneRunAreAsIfNotMeasured) {
  Curve curve = CurveThrough({100, 100, 70, 100});
  ASSERT_THAT(FindCliffs(curve), SizeIs(1));
  curve.points[2].latency.runs = 1;
  EXPECT_THAT(FindCliffs(curve), IsEmpty());
}

TEST(Cliffs, EachStepOfALongFallIsTold) {
  const std::vector<Cliff> cliffs = FindCliffs(CurveThrough({100, 90, 80, 79}));
  ASSERT_THAT(cliffs, SizeIs(2));
  EXPECT_FALSE(cliffs[0].recovered_at);
}

TEST(Knee, IsWhereMoreBatchBringsLittleForItsLatency) {
  // Throughput 100 b/(b+2), latency 10 (b+2): 1.5 times the latency brings 2/(3 b) more throughput.
  std::vector<double> values;
  for (int batch = 1; batch <= 40; ++batch) values.push_back(100.0 * batch / (batch + 2));
  const auto knee = FindKnee(CurveThrough(values));
  ASSERT_TRUE(knee);
  EXPECT_EQ(knee->key.batch, 14);
  EXPECT_EQ(FindKnee(CurveThrough(values), {.throughput = 0.15, .latency = 0.5})->key.batch, 5);
}

TEST(Knee, APlateauHasItsKneeWhereItBegins) {
  EXPECT_EQ(FindKnee(CurveThrough({100, 101, 100, 101, 100}))->key.batch, 1);
  EXPECT_EQ(FindKnee(CurveThrough({50, 80, 100, 101, 100, 102, 101}))->key.batch, 3);
}

TEST(Knee, AValleyBeforeAHigherLevelIsNone) {
  const auto knee = FindKnee(CurveThrough({100, 90, 95, 140, 150, 150, 151, 150, 151, 150}));
  ASSERT_TRUE(knee);
  EXPECT_EQ(knee->key.batch, 5);
}

TEST(Knee, ThereIsNoneBeforeItShows) {
  EXPECT_FALSE(FindKnee(CurveThrough({10, 20, 30, 40, 50})));
  EXPECT_FALSE(FindKnee(CurveThrough({100})));
  EXPECT_FALSE(FindKnee(CurveThrough({100, 100})));
  Curve marked = CurveThrough({100, 100, 100, 100});
  for (std::size_t i = 1; i < 4; ++i) marked.points[i].mark = "unrest";
  EXPECT_FALSE(FindKnee(marked));
}

TEST(Bounds, TheBestPointHoldsThem) {
  std::vector<SweepPoint> points = CurveThrough({50, 80, 95, 100, 104}).points;  // 20..48 ms
  EXPECT_EQ(BestWithin(points, {})->key.batch, 5);
  EXPECT_EQ(BestWithin(points, {.latency_ms = 35, .percentile = 50})->key.batch, 3);  // 31.6 ms
  EXPECT_EQ(BestWithin(points, {.latency_ms = 34, .percentile = 99})->key.batch, 2);  // 34.7
  EXPECT_EQ(BestWithin(points, {.memory_mb = 107})->key.batch, 3);
  EXPECT_FALSE(BestWithin(points, {.latency_ms = 5}));
  EXPECT_EQ(NearestTo(points, {.latency_ms = 5})->key.batch, 1);
  points[4].mark = "unrest";
  EXPECT_EQ(BestWithin(points, {})->key.batch, 4);
  EXPECT_FALSE(BestWithin({}, {}));
  EXPECT_FALSE(NearestTo({}, {}));
}

TEST(Bounds, OfTwoThatAreAlikeTheFasterAnswerCounts) {
  EXPECT_EQ(BestWithin(CurveThrough({90, 100, 100.5}).points, {})->key.batch, 2);
}

TEST(Bounds, AreSaidInWords) {
  EXPECT_EQ((Bound{.latency_ms = 50, .percentile = 95, .memory_mb = 500}.Text()),
            "latency p95 at most 50 ms and memory at most 500 MiB");
  EXPECT_EQ(Bound{}.Text(), "no bound");
}

TEST(Ratios, InstancesOverOneAndProcessesOverThreads) {
  std::vector<SweepPoint> sweep = {Point(1, 100), Point(2, 150), Point(4, 180)};
  sweep[0].key.kind = InstanceKind::kProcesses;  // says nothing for one
  for (const auto& [kind, value] :
       {std::pair(InstanceKind::kThreads, 150.0), std::pair(InstanceKind::kProcesses, 165.0)}) {
    for (const int batch : {1, 2, 8}) {
      sweep.push_back(Point(batch, value * batch));
      sweep.back().key.instances = 2;
      sweep.back().key.kind = kind;
    }
  }
  sweep.back().mark = "unrest";
  const std::vector<RatioCurve> speedups = InstanceSpeedups(sweep);
  ASSERT_THAT(speedups, SizeIs(2));
  ASSERT_THAT(speedups[0].ratios, SizeIs(2));
  EXPECT_NEAR(speedups[0].ratios[0].value, 1.5, 1e-9);
  EXPECT_NEAR(speedups[0].ratios[1].value, 2.0, 1e-9);
  EXPECT_LT(speedups[0].ratios[0].low, 1.5);
  EXPECT_GT(speedups[0].ratios[0].high, 1.5);
  const std::vector<RatioCurve> processes = ProcessesOverThreads(sweep);
  ASSERT_THAT(processes, SizeIs(1));
  ASSERT_THAT(processes[0].ratios, SizeIs(3));
  EXPECT_NEAR(processes[0].ratios[0].value, 1.1, 1e-9);
  EXPECT_TRUE(processes[0].ratios[0].trusted);
  EXPECT_FALSE(processes[0].ratios[2].trusted);
}

}  // namespace
}  // namespace kinglet::characterize::analysis_test
