#include "kernels/common/predict.h"

#include <gtest/gtest.h>

namespace kinglet::kernels::predict_test {
namespace {

// A machine of round numbers: caches of 1 and 16 MB, 100 GFLOP/s, of which tiles reach half and
// loops a hundredth.
MachineModel RoundMachine() {
  MachineModel machine;
  machine.Peak(ElementType::kFloat32) = 100;
  machine.l2_bytes = 1e6;
  machine.l3_bytes = 16e6;
  machine.l2_gbps = 100;
  machine.l3_gbps = 50;
  machine.l3_all_gbps = 80;
  machine.dram_gbps = 10;
  machine.dram_all_gbps = 16;
  machine.Share(WorkKind::kTile) = 0.5;
  machine.Share(WorkKind::kScalar) = 0.01;
  return machine;
}

WorkStage Tiles(double operations) {
  WorkStage stage;
  stage.Add({.kind = WorkKind::kTile, .count = operations});
  return stage;
}

double Seconds(const Work& work) { return PredictSeconds(work, RoundMachine()); }

TEST(PredictSeconds, ArithmeticIsSharedByTheUnits) {
  const auto seconds = [](int threads) { return Seconds(SharedWork(Tiles(100e9), 3, threads)); };
  EXPECT_DOUBLE_EQ(seconds(1), 2);
  EXPECT_DOUBLE_EQ(seconds(2), 2 * 2.0 / 3);
  EXPECT_DOUBLE_EQ(seconds(3), 2.0 / 3);
  EXPECT_DOUBLE_EQ(seconds(8), 2.0 / 3);
}

TEST(PredictSeconds, TheBusiestThreadDecides) {
  Work work = SharedWork(Tiles(100e9), 4, 2);
  EXPECT_DOUBLE_EQ(Seconds(work), 1);
  work.busiest_share = 0.75;
  EXPECT_DOUBLE_EQ(Seconds(work), 1.5);
}

TEST(PredictSeconds, EachKindHasAShareAndEachTypeAPeak) {
  WorkStage stage = Tiles(100e9);
  stage.Add({.kind = WorkKind::kScalar, .count = 1e9});
  EXPECT_DOUBLE_EQ(Seconds(SharedWork(stage, 1, 1)), 2 + 1);
  MachineModel machine = RoundMachine();
  const Operations dots{WorkKind::kTile, ElementType::kInt8, InstructionFamily::kDot, 100e9};
  EXPECT_DOUBLE_EQ(ArithmeticSeconds(dots, machine), 2);  // as float32 vectors, for want of better
  machine.Peak(ElementType::kInt8, InstructionFamily::kDot) = 400;
  EXPECT_DOUBLE_EQ(ArithmeticSeconds(dots, machine), 0.5);
}

TEST(PredictSeconds, TrafficMovesAtTheSpeedOfTheCacheThatHoldsIt) {
  const auto seconds = [](double bytes, int threads) {
    return Seconds(MoveWork(bytes, 0, threads));
  };
  EXPECT_DOUBLE_EQ(seconds(0.5e6, 1), 0.5e6 / 100e9);
  EXPECT_DOUBLE_EQ(seconds(8e6, 1), 8e6 / 50e9);
  EXPECT_DOUBLE_EQ(seconds(8e6, 2), 8e6 / 80e9);
  EXPECT_DOUBLE_EQ(seconds(160e6, 1), 160e6 / 10e9);
  EXPECT_DOUBLE_EQ(seconds(160e6, 2), 160e6 / 16e9);
}

TEST(PredictSeconds, TwiceTheBatchNeverTakesLess) {
  double before = 0;
  for (double bytes = 1e5; bytes < 1e9; bytes *= 1.1) {
    WorkStage stage = Tiles(10 * bytes);
    stage.read_bytes = stage.write_bytes = bytes / 2;
    const double seconds = Seconds(SharedWork(stage, 64, 2));
    EXPECT_GT(seconds, before) << bytes;
    before = seconds;
  }
}

TEST(PredictSeconds, MoreOfAnythingNeverTakesLess) {
  WorkStage stage = Tiles(1e6);
  stage.read_bytes = stage.write_bytes = 1e6;
  stage.weight_bytes = 1e6;
  Work work = SharedWork(stage, 8, 2);
  work.weight_passes = 2;
  work.scratch_bytes = 0.9e6;
  work.scratch_passes = 3;
  double before = Seconds(work);
  const auto grows = [&](auto&& change, const char* what) {
    change();
    const double now = Seconds(work);
    EXPECT_GT(now, before) << what;
    before = now;
  };
  WorkStage& first = work.stage();
  grows([&] { first.Add({.kind = WorkKind::kTile, .count = 1e6}); }, "operations");
  grows([&] { first.read_bytes *= 3; }, "reading");
  grows([&] { first.write_bytes *= 3; }, "writing");
  grows([&] { first.weight_bytes *= 3; }, "weights");
  grows([&] { work.weight_passes += 1; }, "passes over the weights");
  grows([&] { work.scratch_bytes *= 2; }, "scratch");
  grows([&] { work.scratch_passes += 1; }, "passes over the scratch");
  grows([&] { work.busiest_share *= 1.5; }, "imbalance");
  grows([&] { work.stages[1] = Tiles(1e6); }, "another stage");
}

TEST(PredictSeconds, MoreThreadsNeverTakeLongerWhereTheyMeetForNothing) {
  WorkStage stage = Tiles(1e9);
  stage.read_bytes = stage.write_bytes = 40e6;
  for (const int64_t units : {1, 3, 7, 64, 1000}) {
    for (int threads = 1; threads < 8; ++threads) {
      EXPECT_LE(Seconds(SharedWork(stage, units, threads + 1)),
                Seconds(SharedWork(stage, units, threads)) * 1.0001)
          << units << " units, " << threads << " threads";
    }
  }
}

TEST(PredictSeconds, AThreadReadsItsPartOfTheWeights) {
  WorkStage stage;
  stage.weight_bytes = 4e6;
  Work work = SharedWork(stage, 4, 2);
  EXPECT_DOUBLE_EQ(Seconds(work), 8e6 / 80e9);  // both threads all of them
  work.weight_parts = 2;
  EXPECT_DOUBLE_EQ(Seconds(work), 4e6 / 80e9);
}

TEST(PredictSeconds, EachPassOverTheWeightsShows) {
  WorkStage stage = Tiles(1e9);
  stage.weight_bytes = 1e6;
  const auto seconds = [&](double passes, double l3_gbps) {
    Work work = SharedWork(stage, 1, 1);
    work.weight_passes = passes;
    MachineModel machine = RoundMachine();
    machine.l3_gbps = l3_gbps;
    return PredictSeconds(work, machine);
  };
  const double one = seconds(1, 50) - seconds(0, 50);
  EXPECT_GT(one, kBarelyHidden * 1e6 / 100e9);  // all of them from the second-level cache
  EXPECT_NEAR(seconds(5, 50) - seconds(0, 50), 5 * one, 1e-12);
  EXPECT_GT(seconds(1, 25) - seconds(0, 25), one);  // a slower cache behind it
}

TEST(PredictSeconds, WeightsOfALargeNetworkComeFromMemory) {
  WorkStage stage;
  stage.weight_bytes = 1e6;
  const Work work = SharedWork(stage, 1, 1);
  MachineModel machine = RoundMachine();
  const double cached = PredictSeconds(work, machine);
  machine.network_weight_bytes = 100e6;
  EXPECT_DOUBLE_EQ(cached, 1e6 / 50e9);
  EXPECT_DOUBLE_EQ(PredictSeconds(work, machine), 1e6 / 10e9);
}

TEST(PredictSeconds, ScratchShowsOnlyWhereItExceedsTheCache) {
  Work work = SharedWork(Tiles(1e9), 1, 1);
  const double none = Seconds(work);
  work.scratch_passes = 10;
  work.scratch_bytes = 0.5e6;
  EXPECT_DOUBLE_EQ(Seconds(work), none);
  work.scratch_bytes = 1e6;
  EXPECT_DOUBLE_EQ(Seconds(work), none + kBarelyHidden * 10e6 / 50e9);
}

// Traffic of a stage hides behind the arithmetic of that stage alone.
TEST(PredictSeconds, StagesDoNotHideEachOther) {
  WorkStage moves;
  moves.read_bytes = 0.4e6;
  const double arithmetic = 1e6 / 50e9;
  const double traffic = 0.4e6 / 100e9;
  Work apart = SharedWork(Tiles(1e6), 1, 1);
  apart.stages[1] = moves;
  EXPECT_DOUBLE_EQ(Seconds(apart), arithmetic + traffic);
  Work together = SharedWork(moves, 1, 1);
  together.stage().Add({.kind = WorkKind::kTile, .count = 1e6});
  EXPECT_DOUBLE_EQ(Seconds(together), arithmetic + kBarelyHidden * traffic);
}

}  // namespace
}  // namespace kinglet::kernels::predict_test
