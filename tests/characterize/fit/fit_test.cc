#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "characterize/fit/evaluate.h"
#include "characterize/fit/fit_report.h"
#include "characterize/fit/proxies.h"
#include "characterize/fit/score.h"
#include "characterize/generate/draws.h"
#include "kinglet/error.h"

namespace kinglet::characterize::fit_test {
namespace {

using ::testing::HasSubstr;

#define SKIP_WITHOUT_XGBOOST() \
  if (const std::string problem = BoostingProblem(); !problem.empty()) GTEST_SKIP() << problem

// A layer that takes its physical part times 1.3, and half as much again on two threads.
DataRow LayerOf(Draws& draws, int batch, int threads) {
  DataRow row;
  row[RowText::kKind] = "layer";
  row[RowText::kOp] = "Conv";
  row[RowText::kKernel] = draws.Coin() ? "conv/a" : "conv/b";
  row[RowNumber::kBatch] = row[RowNumber::kImages] = batch;
  row[RowNumber::kThreads] = threads;
  row[RowNumber::kRuns] = row[RowNumber::kSteps] = 1;
  row[RowNumber::kChannels] = 16 * draws.Between(1, 20);
  row[RowNumber::kHeight] = row[RowNumber::kWidth] = draws.Between(7, 56);
  row[RowNumber::kBusiest] = 1.0 / threads;
  const double outputs =
      batch * row[RowNumber::kChannels] * row[RowNumber::kHeight] * row[RowNumber::kWidth];
  row[RowNumber::kMacs] = 100 * outputs;
  row[RowNumber::kTileOps] = 200 * outputs;
  row[RowNumber::kReadBytes] = row[RowNumber::kWriteBytes] = 4 * outputs;
  row[RowNumber::kPhysical] = row[RowNumber::kArithmetic] = 0.001 * outputs / threads + 1;
  row[RowNumber::kMeasured] = row[RowNumber::kPhysical] * 1.3 * (threads == 2 ? 1.5 : 1.0) *
                              (row[RowText::kKernel] == "conv/a" ? 1.0 : 0.8) *
                              (1 + 0.01 * (draws.Between(-10, 10) / 10.0));
  return row;
}

Dataset MadeUp(int networks) {
  Dataset dataset;
  DatasetMachine machine{"cpu", "avx2", 2, "0.1.0", FiguresOf({.use_cache = false})};
  dataset.machines[machine.Key()] = machine;
  Draws draws(1);
  for (int n = 0; n < networks; ++n) {
    const std::string family = n % 3 == 0 ? "a" : n % 3 == 1 ? "b" : "c";
    const std::size_t first = dataset.rows.size();
    for (const int threads : {1, 2}) {
      DataRow network;
      network[RowText::kKind] = "network";
      network[RowNumber::kThreads] = threads;
      network[RowNumber::kBatch] = 1 + n % 4;
      network[RowNumber::kReference] = 100;
      network[RowNumber::kSpread] = 0.02;
      for (int l = 0; l < 8; ++l) {
        const DataRow layer = LayerOf(draws, 1 + n % 4, threads);
        for (const RowNumber sum : {RowNumber::kPhysical, RowNumber::kMeasured, RowNumber::kMacs,
                                    RowNumber::kReadBytes, RowNumber::kSteps}) {
          network[sum] += layer[sum];
        }
        dataset.rows.push_back(layer);
      }
      network[RowNumber::kMeasured] *= 1.02;
      dataset.rows.push_back(network);
    }
    DataRow done;
    done[RowText::kKind] = "done";
    dataset.rows.push_back(done);
    for (std::size_t i = first; i < dataset.rows.size(); ++i) {
      dataset.rows[i][RowText::kNetwork] = family + "_" + std::to_string(n);
      dataset.rows[i][RowText::kFamily] = family;
      dataset.rows[i][RowText::kMachine] = machine.Key();
    }
  }
  return dataset;
}

TEST(Boosting, TreesSayWhatTheLibrarySays) {
  SKIP_WITHOUT_XGBOOST();
  Samples samples;
  samples.features = 3;
  Draws draws(5);
  for (int i = 0; i < 400; ++i) {
    const auto value = [&] { return static_cast<float>(draws.Between(0, 1000)) / 250.0f; };
    const std::vector<float> sample = {value(), value(), value()};
    samples.Add(sample, std::sin(sample[0]) + sample[1] * sample[2], 1 + sample[2]);
  }
  const std::vector<Feature> features = {{"a", 0}, {"b", 1}, {"c", 0}};
  std::vector<float> theirs;
  const Trees trees = GrowTrees(samples, features, {.rounds = 40}, &theirs);
  const Trees read = TreesFromJson(TreesToJson(trees), 3, "file");
  ASSERT_EQ(theirs.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::span<const float> sample(samples.values.data() + 3 * i, 3);
    EXPECT_FLOAT_EQ(trees.Evaluate(sample), theirs[i]);
    EXPECT_EQ(read.Evaluate(sample), trees.Evaluate(sample));
  }
  // Monotone in the second, as asked for.
  float before = -1e9f;
  for (float b = 0; b < 4; b += 0.05f) {
    const float now = trees.Evaluate(std::vector<float>{1, b, 2});
    EXPECT_GE(now, before);
    before = now;
  }
}

TEST(Fit, LearnsKernelsThatWereTimedInAnothersPlace) {
  SKIP_WITHOUT_XGBOOST();
  Dataset dataset = MadeUp(30);
  Draws draws(2);
  std::vector<DataRow> rows;
  for (const DataRow& row : dataset.rows) {
    rows.push_back(row);
    if (row[RowText::kKind] != "layer") continue;
    DataRow other = row;
    other[RowText::kKind] = "alternative";
    other[RowText::kKernel] = "conv/never_chosen";
    other[RowNumber::kMeasured] = 3 * row[RowNumber::kPhysical];
    rows.push_back(other);
  }
  dataset.rows = rows;
  FitReport report;
  const Predictor predictor = Fit(dataset, {.boosting = {.rounds = 80}}, report);
  EXPECT_EQ(report.dropped, 0u);
  const Correction* correction = predictor.Find("conv/never_chosen");
  ASSERT_NE(correction, nullptr);
  EXPECT_EQ(correction->rows, 30u * 2 * 8);
  DataRow layer = LayerOf(draws, 2, 1);
  layer[RowText::kKernel] = "conv/never_chosen";
  EXPECT_NEAR(CorrectedUs(predictor, layer), 3 * layer[RowNumber::kPhysical],
              0.1 * layer[RowNumber::kPhysical]);
}

TEST(Fit, LearnsWhatThePhysicalPartMisses) {
  SKIP_WITHOUT_XGBOOST();
  FitReport report;
  const Predictor predictor = Fit(MadeUp(60), {.boosting = {.rounds = 80}}, report);
  EXPECT_EQ(report.networks, 60u);
  EXPECT_EQ(report.points, 120u);
  EXPECT_EQ(report.folds, 3u);  // as many as there are families
  EXPECT_NEAR(report.noise, 0.01, 1e-9);
  EXPECT_LT(report.Errors("predictor").median, 0.03);
  EXPECT_GT(report.Errors("predictor").within_10, 0.95);
  EXPECT_GT(report.Errors("physical part").median, 0.15);
  EXPECT_GT(report.Errors("predictor").spearman, 0.99);
  EXPECT_EQ(report.Errors("predictor", [](std::size_t i) { return i < 5; }).points, 5u);
  EXPECT_EQ(predictor.kernels.size(), 2u);
  EXPECT_EQ(predictor.cpu, "cpu");
  EXPECT_LT(predictor.network.interval.low, predictor.network.interval.high);
  EXPECT_LT(predictor.network.interval.high, 0.1);
  EXPECT_GT(predictor.physical.high, 0.1);
  ASSERT_EQ(report.learning.size(), 4u);
  EXPECT_GT(report.learning.back().networks, report.learning.front().networks);
  EXPECT_EQ(ParsePredictor(PredictorToJson(predictor), "file").networks, 60u);
  EXPECT_EQ(ScatterPlot(report).panels.size(), 2u);
  EXPECT_EQ(FamilyPlot(report).panels[0].x.names.size(), 3u);
  EXPECT_EQ(LearningPlot(report).panels[0].series[0].x.size(), 4u);
}

TEST(Fit, NeedsEnoughOfOneMachine) {
  SKIP_WITHOUT_XGBOOST();
  FitReport report;
  EXPECT_THROW(Fit(MadeUp(5), {}, report), Error);
  Dataset two = MadeUp(20);
  DatasetMachine other = two.machines.begin()->second;
  other.cpus = 3;
  two.machines[other.Key()] = other;
  EXPECT_THROW(Fit(two, {}, report), Error);
}

TEST(Fit, WithoutTheLibrarySaysSo) {
  const std::string problem = BoostingProblem();
  if (problem.empty()) return;
  FitReport report;
  EXPECT_THAT(problem, HasSubstr("libxgboost"));
  EXPECT_THROW(Fit(MadeUp(20), {}, report), Error);
}

TEST(FitPoints, LeaveOutWhatIsNotToBeTrusted) {
  Dataset dataset = MadeUp(12);
  std::size_t dropped = 0;
  EXPECT_EQ(PointsOf(dataset, dropped).size(), 24u);
  EXPECT_EQ(dropped, 0u);
  std::vector<DataRow*> networks;
  for (DataRow& row : dataset.rows) {
    if (row[RowText::kKind] == "network") networks.push_back(&row);
  }
  (*networks[0])[RowText::kMark] = "busy";
  (*networks[1])[RowNumber::kReference] = 80;
  (*networks[2])[RowNumber::kSteps] += 1;
  const auto points = PointsOf(dataset, dropped);
  EXPECT_EQ(points.size(), 21u);
  EXPECT_EQ(dropped, 3u);
  EXPECT_EQ(points[0].layers.size(), 8u);
}

TEST(Errors, HaveKnownAnswers) {
  const ErrorSummary errors = SummariseErrors({104, 93, 120, 50}, {100, 100, 100, 100});
  EXPECT_EQ(errors.points, 4u);
  EXPECT_NEAR(errors.median, (0.07 + 0.2) / 2, 1e-12);
  EXPECT_NEAR(errors.mean, (0.04 + 0.07 + 0.2 + 0.5) / 4, 1e-12);
  EXPECT_EQ(errors.within_5, 0.25);
  EXPECT_EQ(errors.within_10, 0.5);
  EXPECT_EQ(errors.spearman, 0.0);
  EXPECT_EQ(SummariseErrors({}, {}).points, 0u);
}

TEST(Errors, SpearmanIsOfRanks) {
  EXPECT_NEAR(Spearman({1, 2, 3, 4}, {1, 10, 100, 1000}), 1, 1e-12);
  EXPECT_NEAR(Spearman({1, 2, 3, 4}, {4, 3, 2, 1}), -1, 1e-12);
  EXPECT_NEAR(Spearman({1, 2, 3, 4}, {1, 3, 2, 4}), 0.8, 1e-12);
  EXPECT_NEAR(Spearman({1, 1, 2}, {1, 2, 3}), std::sqrt(0.75), 1e-12);
}

PointRefs RefsOf(const std::vector<MeasuredPoint>& points) {
  PointRefs refs;
  for (const MeasuredPoint& point : points) refs.push_back(&point);
  return refs;
}

// Knows no kernel, and that whole networks take as much more than their physical part as this.
Predictor TimesPredictor(double factor) {
  Predictor predictor;
  predictor.cpu = "cpu";
  predictor.instruction_set = "avx2";
  predictor.figures = FiguresOf({.use_cache = false});
  predictor.network.trees = Trees(static_cast<float>(std::log(factor)), {});
  predictor.network.rows = 1;
  predictor.physical = {-0.2, 0.2};
  predictor.network.interval = {-0.05, 0.05};
  return predictor;
}

TEST(Score, IsOfWhatWasHeldOut) {
  const Dataset held_out = MadeUp(12);
  const Score alone = ScorePredictor(TimesPredictor(1.4), held_out, std::nullopt);
  EXPECT_EQ(alone.report.points, 24u);
  EXPECT_EQ(alone.report.networks, 12u);
  EXPECT_EQ(alone.report.methods.size(), 2u);  // nothing for proxies to learn from
  EXPECT_FALSE(alone.foreign);
  EXPECT_NEAR(alone.report.noise, 0.01, 1e-9);
  EXPECT_LT(alone.report.Errors(kPredictorMethod).median,
            alone.report.Errors(kPhysicalMethod).median);
  EXPECT_GT(alone.report.Errors(kPredictorMethod).spearman, 0.5);
  EXPECT_GT(alone.in_interval, 0);
  EXPECT_LE(alone.in_interval, 1);
  EXPECT_EQ(ScatterPlot(alone.report).panels.size(), 2u);
  Predictor elsewhere = TimesPredictor(1);
  elsewhere.cpu = "another";
  EXPECT_TRUE(ScorePredictor(elsewhere, held_out, std::nullopt).foreign);
}

TEST(Score, LeavesOutWhatWasLearnedFrom) {
  const Dataset all = MadeUp(15);
  Dataset learned = MadeUp(12);
  const Score score = ScorePredictor(TimesPredictor(1), all, learned);
  EXPECT_EQ(score.seen, 24u);
  EXPECT_EQ(score.report.points, 6u);
  EXPECT_EQ(score.report.methods.size(), 5u);
  EXPECT_GT(score.report.Errors(kBytesMethod).points, 0u);
  EXPECT_THROW(ScorePredictor(TimesPredictor(1), learned, learned), Error);
}

TEST(Proxies, PowersAreFound) {
  std::vector<MeasuredPoint> points(20);
  for (std::size_t i = 0; i < points.size(); ++i) {
    DataRow& row = points[i].network;
    row[RowNumber::kThreads] = 1;
    row[RowNumber::kMacs] = 1e6 * static_cast<double>(i + 1);
    row[RowNumber::kReadBytes] = 1e5 * static_cast<double>(1 + i * i % 7);
    row[RowNumber::kMeasured] =
        3e-3 * std::pow(row[RowNumber::kMacs], 0.8) * std::pow(row[RowNumber::kReadBytes], 0.1);
  }
  const LogLinear both(RefsOf(points), true);
  const LogLinear macs(RefsOf(points), false);
  EXPECT_NEAR(both.PredictUs(points[7]) / points[7].network[RowNumber::kMeasured], 1, 1e-3);
  EXPECT_NEAR(macs.PredictUs(points[7]) / points[7].network[RowNumber::kMeasured], 1, 0.2);
  points[7].network[RowNumber::kThreads] = 9;  // of which nothing is known
  EXPECT_TRUE(std::isfinite(both.PredictUs(points[7])));
}

TEST(Proxies, TheTableKnowsWhatItHasSeen) {
  std::size_t dropped = 0;
  const std::vector<MeasuredPoint> points = PointsOf(MadeUp(12), dropped);
  const LayerTable table(RefsOf(points));
  double sum = 0;
  for (const DataRow& layer : points[3].layers) sum += layer[RowNumber::kMeasured];
  EXPECT_NEAR(table.PredictUs(points[3]), sum, 1e-6 * sum);
  MeasuredPoint other = points[3];
  for (DataRow& layer : other.layers) layer[RowNumber::kChannels] += 1;
  EXPECT_NE(table.PredictUs(other), table.PredictUs(points[3]));
}

}  // namespace
}  // namespace kinglet::characterize::fit_test
