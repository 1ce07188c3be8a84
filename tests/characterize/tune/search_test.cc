// The search for the best point, on made-up surfaces whose best points are known.
#include "characterize/tune/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

namespace kinglet::characterize::search_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A machine of two cores, made up: how long a batch takes, with cliffs, and what a model says of it
// that is wrong by some per cent, for each way to run and at random.
class Surface {
 public:
  explicit Surface(unsigned seed) : random_(seed) {
    const auto uniform = [&](double low, double high) {
      return std::uniform_real_distribution<double>(low, high)(random_);
    };
    per_image_ = uniform(3, 30);
    overhead_ = per_image_ * uniform(0.1, 2);
    second_thread_ = uniform(1.4, 1.95);
    crowding_ = uniform(1.0, 1.35);
    cliff_ = static_cast<int>(uniform(3, 20));
    cliff_height_ = uniform(1.0, 1.25);
    for (double& error : errors_) error = std::normal_distribution<double>(0, 0.08)(random_);
  }

  double TrueMs(const SweepKey& key) const {
    double ms = overhead_ + per_image_ * key.batch * (key.batch >= cliff_ ? cliff_height_ : 1.0);
    if (key.threads > 1) ms /= second_thread_;
    return key.instances > 1 ? ms * crowding_ : ms;
  }
  double TrueThroughput(const SweepKey& key) const {
    return 1e3 * key.batch * key.instances / TrueMs(key);
  }
  static double TrueMemory(const SweepKey& key) {
    return 30 + 20 * key.instances + 4.0 * key.batch * key.instances;
  }

  Prediction Predict(const SweepKey& key) {
    const double ms = TrueMs(key) / (key.instances > 1 ? crowding_ : 1);  // it knows no crowding
    const double error =
        errors_[key.threads > 1 ? 1 : 0] + std::normal_distribution<double>(0, 0.03)(random_);
    return {ms * std::exp(error) / 1.25, 0.9 * TrueMemory(key) - 10};
  }

  SweepPoint Measure(const SweepKey& key, bool confirm) {
    ++measured;
    distinct.insert(KeyText(key));
    const double noise = confirm ? 0.004 : 0.008;
    const double ms = TrueMs(key) * (1 + std::normal_distribution<double>(0, noise)(random_));
    SweepPoint point;
    point.key = key;
    point.images_per_s = 1e3 * key.batch * key.instances / ms;
    point.latency.mean_ms = point.latency.p50_ms = ms;
    point.latency.p90_ms = 1.02 * ms;
    point.latency.p95_ms = 1.03 * ms;
    point.latency.p99_ms = kTail * ms;
    point.peak_rss_mb = TrueMemory(key);
    return point;
  }

  static constexpr double kTail = 1.06;  // p99 over the mean
  std::size_t measured = 0;
  std::set<std::string> distinct;

 private:
  std::mt19937 random_;
  double per_image_, overhead_, second_thread_, crowding_, cliff_height_;
  int cliff_;
  double errors_[2];
};

std::vector<SweepKey> Grid(int most_batch) {
  GridLists lists{.batches = {}, .threads = {1, 2}, .instances = {1, 2}, .cpus = 2};
  for (int batch = 1; batch <= most_batch; ++batch) lists.batches.push_back(batch);
  return GridOf({.network = "n"}, lists, 0);
}

SearchResult Search(Surface& surface, const std::vector<SweepKey>& grid, const SearchGoal& goal) {
  return SearchGrid(
      grid, goal, [&](const SweepKey& key) { return surface.Predict(key); },
      [&](const SweepKey& key, bool confirm) { return surface.Measure(key, confirm); });
}

// Of those that hold the bound, as a search that measures everything finds it.
double BestThroughput(const Surface& surface, const std::vector<SweepKey>& grid,
                      const Bound& bound) {
  double best = 0;
  for (const SweepKey& key : grid) {
    if (bound.latency_ms && surface.TrueMs(key) * Surface::kTail > *bound.latency_ms) continue;
    if (bound.memory_mb && Surface::TrueMemory(key) > *bound.memory_mb) continue;
    best = std::max(best, surface.TrueThroughput(key));
  }
  return best;
}

TEST(GridOf, IsWhatTheMachineHasCoresFor) {
  EXPECT_THAT(Grid(16), SizeIs(48));
  const GridLists lists{.batches = {1, 4, 4}, .threads = {4}, .instances = {1, 2}, .cpus = 2};
  const std::vector<SweepKey> all = GridOf({.network = "n"}, lists, 100);  // too many in any case
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_EQ(all[1].batch, 4);
  EXPECT_EQ(all[1].rate, 25);
}

