// Repetitions on a clock that only the runs move.
#include "measure/common/repeat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kinglet::measure::repeat_test {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class FakeTime {
 public:
  Clock clock() {
    return [this] { return now_; };
  }
  // Takes so long at each call.
  std::function<void()> Run(double seconds) {
    return [this, seconds] {
      now_ += seconds;
      ++runs;
    };
  }
  int runs = 0;

 private:
  double now_ = 100;
};

TEST(TimeRunsTest, WarmsUpAndStopsWhenTheBudgetIsSpent) {
  FakeTime time;
  const auto times = TimeRuns(time.Run(0.1), {}, time.clock());
  EXPECT_THAT(times, Each(DoubleNear(100, 1e-6)));
  // 300 ms of warm-up and 2 s that count; sums of binary fractions may end one run later.
  EXPECT_NEAR(static_cast<double>(times.size()), 20, 1);
  EXPECT_NEAR(time.runs - static_cast<int>(times.size()), 3, 1);
}

TEST(TimeRunsTest, SlowRunsAreRepeatedAllTheSame) {
  FakeTime time;
  EXPECT_THAT(TimeRuns(time.Run(5), {}, time.clock()), SizeIs(9));
  EXPECT_EQ(time.runs, 10);
}

TEST(TimeRunsTest, ANumberOfRunsIsKept) {
  FakeTime time;
  EXPECT_THAT(TimeRuns(time.Run(0.5), {.warm_up_ms = 0, .runs = 2}, time.clock()),
              ElementsAre(DoubleNear(500, 1e-6), DoubleNear(500, 1e-6)));
  EXPECT_EQ(time.runs, 2);
  FakeTime quick;
  EXPECT_THAT(TimeRuns(quick.Run(1e-9), {.warm_up_ms = 0, .max_runs = 50}, quick.clock()),
              SizeIs(50));
}

TEST(TimeRunsTest, TimesAreInTheOrderOfTheRuns) {
  FakeTime time;
  double next = 0.25;
  const auto run = [&] {
    time.Run(next)();
    next += 0.25;
  };
  EXPECT_THAT(TimeRuns(run, {.warm_up_ms = 0, .runs = 3}, time.clock()),
              ElementsAre(250, 500, 750));
}

TEST(TurnsTest, TheShortestTimeOfEachCounts) {
  FakeTime time;
  // Slow at first, then as fast as it can.
  double falling = 8e-3;
  const std::vector<std::function<void()>> candidates = {time.Run(4e-3), [&] {
                                                           time.Run(falling)();
                                                           falling = std::max(falling / 2, 1e-3);
                                                         }};
  std::vector<double> seconds = {0, 0};
  ShortestInTurns(candidates, 0.02, seconds, time.clock());
  EXPECT_THAT(seconds, ElementsAre(DoubleNear(4e-3, 1e-9), DoubleNear(1e-3, 1e-9)));
}

TEST(TurnsTest, WhoIsFarBehindGetsNoOtherTurn) {
  FakeTime time;
  int slow = 0;
  const std::vector<std::function<void()>> candidates = {[&] {
                                                           ++slow;
                                                           time.Run(0.5)();
                                                         },
                                                         time.Run(0.1)};
  std::vector<double> seconds = {0, 0};
  ShortestInTurns(candidates, 2.0, seconds, time.clock());
  EXPECT_EQ(slow, 1);
  EXPECT_NEAR(time.runs, 1 + 1 + 20, 1);
  // What is known already stays.
  std::vector<double> known = {0.05, 0};
  ShortestInTurns(candidates, 0.1, known, time.clock());
  EXPECT_EQ(known[0], 0.05);
}

}  // namespace
}  // namespace kinglet::measure::repeat_test
