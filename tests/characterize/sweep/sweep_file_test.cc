#include "characterize/sweep/sweep_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "kinglet/error.h"

namespace kinglet::characterize::sweep_file_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class SweepFileTest : public ::testing::Test {
 protected:
  SweepFileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kinglet-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~SweepFileTest() override { std::filesystem::remove_all(folder_); }

  std::string Text() const {
    std::ifstream file(folder_ + "/sweep.jsonl", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& text) const {
    std::ofstream(folder_ + "/sweep.jsonl", std::ios::binary) << text;
  }
  std::string Problem(const SweepHeader& header) const {
    try {
      SweepFile(folder_, header, false);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  std::string ReadProblem() const {
    try {
      ReadSweep(folder_);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::string folder_;
};

SweepKey Key(int batch) {
  SweepKey key;
  key.network = "a, \"net\".onnx";
  key.precision = "bf16";
  key.batch = batch;
  key.threads = 2;
  key.instances = 3;
  key.kind = InstanceKind::kProcesses;
  key.rate = 2.5;
  return key;
}

SweepHeader Header() {
  SweepHeader header;
  header.options = {{"--batch", "1,2"}, {"--rate", "2.5"}};
  header.keys = {Key(1), Key(2)};
  header.machine.cpu = "A CPU";
  header.machine.kinglet = "0.1.0";
  return header;
}

TurnRecord Turn(int batch, double ms) {
  TurnRecord turn;
  turn.key = Key(batch);
  turn.host_share = 0.97;
  turn.host_gflops = {48.5, 50.25};
  turn.host_mhz = 3100;
  turn.result.batch = batch;
  turn.result.precision = "bf16";
  turn.result.latencies_ms = {ms, ms + 1};
  turn.result.runs = 2;
  turn.result.images_per_s = 1e3 / ms;
  turn.result.window_s = 1;
  turn.result.load = {{0.5, 0.25}, 0.01, 0.02};
  turn.result.usage = {0.5, 12, 3};
  turn.result.peak_rss_mb = 40.5;
  turn.result.kernels = {{"conv1", "conv/direct_f32"}};
  return turn;
}

TEST_F(SweepFileTest, WhatWasKeptIsReadAgain) {
  {
    SweepFile file(folder_, Header(), false);
    file.Add(Turn(1, 10));
    file.Add(Turn(2, 20));
    TurnRecord disturbed = Turn(1, 30);
    disturbed.disturbed = "other programs took 0.50 of a CPU";
    disturbed.result.load.others = 0.5;
    file.Add(disturbed);
    TurnRecord failed;
    failed.key = Key(2);
    failed.failed = "ended by signal 9";
    file.Add(failed);
  }
  const Sweep sweep = ReadSweepFile(folder_);
  EXPECT_EQ(sweep.header.keys, Header().keys);
  EXPECT_EQ(sweep.header.options, Header().options);
  EXPECT_EQ(sweep.header.trust, Trust());
  EXPECT_EQ(sweep.header.machine, Header().machine);
  ASSERT_THAT(sweep.turns, SizeIs(4));
  EXPECT_EQ(sweep.turns[2].disturbed, "other programs took 0.50 of a CPU");
  EXPECT_EQ(sweep.turns[3].failed, "ended by signal 9");
  EXPECT_EQ(sweep.turns[0].host_gflops, (std::vector<double>{48.5, 50.25}));
  const std::vector<SweepPoint> points = ReadSweep(folder_);
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_EQ(points[0].key, Key(1));
  EXPECT_EQ(points[0].turns, 1u);
  EXPECT_EQ(points[0].latency.p50_ms, 10.5);
  EXPECT_EQ(points[0].core_utilisation, (std::vector<double>{0.5, 0.25}));
  EXPECT_EQ(points[0].kernels, (std::vector<LayerKernel>{{"conv1", "conv/direct_f32"}}));
  EXPECT_EQ(points[1].mark, "ended by signal 9");
}

TEST_F(SweepFileTest, ASweepGoesOnWhereItsLastLineWasCut) {
  {
    SweepFile file(folder_, Header(), false);
    file.Add(Turn(1, 10));
    file.Add(Turn(2, 20));
  }
  const std::string whole = Text();
  Write(whole.substr(0, whole.size() - 30));
  EXPECT_THAT(ReadSweepFile(folder_).turns, SizeIs(1));
  {
    SweepFile file(folder_, Header(), false);
    EXPECT_THAT(file.sweep().turns, SizeIs(1));
    file.Add(Turn(2, 20));
  }
  EXPECT_EQ(Text(), whole);
  // Not even the header was written.
  Write("{\"sweep\":");
  EXPECT_THAT(ReadProblem(), HasSubstr("no line that is whole"));
  { SweepFile file(folder_, Header(), false); }
  EXPECT_EQ(Text(), whole.substr(0, whole.find('\n') + 1));
}

TEST_F(SweepFileTest, AnotherSweepIsLeftAlone) {
  {
    SweepFile file(folder_, Header(), false);
    file.Add(Turn(1, 10));
  }
  const std::string whole = Text();
  SweepHeader other = Header();
  other.options[0].second = "1..34";
  EXPECT_THAT(Problem(other), AllOf(HasSubstr("--batch 1,2 there, 1..34 now"),
                                    HasSubstr("--restart"), HasSubstr(folder_)));
  other = Header();
  other.options.emplace_back("--seed", "7");
  EXPECT_THAT(Problem(other), HasSubstr("--seed not given there, 7 now"));
  other = Header();
  other.machine.cpu = "Another CPU";
  EXPECT_THAT(Problem(other), HasSubstr("the CPU is A CPU there, Another CPU now"));
  other = Header();
  other.keys.pop_back();
  EXPECT_THAT(Problem(other), HasSubstr("its points differ"));
  other = Header();
  other.trust.interval = 0.5;
  EXPECT_THAT(Problem(other), HasSubstr("trusted"));
  EXPECT_EQ(Text(), whole);
  SweepFile file(folder_, other, true);
  EXPECT_THAT(file.sweep().turns, SizeIs(0));
  EXPECT_THAT(ReadSweepFile(folder_).turns, SizeIs(0));
}

TEST_F(SweepFileTest, OneSweepAtATime) {
  SweepFile file(folder_, Header(), false);
  EXPECT_THAT(Problem(Header()), HasSubstr("another program"));
}

TEST_F(SweepFileTest, WhatIsMalformedIsNamedByItsLine) {
  {
    SweepFile file(folder_, Header(), false);
    file.Add(Turn(1, 10));
  }
  const std::string whole = Text();
  const std::string header = whole.substr(0, whole.find('\n') + 1);
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    const std::size_t at = text.rfind(from);
    EXPECT_NE(at, text.npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::pair<std::string, const char*>> wrong = {
      {header + "no JSON\n", "line 2"},
      {header + "[]\n", "line 2"},
      {header + "{}\n", "'point'"},
      {replaced("\"latencies_ms\":[10.0", "\"latencies_ms\":[-1"), "'latencies_ms'"},
      {replaced("\"latencies_ms\":[10.0", "\"latencies_ms\":[1e999"), "line 2"},
      {replaced("\"batch\":1", "\"batch\":0"), "'batch'"},
      {replaced("\"as\":\"processes\"", "\"as\":\"fibres\""), "threads or processes"},
      {replaced("[\"conv1\",", "["), "'kernels'"},
      {"{\"format\":2}\n", "format 2"},
      {"{\"format\":1}\n", "'sweep'"},
      {"\n", "line 1"}};
  for (const auto& [text, part] : wrong) {
    Write(text);
    EXPECT_THAT(ReadProblem(), HasSubstr(part)) << text;
  }
  Write("");
  EXPECT_THAT(ReadProblem(), HasSubstr("no line"));
  std::filesystem::remove(folder_ + "/sweep.jsonl");
  EXPECT_THAT(ReadProblem(), HasSubstr("no sweep in this folder"));
}

TEST_F(SweepFileTest, AFolderThatCannotBeIsAnError) {
  std::ofstream(folder_ + "/file") << "text";
  try {
    SweepFile(folder_ + "/file/folder", Header(), false);
    FAIL() << "made";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
  }
}

TEST_F(SweepFileTest, EachPointIsALineOfValues) {
  SweepFile file(folder_, Header(), false);
  file.Add(Turn(1, 10));
  const std::string csv = SweepCsv(file.sweep().Points());
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 2);
  EXPECT_THAT(csv, ::testing::StartsWith("network,precision,batch,threads,instances,as,rate,runs"));
  EXPECT_THAT(csv, HasSubstr("\n\"a, \"\"net\"\".onnx\",bf16,1,2,3,processes,2.5,2,1,"));
  EXPECT_THAT(csv, HasSubstr("0.5;0.25"));
}

}  // namespace
}  // namespace kinglet::characterize::sweep_file_test
