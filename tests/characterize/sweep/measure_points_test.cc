// Turns and hosts that are made up: what a sweep makes of them.
#include "characterize/sweep/measure_points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "kinglet/error.h"

namespace kinglet::characterize::measure_points_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

SweepKey Key(int batch) {
  SweepKey key;
  key.network = "net";
  key.batch = batch;
  return key;
}

// A second of runs that take about so long, on a CPU of two.
measure::TurnResult Result(double ms, double noise = 0.001) {
  measure::TurnResult result;
  result.window_s = 1;
  result.runs = 200;
  for (int i = 0; i < 200; ++i) result.latencies_ms.push_back(ms * (1 + noise * (i - 100) / 100));
  result.images_per_s = 1e3 / ms;
  result.load.utilisation = {1, 0};
  result.usage = {1, 400, 200};
  result.peak_rss_mb = 50;
  result.kernels = {{"conv1", "conv/direct_f32"}};
  return result;
}

// A host on which everything takes a second, and which delivers what it is told.
struct Made {
  double now = 0;
  double speed = 10;
  int taken = 0;
  std::function<measure::TurnResult(int turn, const measure::TurnPlan&)> turn =
      [](int, const measure::TurnPlan&) { return Result(10); };
  std::vector<TurnRecord> kept{};

  Measuring measuring() {
    Measuring made;
    made.turn = [this](const measure::TurnPlan& plan) { return turn(taken++, plan); };
    made.reference = [this] { return measure::ReferenceSpeed{{speed, speed}, 3000}; };
    made.clock = [this] { return ++now; };
    made.keep = [this](const TurnRecord& record) { kept.push_back(record); };
    return made;
  }
};

TEST(MeasurePointTest, EachTurnGoesOnWithThePicturesBehindThoseOfTheLast) {
  Made made;
  std::vector<std::size_t> first;
  std::vector<std::size_t> most;
  made.turn = [&](int, const measure::TurnPlan& plan) {
    first.push_back(plan.first_picture);
    most.push_back(plan.most_batches);
    return Result(10, 0.5);
  };
  MeasurePoint(Key(2), {}, {}, made.measuring());
  ASSERT_GE(first.size(), 3u);
  EXPECT_EQ(first[0], 0u);
  EXPECT_EQ(first[1], 400u);
  EXPECT_EQ(first[2], 800u);
  EXPECT_EQ(most[0], 0u);
  EXPECT_EQ(most[1], 251u);
}

TEST(MeasurePointTest, AQuietPointIsDoneWhenItsMedianIsSure) {
  Made made;
  const SweepPoint point = MeasurePoint(Key(1), {}, {}, made.measuring());
  EXPECT_EQ(point.turns, 3u);  // of four that the duration has
  EXPECT_EQ(point.mark, "");
  EXPECT_EQ(point.latency.runs, 600u);
  EXPECT_NEAR(point.latency.p50_ms, 10, 0.01);
  EXPECT_NEAR(point.latency.p99_ms, 10.01, 0.005);
  EXPECT_LT(point.latency.median_low_ms, point.latency.p50_ms);
  EXPECT_GT(point.latency.median_high_ms, point.latency.p50_ms);
  EXPECT_NEAR(point.images_per_s, 100, 1e-9);
  EXPECT_EQ(point.core_utilisation, (std::vector<double>{1, 0}));
  EXPECT_EQ(point.context_switches_per_run, 2);
  EXPECT_EQ(point.page_faults_per_run, 1);
  EXPECT_EQ(point.clock_mhz, 3000);
  EXPECT_THAT(point.kernels, SizeIs(1));
}

TEST(MeasurePointTest, AnUnsurePointTakesItsWholeTime) {
  Made made;
  made.turn = [](int turn, const measure::TurnPlan&) { return Result(10 + turn % 2); };
  const SweepPoint point = MeasurePoint(Key(1), {}, {}, made.measuring());
  EXPECT_EQ(point.turns, 4u);
  EXPECT_EQ(point.mark, "");
  // Turns that differ say more than the many runs of each.
  EXPECT_GT(point.latency.median_high_ms - point.latency.p50_ms, 0.5);
}

// A neighbour spins during half of the turns: they are taken again.
TEST(MeasurePointTest, DisturbedTurnsAreTakenAgain) {
  Made made;
  made.turn = [](int turn, const measure::TurnPlan&) {
    measure::TurnResult result = Result(turn % 2 == 0 ? 20 : 10);
    if (turn % 2 == 0) result.load.others = 0.6;
    return result;
  };
  std::vector<SweepKey> keys;
  for (int batch = 1; batch <= 5; ++batch) keys.push_back(Key(batch));
  for (const SweepPoint& point : MeasurePoints(keys, {}, {}, made.measuring())) {
    const bool right = std::abs(point.latency.p50_ms - 10) < 0.5;
    EXPECT_TRUE(right || !point.mark.empty()) << point.latency.p50_ms;
  }
  EXPECT_GT(made.kept.size(), 5u * 3);
}

