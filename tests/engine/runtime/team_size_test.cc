#include "engine/runtime/team_size.h"

#include <gtest/gtest.h>

namespace kinglet::team_size_test {
namespace {

constexpr double kRun = 0.01;  // seconds

// The team after `runs` runs that waited so much, each.
int After(TeamSize& team, int runs, double stalled, double seconds = kRun) {
  for (int i = 0; i < runs; ++i) team.Ended(team.Now() > 1 ? stalled : 0, seconds);
  return team.Now();
}

TEST(TeamSize, StaysWhereNobodyWaits) {
  TeamSize team(4);
  EXPECT_EQ(After(team, 100, 0.1), 4);
}

TEST(TeamSize, OneThreadStaysOne) {
  TeamSize team(1);
  team.Ended(1, kRun);
  EXPECT_EQ(team.Now(), 1);
}

TEST(TeamSize, OneBadRunIsForgiven) {
  TeamSize team(2);
  for (int i = 0; i < 20; ++i) {
    team.Ended(1, kRun);
    EXPECT_EQ(After(team, 8, 0), 2);
  }
}

TEST(TeamSize, SeveralBadRunsTakeAThreadAway) {
  TeamSize team(2);
  EXPECT_EQ(After(team, 3, 0.6), 1);
}

TEST(TeamSize, WhatIsBearableFallsWithTheThreads) {
  TeamSize two(2);
  TeamSize eight(8);
  EXPECT_EQ(After(two, 20, 0.2), 2);
  EXPECT_LT(After(eight, 20, 0.2), 8);
}

TEST(TeamSize, ComesBackWhenTheCoreIsFree) {
  TeamSize team(3);
  ASSERT_EQ(After(team, 2, 0.9), 2);
  EXPECT_EQ(After(team, 50, 0), 3);
}

// Of 10 seconds beside a busy core, few runs are trials.
TEST(TeamSize, TrialsBecomeRare) {
  TeamSize team(2);
  int trials = 0;
  for (int i = 0; i < 1000; ++i) {
    trials += team.Now() == 2;
    team.Ended(team.Now() == 2 ? 0.6 : 0, kRun);
  }
  EXPECT_GE(trials, 5);
  EXPECT_LE(trials, 20);
}

// However long runs take, there are some between trials.
TEST(TeamSize, TrialsOfLongRunsAreRareAsWell) {
  TeamSize team(2);
  int trials = 0;
  for (int i = 0; i < 100; ++i) {
    trials += team.Now() == 2;
    team.Ended(team.Now() == 2 ? 0.6 : 0, 5.0);
  }
  EXPECT_LE(trials, 25);
}

}  // namespace
}  // namespace kinglet::team_size_test
