#include "kernels/common/machine_model.h"

#include <gtest/gtest.h>

#include "kernels/common/cpu_target.h"
#include "tests/support/targets.h"

namespace kinglet::kernels {
namespace {

// A machine of round numbers: caches of 1 and 16 MB, 100 GFLOP/s.
MachineModel RoundMachine() {
  MachineModel machine;
  machine.peak_gflops = 100;
  machine.l2_bytes = 1e6;
  machine.l3_bytes = 16e6;
  machine.l2_gbps = 100;
  machine.l3_gbps = 50;
  machine.l3_all_gbps = 80;
  machine.dram_gbps = 10;
  machine.dram_all_gbps = 16;
  return machine;
}

TEST(MachineModel, FollowsTheTarget) {
  testing::ForEachTarget([] {
    const MachineModel model = DefaultMachineModel();
    EXPECT_EQ(model.peak_gflops < 20, ActiveTarget() == "baseline");
    EXPECT_GT(model.dram_gbps, 0);
  });
}

TEST(PredictSeconds, ArithmeticIsSharedByTheUnits) {
  Work work;
  work.flops = 100e9;
  work.gflops = 50;
  work.units = 3;
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 1, RoundMachine()), 2);
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 2, RoundMachine()), 2 * 2.0 / 3);
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 3, RoundMachine()), 2.0 / 3);
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 8, RoundMachine()), 2.0 / 3);
}

TEST(PredictSeconds, TrafficMovesAtTheSpeedOfTheCacheThatHoldsIt) {
  Work work;
  work.units = 64;
  work.read_bytes = 0.5e6;
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 1, RoundMachine()), 0.5e6 / 100e9);
  work.read_bytes = 8e6;
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 1, RoundMachine()), 8e6 / 50e9);
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 2, RoundMachine()), 8e6 / 80e9);
  work.read_bytes = 160e6;
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 1, RoundMachine()), 160e6 / 10e9);
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 2, RoundMachine()), 160e6 / 16e9);
}

TEST(PredictSeconds, TwiceTheBatchNeverTakesLess) {
  double before = 0;
  for (double bytes = 1e5; bytes < 1e9; bytes *= 1.1) {
    Work work;
    work.read_bytes = work.write_bytes = bytes / 2;
    work.flops = 10 * bytes;
    work.gflops = 90;
    work.units = 64;
    const double seconds = PredictSeconds(work, 2, RoundMachine());
    EXPECT_GT(seconds, before) << bytes;
    before = seconds;
  }
}

TEST(PredictSeconds, WeightsOfALargeNetworkComeFromMemory) {
  Work work;
  work.weight_bytes = 1e6;
  MachineModel machine = RoundMachine();
  const double cached = PredictSeconds(work, 1, machine);
  machine.network_weight_bytes = 100e6;
  EXPECT_DOUBLE_EQ(cached, 1e6 / 50e9);
  EXPECT_DOUBLE_EQ(PredictSeconds(work, 1, machine), 1e6 / 10e9);
}

}  // namespace
}  // namespace kinglet::kernels