// As next to a guest of the host that nothing here tells of.
TEST(MeasurePointTest, TurnsThatDifferMarkThePoint) {
  Made made;
  made.turn = [](int turn, const measure::TurnPlan&) { return Result(turn % 2 == 0 ? 10 : 11.5); };
  EXPECT_THAT(MeasurePoint(Key(1), {}, {}, made.measuring()).mark, IsEmpty());
  made.turn = [](int turn, const measure::TurnPlan&) { return Result(turn % 2 == 0 ? 10 : 13); };
  EXPECT_EQ(MeasurePoint(Key(1), {}, {}, made.measuring()).mark, "its turns differ by 30 %");
}

TEST(MeasurePointTest, OneThatIsAlwaysDisturbedIsMarked) {
  const Trust trust;
  Made made;
  made.turn = [](int, const measure::TurnPlan&) {
    measure::TurnResult result = Result(20);
    result.load.steal = 0.3;
    return result;
  };
  const SweepPoint point = MeasurePoint(Key(1), {}, trust, made.measuring());
  EXPECT_EQ(made.taken, static_cast<int>(trust.most_turns()));
  EXPECT_THAT(point.mark, HasSubstr("8 of 8 turns"));
  EXPECT_THAT(point.mark, HasSubstr("30 %"));
  EXPECT_NEAR(point.latency.p50_ms, 20, 0.1);  // and still told
}

TEST(MeasurePointTest, TheReferenceLoopTellsOfASlowHost) {
  Made made;
  made.turn = [&](int turn, const measure::TurnPlan&) {
    made.speed = turn == 1 ? 6 : 10;  // before the loop that follows
    return Result(10);
  };
  const SweepPoint point = MeasurePoint(Key(1), {}, {}, made.measuring());
  ASSERT_THAT(made.kept, SizeIs(5));
  EXPECT_THAT(made.kept[1].disturbed, HasSubstr("60 % of what it does as a rule"));
  EXPECT_THAT(made.kept[2].disturbed, Not(IsEmpty()));  // the loop before it was slow
  EXPECT_EQ(made.kept[3].disturbed, "");
  EXPECT_EQ(point.turns, 3u);
  EXPECT_EQ(point.mark, "");
}

// Points of which some are marked, on a host of which `speed` says what it delivers in each turn,
// as a share of its best; runs take the longer the less it is.
struct Judged {
  std::vector<SweepPoint> points{};
  std::size_t marked = 0, wrong = 0;  // of them: more than 5 % beside 10 ms, and not marked

  explicit Judged(const std::function<double(int turn)>& speed) {
    Made made;
    made.turn = [&](int turn, const measure::TurnPlan&) {
      made.speed = 10 * speed(turn);
      return Result(10 / speed(turn));
    };
    std::vector<SweepKey> keys;
    for (int batch = 1; batch <= 40; ++batch) keys.push_back(Key(batch));
    points = MeasurePoints(keys, {}, {}, made.measuring());
    for (const SweepPoint& point : points) {
      marked += !point.mark.empty();
      wrong += point.mark.empty() && std::abs(point.latency.p50_ms - 10) > 0.5;
    }
  }
};

TEST(MeasurePointTest, AHostThatIsSlowMostOfTheTimeIsToldOfOnce) {
  const Judged slow([](int turn) { return turn % 50 < 2 ? 1.0 : 0.7; });
  EXPECT_LE(slow.marked, 7u);  // those of a rare quick turn, from which their others differ
  for (const SweepPoint& point : slow.points) EXPECT_NEAR(point.host_rule, 0.7, 1e-9);
}

TEST(MeasurePointTest, AClockThatWandersMarksFewPoints) {
  const Judged wandering([](int turn) { return 0.86 + 0.14 * std::sin(0.05 * turn); });
  EXPECT_LE(wandering.marked, 4u);  // of 40
}

TEST(MeasurePointTest, ANeighbourForHalfOfTheTimeDoesNotPassUnseen) {
  // Neither as steal nor as a program here: at first, now and then, and from then on.
  const Judged first([](int turn) { return turn < 80 ? 0.55 : 1.0; });
  EXPECT_EQ(first.wrong, 0u);
  EXPECT_EQ(first.marked, 0u);
  const Judged now_and_then([](int turn) { return turn / 7 % 2 == 0 ? 0.55 : 1.0; });
  EXPECT_EQ(now_and_then.wrong, 0u);
  EXPECT_LE(now_and_then.marked, 20u);
  const Judged from_then_on([](int turn) { return turn < 80 ? 1.0 : 0.55; });
  EXPECT_EQ(from_then_on.wrong, 0u);
}