TEST(SearchGrid, FindsNearlyTheBestWithAQuarterOfTheMeasurements) {
  const std::vector<SweepKey> grid = Grid(24);
  int good = 0;
  int found = 0;
  constexpr int kSurfaces = 300;
  for (unsigned seed = 1; seed <= kSurfaces; ++seed) {
    Surface surface(seed);
    const SearchGoal goal{.bound = {.latency_ms = 30.0 * (1 + seed % 8)}};
    const Bound with_margin{.latency_ms = *goal.bound.latency_ms / (1 + goal.margin)};
    const double best = BestThroughput(surface, grid, with_margin);
    if (best == 0) continue;
    ++found;
    const SearchResult result = Search(surface, grid, goal);
    EXPECT_LE(surface.measured, grid.size() / 4) << seed;
    EXPECT_EQ(result.trials.size(), surface.measured);
    if (!result.chosen) continue;
    EXPECT_LE(surface.TrueMs(result.chosen->key) * Surface::kTail, *goal.bound.latency_ms) << seed;
    good += surface.TrueThroughput(result.chosen->key) >= 0.95 * best;
  }
  EXPECT_GE(good, 0.96 * found) << good << " of " << found;
}

TEST(SearchGrid, BoundsOnMemoryHold) {
  const std::vector<SweepKey> grid = Grid(24);
  for (unsigned seed = 1; seed <= 30; ++seed) {
    Surface surface(seed);
    const SearchGoal goal{.bound = {.memory_mb = 110}};
    const SearchResult result = Search(surface, grid, goal);
    ASSERT_TRUE(result.chosen) << seed;
    EXPECT_LE(Surface::TrueMemory(result.chosen->key), 110) << seed;
    EXPECT_GE(surface.TrueThroughput(result.chosen->key),
              0.9 * BestThroughput(surface, grid, goal.bound))
        << seed;
  }
}

TEST(SearchGrid, NothingHoldsAnImpossibleBound) {
  Surface surface(1);
  const SearchResult result = Search(surface, Grid(8), {.bound = {.latency_ms = 0.5}});
  EXPECT_FALSE(result.chosen);
  ASSERT_TRUE(result.nearest);
  EXPECT_EQ(result.nearest->key.batch, 1);
  EXPECT_LE(surface.measured, 3u);
  EXPECT_THAT(result.reason, HasSubstr("no point holds the bound"));
  ASSERT_FALSE(result.trials.empty());
  EXPECT_THAT(result.trials[0].verdict, HasSubstr("over the bound"));
}

TEST(SearchGrid, WhatDoesNotHoldASecondTimeIsNotChosen) {
  // The first time, batches of four are faster than they are.
  const std::vector<SweepKey> grid = Grid(4);
  const SearchResult result = SearchGrid(
      grid, {.bound = {.latency_ms = 45}},
      [](const SweepKey& key) {
        return Prediction{10.0 * key.batch, 50};
      },
      [](const SweepKey& key, bool confirm) {
        SweepPoint point;
        point.key = key;
        const bool late = confirm && key.batch == 4;
        const double ms = 10.0 * key.batch * (late ? 1.2 : 1);
        point.latency.mean_ms = point.latency.p99_ms = point.latency.p50_ms = ms;
        point.images_per_s = 1e3 * key.batch * key.instances / ms;
        return point;
      });
  ASSERT_TRUE(result.chosen);
  EXPECT_LT(result.chosen->key.batch, 4);
}

TEST(SearchGrid, OnePointIsAGrid) {
  Surface surface(3);
  const SearchResult result = Search(surface, Grid(1), {});
  ASSERT_TRUE(result.chosen);
  EXPECT_THAT(Search(surface, {}, {}).trials, IsEmpty());
}

TEST(SearchGrid, ARateIsKeptUpWithAtTheShortestLatency) {
  // An image takes 10 ms and a batch 5 ms more: one core does 95 images a second at batch 16.
  GridLists lists{.batches = {1, 2, 4, 8, 16}, .threads = {1}, .instances = {1, 2}, .cpus = 2};
  const SearchGoal goal{.bound = {.latency_ms = 500}, .rate = 80};
  const std::vector<SweepKey> grid = GridOf({.network = "n"}, lists, goal.rate);
  const auto service = [](const SweepKey& key) { return 5 + 10.0 * key.batch; };
  const SearchResult result = SearchGrid(
      grid, goal,
      [&](const SweepKey& key) {
        return Prediction{service(key) / 1.2, 50};
      },
      [&](const SweepKey& key, bool) {
        SweepPoint point;
        point.key = key;
        const double load = key.rate * service(key) * 1e-3 / key.instances;
        const double wait = load < 1 ? service(key) * load / (1 - load) / key.instances : 1e4;
        point.images_per_s = load < 1 ? goal.rate : goal.rate / load;
        point.latency.min_ms = service(key);
        point.latency.mean_ms = point.latency.p50_ms = service(key) + wait / 4;
        point.latency.p99_ms = service(key) + wait;
        return point;
      });
  ASSERT_TRUE(result.chosen) << result.reason;
  EXPECT_EQ(result.chosen->key.instances, 2);
  EXPECT_LE(result.chosen->key.batch, 2);
  EXPECT_GE(result.chosen->images_per_s, 79);
  EXPECT_NEAR(ImageLatency(*result.chosen, goal),
              result.chosen->latency.p99_ms + (result.chosen->key.batch - 1) * 12.5, 1e-9);
}

}  // namespace
}  // namespace kinglet::characterize::search_test
