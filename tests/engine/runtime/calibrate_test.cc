#include "kinglet/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "engine/cost/files.h"
#include "engine/runtime/probe.h"
#include "engine/runtime/shares.h"
#include "kernels/common/machine_model.h"
#include "kernels/common/predict.h"
#include "kernels/common/work.h"

namespace kinglet::calibrate_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Says what it is told to, one word after the other, and then nothing.
class ScriptedWatch final : public CalibrationWatch {
 public:
  ScriptedWatch(std::vector<std::string> looks, std::vector<std::string> turns)
      : looks_(std::move(looks)), turns_(std::move(turns)) {}
  std::string Look() override { return Next(looks_); }
  // The first call of each turn begins it.
  std::string LookBack() override {
    begins_ = !begins_;
    return begins_ ? "" : Next(turns_);
  }

 private:
  static std::string Next(std::vector<std::string>& words) {
    if (words.empty()) return "";
    std::string word = words.front();
    words.erase(words.begin());
    return word;
  }
  std::vector<std::string> looks_, turns_;
  bool begins_ = false;
};

// Two probes that count their calls from 0 and from 100.
class Counting {
 public:
  Probes probes() {
    return {{"a", [this] { return static_cast<double>(a_++); }},
            {"b", [this] { return static_cast<double>(b_++); }}};
  }

 private:
  int a_ = 0, b_ = 100;
};

TEST(CalibrationTurns, EachProbeHasItsTurns) {
  Counting counting;
  CalibrateOptions options;
  options.turns = 3;
  std::vector<std::size_t> done;
  options.progress = [&](std::size_t now, std::size_t total) {
    done.push_back(now);
    EXPECT_EQ(total, 6u);
  };
  const auto turns = TakeTurns(counting.probes(), options);
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_THAT(turns[0].counted(), ElementsAre(0, 1, 2));
  EXPECT_THAT(turns[1].counted(), ElementsAre(100, 101, 102));
  EXPECT_THAT(turns[0].mark(), IsEmpty());
  EXPECT_THAT(done, ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(CalibrationTurns, WhatWasDisturbedIsTakenAgain) {
  Counting counting;
  ScriptedWatch watch({"slow"}, {"", "stolen"});  // a of the first turn, all of the second
  CalibrateOptions options;
  options.turns = 2;
  options.watch = &watch;
  const auto turns = TakeTurns(counting.probes(), options);
  EXPECT_THAT(turns[0].good, ElementsAre(2, 3));
  EXPECT_THAT(turns[0].disturbed, ElementsAre(0, 1));
  EXPECT_THAT(turns[1].good, ElementsAre(100, 102));
  EXPECT_THAT(turns[0].counted(), ElementsAre(2, 3));
  EXPECT_TRUE(turns[0].trusted());
}

TEST(CalibrationTurns, ABusyMachineMarksWhatItSpoiled) {
  Counting counting;
  ScriptedWatch watch({"x", "", "x", "", "the loop was slow", ""}, {});
  CalibrateOptions options;
  options.turns = 2;
  options.watch = &watch;
  const auto turns = TakeTurns(counting.probes(), options);
  EXPECT_THAT(turns[0].disturbed, ElementsAre(0, 1, 2));
  EXPECT_THAT(turns[0].counted(), ElementsAre(3, 0, 1, 2));
  EXPECT_EQ(turns[0].mark(), "disturbed: the loop was slow (3 of 4 turns)");
  EXPECT_THAT(turns[1].mark(), IsEmpty());
}

TEST(CalibrationTurns, TimeEnds) {
  Counting counting;
  CalibrateOptions options;
  options.turns = 5;
  options.seconds = 0;
  EXPECT_THAT(TakeTurns(counting.probes(), options)[1].good, ElementsAre(100));
}

// Times that follow the cost model of a machine, without what the model's overlapping leaves to it.
TEST(Calibrate, SharesOfAMadeUpMachineAreFound) {
  const KernelSamples kernels;
  kernels::MachineModel machine = kernels::DefaultMachineModel();
  machine.Share(kernels::WorkKind::kTile) = 0.81;
  machine.Share(kernels::WorkKind::kTileEdge) = 0.06;
  machine.Share(kernels::WorkKind::kDepthwise) = 0.41;
  machine.Share(kernels::WorkKind::kWinograd) = 0.77;
  machine.Share(kernels::WorkKind::kWinogradTransform) = 0.04;
  machine.Share(kernels::WorkKind::kPoolMax) = 0.2;
  Calibration::Figures found;
  for (const auto& [name, work] : kernels.works()) {
    const kernels::Prediction prediction = kernels::Predict(work, machine);
    found[name] = prediction.again + prediction.stages[0].arithmetic +
                  kernels::kBarelyHidden * prediction.stages[0].cached;
  }
  Calibration calibration = FiguresOf(machine);
  calibration.share_of_peak.clear();
  kernels.Set(found, calibration);
  ASSERT_GT(calibration.share_of_peak.size(), 5u);
  for (const auto& [name, share] : calibration.share_of_peak) {
    const auto* const at =
        std::find(std::begin(kernels::kWorkKindNames), std::end(kernels::kWorkKindNames), name);
    ASSERT_NE(at, std::end(kernels::kWorkKindNames)) << name;
    const double expected =
        machine.share_of_peak[static_cast<std::size_t>(at - std::begin(kernels::kWorkKindNames))];
    EXPECT_NEAR(share / expected, 1, 1e-6) << name;
  }
  EXPECT_NEAR(calibration.more.at("depthwise 128x28x28_k3"), 0.41, 1e-6);
}

TEST(Calibrate, FiguresAreThoseOfAMachine) {
  // Everything of the first turn was disturbed, so that there is a second one.
  ScriptedWatch watch({}, {"something ran"});
  CalibrateOptions options;
  options.turns = 1;
  options.watch = &watch;
  const Calibration c = Calibrate(options);
  EXPECT_GE(c.threads, 1);
  EXPECT_GT(c.peaks.at("float32").at("vector"), 0);
  EXPECT_GT(c.l3_bytes, 0);
  EXPECT_GT(c.l2_gbps, 0);
  EXPECT_GE(c.l3_all_gbps, c.l3_gbps);
  EXPECT_GE(c.dram_all_gbps, c.dram_gbps);
  EXPECT_GT(c.step_seconds, 3e-9);  // of more than no steps
  EXPECT_LT(c.step_seconds, 1e-3);
  EXPECT_EQ(c.handover_seconds > 0, c.threads > 1);
  EXPECT_EQ(c.share_of_peak.count("tile"), 1u);
  for (const auto& [kind, share] : c.share_of_peak) {
    EXPECT_GT(share, 0) << kind;
    EXPECT_NE(
        std::find(std::begin(kernels::kWorkKindNames), std::end(kernels::kWorkKindNames), kind),
        std::end(kernels::kWorkKindNames))
        << kind;
  }
  EXPECT_LT(c.more.at("l1_latency_ns"), c.more.at("dram_latency_ns"));
  EXPECT_THAT(c.marks, IsEmpty());
  const Calibration::Figures all = AllFigures(c);
  EXPECT_EQ(all.at("peaks.float32.vector"), c.peaks.at("float32").at("vector"));
  EXPECT_EQ(all.at("share_of_peak.tile"), c.share_of_peak.at("tile"));
  EXPECT_EQ(all.at("l1_gbps"), c.more.at("l1_gbps"));
}

}  // namespace
}  // namespace kinglet::calibrate_test
