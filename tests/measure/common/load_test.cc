#include "measure/common/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kinglet/error.h"
#include "measure/common/machine_json.h"
#include "measure/common/reference_loop.h"

namespace kinglet::measure::load_test {
namespace {

using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::SizeIs;

// In ticks, of which a second has 100.
constexpr const char* kStat =
    "cpu  1 2 3 4 5 6 7 8 9 10\n"
    "cpu0 100 200 300 4000 500 60 40 50 30 20\n"
    "cpu1 0 0 0 1000 0 0 0 0 0 0\n"
    "cpu10 100 0 0 0 0 0 0 0 0 0\n"
    "intr 12345\n";

TEST(LoadTest, TimesOfTheCpusThatCount) {
  const std::vector<CpuTimes> times = ParseCpuTimes(kStat, {0, 10});
  ASSERT_THAT(times, SizeIs(2));
  EXPECT_DOUBLE_EQ(times[0].busy, 7);  // user, nice, system and interrupts, without guests
  EXPECT_DOUBLE_EQ(times[0].idle, 45);
  EXPECT_DOUBLE_EQ(times[0].steal, 0.5);
  EXPECT_DOUBLE_EQ(times[1].busy, 1);
  EXPECT_THAT(ParseCpuTimes("cpu0 1", {0}), SizeIs(1));
  EXPECT_THAT(ParseCpuTimes("", {0}), SizeIs(0));
}

TEST(LoadTest, WhatOthersTookIsNotOurs) {
  const std::vector<CpuTimes> begin = {{10, 10, 0}, {0, 0, 0}};
  const std::vector<CpuTimes> end = {{12, 10, 0}, {0.5, 1, 0.5}};
  const Load load = LoadBetween(begin, end, 2, {1.5, 0, 0});
  EXPECT_THAT(load.utilisation, ElementsAre(1, 0.25));
  EXPECT_DOUBLE_EQ(load.steal, 0.125);
  // A second of 2.5 that were busy, less a tick for each CPU, in two seconds.
  EXPECT_NEAR(load.others, 0.49, 1e-9);
  EXPECT_EQ(LoadBetween(begin, end, 2, {2.5, 0, 0}).others, 0);
  EXPECT_EQ(LoadBetween(begin, end, 2, {9, 0, 0}).others, 0);
}

TEST(LoadTest, ThisProcessTakesSomething) {
  const Usage before = OwnUsage();
  std::vector<char> taken(std::size_t{8} << 20, 1);
  const Usage took = OwnUsage() - before;
  EXPECT_GE(took.page_faults, 1);
  EXPECT_GE(took.cpu_seconds, 0);
  EXPECT_THAT(AllowedCpus(), SizeIs(Gt(0u)));
}

TEST(ReferenceLoopTest, EachCpuDeliversSomething) {
  const ReferenceSpeed speed = RunReferenceLoop(1);
  EXPECT_THAT(speed.gflops, SizeIs(AllowedCpus().size()));
  for (const double gflops : speed.gflops) EXPECT_GT(gflops, 0);
  EXPECT_GT(speed.clock_mhz, 1);
}

TEST(ReferenceLoopTest, TheSlowestCpuTellsTheShare) {
  HostWatch host;
  EXPECT_EQ(host.Share({{10, 20}, 0}), 1);
  EXPECT_EQ(host.Share({{10, 5}, 0}), 0.25);
  EXPECT_EQ(host.Share({{40, 20}, 0}), 1);  // better than ever
  EXPECT_EQ(host.Share({{10, 20}, 0}), 0.25);
}

TEST(MachineJsonTest, AMachineComesBackAsItWas) {
  Machine machine = ThisMachine();
  machine.peak_gflops = 50.5;
  machine.governor = "performance";
  machine.clock_mhz = 3400.125;
  machine.cpu_quota = 1.5;
  const JsonReader::Json json = MachineJson(machine);
  EXPECT_EQ(ReadMachine(JsonReader(json, "test")), machine);
  const JsonReader::Json old = {{"cpu", "a"},
                                {"instruction_set", "b"},
                                {"cpus", 2},
                                {"kinglet", "0.1.0"},
                                {"peak_gflops", 0}};
  EXPECT_EQ(ReadMachine(JsonReader(old, "test")), (Machine{"a", "b", 2, "0.1.0", 0}));
  const JsonReader::Json wrong = {{"cpu", 7}};
  EXPECT_THROW(ReadMachine(JsonReader(wrong, "test")), Error);
}

}  // namespace
}  // namespace kinglet::measure::load_test
