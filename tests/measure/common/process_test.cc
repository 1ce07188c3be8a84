#include "measure/common/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "kinglet/error.h"
#include "measure/common/machine.h"
#include "measure/network/point.h"

namespace kinglet::measure::process_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

ProcessResult Shell(const std::string& script) {
  return RunProcess("/bin/sh", "sh", {"-c", script});
}

TEST(ProcessTest, OutputAndStatus) {
  const ProcessResult result = Shell("echo one; echo two >&2; echo; exit 3");
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.output, "one\ntwo\n\n");
  EXPECT_EQ(LastLine(result), "two");
  EXPECT_EQ(LastLine(ProcessResult{}), "");
  EXPECT_EQ(DescribeEnd(result), "the process ended with status 3");
}

TEST(ProcessTest, WhoDiesIsReportedWithItsSignal) {
  const ProcessResult killed = Shell("kill -KILL $$");
  EXPECT_EQ(killed.signal, SIGKILL);
  EXPECT_THAT(DescribeEnd(killed), AllOf(HasSubstr("signal 9"), HasSubstr("memory runs out")));
  const ProcessResult broken = Shell("echo half a; kill -SEGV $$");
  EXPECT_EQ(broken.signal, SIGSEGV);
  EXPECT_THAT(DescribeEnd(broken), AllOf(HasSubstr("signal 11"), HasSubstr("Segmentation")));
}

TEST(ProcessTest, WhatCannotBeStartedIsAnError) {
  try {
    RunProcess("/no/such/program", "none", {});
    FAIL() << "started";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("cannot be started"));
  }
}

TEST(ProcessTest, AChildTalksByLines) {
  Child child("/bin/sh", "sh", {"-c", "echo ready; read word; echo got $word; echo last"});
  std::string line;
  ASSERT_TRUE(child.ReadLine(line));
  EXPECT_EQ(line, "ready");
  child.Write("seven\n");
  ASSERT_TRUE(child.ReadLine(line));
  EXPECT_EQ(line, "got seven");
  const ProcessResult result = child.Wait();
  EXPECT_EQ(result.output, "last\n");
  EXPECT_EQ(result.status, 0);
}

TEST(ProcessTest, AChildThatSaysNothingMoreHasNoLine) {
  Child child("/bin/sh", "sh", {"-c", "echo half | tr -d '\\n'; kill -TERM $$"});
  std::string line;
  EXPECT_FALSE(child.ReadLine(line));
  const ProcessResult result = child.Wait();
  EXPECT_EQ(result.output, "half");
  EXPECT_EQ(result.signal, SIGTERM);
}

TEST(ProcessTest, TheSameProgramRunsAgain) {
  const ProcessResult result = RunOwnProcess("again", {"--gtest_list_tests"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.output, HasSubstr("TheSameProgramRunsAgain"));
}

// What this program prints is no record, and "--help" ends well.
TEST(ProcessTest, AProcessWithoutARecordIsOneError) {
  Point point;
  point.network = "net.onnx";
  point.batch = 8;
  try {
    TimeInOwnProcess(point, "again", {"--gtest_list_tests"});
    FAIL() << "measured";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("net.onnx, batch 8, threads 1"), HasSubstr("expected the record")));
  }
}

TEST(MachineTest, KnowsItself) {
  const Machine machine = ThisMachine();
  EXPECT_FALSE(machine.cpu.empty());
  EXPECT_FALSE(machine.instruction_set.empty());
  EXPECT_FALSE(machine.kinglet.empty());
  EXPECT_GE(machine.cpus, 1);
  EXPECT_THAT(machine.kernel, HasSubstr("Linux"));
  EXPECT_FALSE(machine.compiler.empty());
}

// The peak is this process's: memory that was given back counts.
TEST(MachineTest, PeakMemoryRemembersWhatWasTaken) {
  const double before = PeakRssMib();
  EXPECT_GT(before, 1);
  constexpr std::size_t kMore = std::size_t{64} << 20;
  { std::vector<char> taken(static_cast<std::size_t>(before * 1048576) + kMore, 1); }
  EXPECT_GT(PeakRssMib(), before + 60);
}

}  // namespace
}  // namespace kinglet::measure::process_test