TEST(MeasurePointTest, WantOfMemoryIsAResultAndOtherErrorsAreErrors) {
  Made made;
  made.turn = [](int, const measure::TurnPlan& plan) -> measure::TurnResult {
    if (plan.point.batch == 2) throw Error(ErrorCode::kResource, "killed by signal 9");
    return Result(10);
  };
  const auto points = MeasurePoints({Key(1), Key(2)}, {}, {}, made.measuring());
  EXPECT_EQ(points[0].mark, "");
  EXPECT_EQ(points[1].mark, "killed by signal 9");
  EXPECT_EQ(points[1].turns, 0u);
  made.turn = [](int, const measure::TurnPlan&) -> measure::TurnResult {
    throw Error(ErrorCode::kInvalidModel, "no model");
  };
  EXPECT_THROW(MeasurePoint(Key(1), {}, {}, made.measuring()), Error);
}

TEST(MeasurePointTest, AQueueThatGrowsIsMarked) {
  Made made;
  made.turn = [](int, const measure::TurnPlan& plan) {
    EXPECT_EQ(plan.rate, 500);
    measure::TurnResult result = Result(10);
    result.backlog_s = 0.9;
    return result;
  };
  SweepKey key = Key(1);
  key.rate = 500;
  EXPECT_THAT(MeasurePoint(key, {}, {}, made.measuring()).mark, HasSubstr("500 batches/s"));
}

TEST(TrustTest, OthersMayTakeMoreOfALargeMachine) {
  TurnRecord turn;
  turn.result = Result(10);
  turn.result.load.others = 0.3;
  EXPECT_THAT(DisturbanceOf(turn, {}), HasSubstr("0.30 of a CPU"));
  turn.result.load.utilisation.assign(64, 0);
  EXPECT_EQ(DisturbanceOf(turn, {}), "");
  turn.result.load.others = 0.7;
  EXPECT_THAT(DisturbanceOf(turn, {}), HasSubstr("0.70 of a CPU"));
}

TEST(TakeTurnsTest, EachRoundHasAllPointsInAnotherOrder) {
  Made made;
  std::vector<SweepKey> keys;
  for (int batch = 1; batch <= 8; ++batch) keys.push_back(Key(batch));
  TakeTurns(keys, {}, {}, {}, made.measuring());
  ASSERT_THAT(made.kept, SizeIs(8 * 3));
  std::set<std::vector<int>> orders;
  for (std::size_t round = 0; round < 3; ++round) {
    std::vector<int> order;
    for (std::size_t i = 0; i < 8; ++i) order.push_back(made.kept[8 * round + i].key.batch);
    EXPECT_THAT(std::set<int>(order.begin(), order.end()), SizeIs(8));
    orders.insert(order);
  }
  EXPECT_THAT(orders, SizeIs(3));
}

TEST(TakeTurnsTest, WhatWasTakenBeforeIsNotTakenAgain) {
  const std::vector<SweepKey> keys = {Key(1), Key(2)};
  Made made;
  std::vector<TurnRecord> all = TakeTurns(keys, {}, {}, {}, made.measuring());
  all.pop_back();
  TurnRecord other = all.front();
  other.key.batch = 77;  // of no point here
  all.push_back(other);
  Made again;
  EXPECT_THAT(TakeTurns(keys, {}, {}, all, again.measuring()), SizeIs(7));
  EXPECT_EQ(again.taken, 1);
  EXPECT_EQ(TakeTurns({}, {}, {}, {}, again.measuring()).size(), 0u);
}

TEST(TakeTurnsTest, ProgressEndsWithTheTimeThatIsLeft) {
  Made made;
  Measuring measuring = made.measuring();
  std::vector<Progress> seen;
  measuring.progress = [&](const Progress& progress) { seen.push_back(progress); };
  TakeTurns({Key(1), Key(2)}, {}, {}, {}, measuring);
  ASSERT_THAT(seen, SizeIs(6));
  EXPECT_EQ(seen.front().done, 0u);
  EXPECT_EQ(seen.front().seconds_left, 0);  // not known
  EXPECT_EQ(seen[1].seconds_left, 7);       // a second each
  for (std::size_t i = 1; i < seen.size(); ++i) {
    EXPECT_GT(seen[i].done, seen[i - 1].done);
    EXPECT_LE(seen[i].done, seen[i].total);
  }
}

}  // namespace
}  // namespace kinglet::characterize::measure_points_test
