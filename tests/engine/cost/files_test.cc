#include "engine/cost/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "kernels/common/cpu_target.h"
#include "tests/support/op_runner.h"

namespace kinglet::files_test {
namespace {

using testing::Catch;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The cache folder is a fresh one.
class CostFilesTest : public ::testing::Test {
 protected:
  CostFilesTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("kinglet_cost_files_") + info->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    if (const char* before = std::getenv("XDG_CACHE_HOME")) before_ = before;
    setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
  }
  ~CostFilesTest() override {
    std::filesystem::remove_all(folder_);
    before_.empty() ? unsetenv("XDG_CACHE_HOME") : setenv("XDG_CACHE_HOME", before_.c_str(), 1);
  }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  static void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  static Calibration Figures() {
    Calibration c;
    c.threads = 3;
    c.peaks["float32"]["vector"] = 123.456;
    c.peaks["int8"] = {{"dot", 500}, {"of a later version", 1}};
    c.l3_bytes = 8e6;
    c.l2_gbps = 90;
    c.l3_gbps = 70;
    c.l3_all_gbps = 140;
    c.dram_gbps = 20;
    c.dram_all_gbps = 33;
    c.step_seconds = 0.25e-6;
    c.handover_seconds = 0.75e-6;
    c.share_of_peak = {{"tile", 0.75}, {"of a later version", 0.5}};
    c.more = {{"l1_latency_ns", 1.25}};
    c.spread = {{"l2_gbps", 0.02}, {"l3_gbps", 0}};
    c.marks = {{"l3_gbps", "unsteady: half of the turns lie 14 % apart"}};
    return c;
  }
  static ChoiceKey Key(std::int64_t size) {
    return {.family = "conv", .shape = {size}, .types = {kernels::ElementType::kFloat32}};
  }
  const TuningTable table_ = {{Key(1), {{"conv/a", {1e-3, 1}}, {"conv/b", {2e-3, 7}}}}};

 private:
  std::filesystem::path folder_;
  std::string before_;
};

TEST_F(CostFilesTest, NamesTellCpuAndTarget) {
  EXPECT_THAT(DefaultTuningFile(), ::testing::StartsWith(Path("kinglet/tuning-")));
  EXPECT_THAT(DefaultCalibrationFile(), ::testing::StartsWith(Path("kinglet/calibration-")));
  EXPECT_THAT(DefaultTuningFile(), HasSubstr(std::string(kernels::ActiveTarget())));
  EXPECT_FALSE(CpuName().empty());
}

TEST_F(CostFilesTest, CalibrationComesBackAndIsUsed) {
  SaveCalibration(Figures());
  const Calibration read = ReadCalibration(DefaultCalibrationFile());
  EXPECT_EQ(read.threads, 3);
  EXPECT_EQ(read.peaks, Figures().peaks);
  EXPECT_EQ(read.share_of_peak, Figures().share_of_peak);
  EXPECT_EQ(read.more, Figures().more);
  EXPECT_EQ(read.spread, Figures().spread);
  EXPECT_EQ(read.marks, Figures().marks);
  std::vector<std::string> notes;
  const CostModel cost = LoadCostModel({}, notes);
  using kernels::ElementType;
  using kernels::InstructionFamily;
  EXPECT_EQ(cost.machine.Peak(ElementType::kFloat32), 123.456);
  EXPECT_EQ(cost.machine.Peak(ElementType::kInt8, InstructionFamily::kDot), 500);
  // Not in the file: what is built in.
  EXPECT_EQ(cost.machine.Peak(ElementType::kBFloat16, InstructionFamily::kDot),
            kernels::DefaultMachineModel().Peak(ElementType::kBFloat16, InstructionFamily::kDot));
  EXPECT_EQ(cost.machine.l3_bytes, 8e6);
  EXPECT_EQ(cost.machine.dram_all_gbps, 33);
  EXPECT_EQ(cost.machine.step_seconds, 0.25e-6);
  EXPECT_EQ(cost.machine.handover_seconds, 0.75e-6);
  EXPECT_EQ(cost.machine.Share(kernels::WorkKind::kTile), 0.75);
  EXPECT_EQ(cost.machine.Share(kernels::WorkKind::kBlas),
            kernels::DefaultMachineModel().Share(kernels::WorkKind::kBlas));
  EXPECT_THAT(notes, IsEmpty());
  CostFiles off;
  off.use_cache = false;
  EXPECT_EQ(LoadCostModel(off, notes).machine.peaks, kernels::DefaultMachineModel().peaks);
}

TEST_F(CostFilesTest, TuningComesBackAndGrows) {
  AddToTuningFile(table_, "");
  EXPECT_EQ(ReadTuning(DefaultTuningFile()), table_);
  AddToTuningFile({{Key(2), {{"conv/c", {1.25e-3, 2}}}}, {Key(1), {{"conv/b", {3e-3}}}}}, "");
  const TuningTable expected = {{Key(1), {{"conv/b", {3e-3}}}},
                                {Key(2), {{"conv/c", {1.25e-3, 2}}}}};
  EXPECT_EQ(ReadTuning(DefaultTuningFile()), expected);
  std::vector<std::string> notes;
  EXPECT_EQ(*LoadCostModel({}, notes).tuning, expected);
  CostFiles off;
  off.use_cache = false;
  EXPECT_EQ(LoadCostModel(off, notes).tuning, nullptr);
  for (const auto& entry : std::filesystem::directory_iterator(Path("kinglet"))) {
    EXPECT_EQ(entry.path().extension(), ".json");  // no temporary file is left
  }
}

TEST_F(CostFilesTest, NothingInTheCacheIsNothingToSay) {
  std::vector<std::string> notes;
  EXPECT_EQ(LoadCostModel({}, notes).tuning, nullptr);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(CostFilesTest, WhatCannotBeUsedOfTheCacheIsNoted) {
  AddToTuningFile(table_, "");
  const std::string good = Read(DefaultTuningFile());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return at == text.npos ? text : text.replace(at, from.size(), to);
  };
  const std::vector<std::string> bad = {
      "",
      "{",
      "[]",
      "null",
      "\xff\xfe{}",
      std::string(100000, '['),
      R"({"kinglet": "calibration"})",
      good.substr(0, good.size() / 2),
      with("\"version\": \"", "\"version\": \"9."),
      with("\"cpu\": \"", "\"cpu\": \"another "),
      with("\"target\": \"", "\"target\": \"x"),
      with("\"format\": 2", "\"format\": 1"),
      with("\"format\": 2", "\"format\": 3"),
      with("threads=", "threads "),
      with("\"revision\": 7", "\"revision\": 0"),
      with("\"revision\": 7", "\"revised\": 7"),
      with("\"seconds\"", "\"minutes\""),
      with("\"choices\"", "\"chosen\""),
      with("threads=1", "threads=-1"),
      with("\"revision\": 7", "\"revision\": 1.5"),
      with("\"revision\": 7", "\"revision\": 1e308"),
      with("\"revision\": 7", "\"revision\": 18446744073709551615"),
      with("0.001", "1e308"),
      with("0.001", "1e-308"),
      with("0.001", "-0.001"),
      with("0.001", "0"),
      with("0.001", "1e999"),
      with("0.001", "\"fast\""),
  };
  CostFiles named;
  named.tuning = DefaultTuningFile();
  for (const std::string& text : bad) {
    Write(DefaultTuningFile(), text);
    std::vector<std::string> notes;
    EXPECT_EQ(LoadCostModel({}, notes).tuning, nullptr) << text;
    ASSERT_THAT(notes, SizeIs(1)) << text;
    EXPECT_THAT(notes[0], HasSubstr(DefaultTuningFile()));
    const auto thrown = Catch([&] { LoadCostModel(named, notes); });
    EXPECT_EQ(thrown.code, ErrorCode::kInvalidInput) << text;
  }
  AddToTuningFile(table_, "");  // replaces what cannot be used
  EXPECT_EQ(ReadTuning(DefaultTuningFile()), table_);
}

TEST_F(CostFilesTest, ACalibrationOfAnotherFormatIsNoted) {
  SaveCalibration(Figures());
  const std::string file = DefaultCalibrationFile();
  const std::string good = Read(file);
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\"format\": 3", "\"format\": 1"},
                                                        {"\"format\": 3", "\"format\": 4"},
                                                        {"\"format\": 3", "\"format\": 2.5"},
                                                        {"\"l1_latency_ns\": 1.25", "\"x\": []"},
                                                        {"\"spread\": {", "\"spread\": [{"},
                                                        {"\"unsteady: half", "7, \"x\": \""},
                                                        {"2.5e-07", "0"},
                                                        {"\"peaks\"", "\"peak_gflops\""},
                                                        {"\"vector\"", "\"scalar\""},
                                                        {"123.456", "-1"},
                                                        {"\"l2_gbps\": 90", "\"l2_gbps\": 1e-308"},
                                                        {"\"l2_gbps\": 90", "\"l2_gbps\": 1e300"},
                                                        {"\"threads\": 3", "\"threads\": 2.5"},
                                                        {"\"threads\": 3", "\"threads\": 65537"},
                                                        {"123.456", "\"fast\""},
                                                        {"\"share_of_peak\"", "\"shares\""}}) {
    std::string text = good;
    const std::size_t at = text.find(from);
    ASSERT_NE(at, text.npos) << from;
    Write(file, text.replace(at, from.size(), to));
    std::vector<std::string> notes;
    const CostModel cost = LoadCostModel({}, notes);
    EXPECT_EQ(cost.machine.peaks, kernels::DefaultMachineModel().peaks) << from;
    ASSERT_THAT(notes, SizeIs(1)) << from;
    EXPECT_THAT(notes[0], HasSubstr(file));
    CostFiles named;
    named.calibration = file;
    EXPECT_EQ(Catch([&] { LoadCostModel(named, notes); }).code, ErrorCode::kInvalidInput) << from;
  }
}

// Without what format 3 added: the built-in figures stay.
TEST_F(CostFilesTest, CalibrationsOfTheFormatBeforeAreRead) {
  SaveCalibration(Figures());
  std::string text = Read(DefaultCalibrationFile());
  const auto replace = [&](const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    ASSERT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
  };
  replace("\"format\": 3", "\"format\": 2");
  replace("\"step_seconds\"", "\"x\"");
  replace("\"handover_seconds\"", "\"y\"");
  for (const std::string name : {"more", "spread", "marks"}) replace('"' + name, "\"no " + name);
  Write(DefaultCalibrationFile(), text);
  std::vector<std::string> notes;
  const CostModel cost = LoadCostModel({}, notes);
  EXPECT_THAT(notes, IsEmpty());
  EXPECT_EQ(cost.machine.dram_all_gbps, 33);
  EXPECT_EQ(cost.machine.step_seconds, kernels::DefaultMachineModel().step_seconds);
}

TEST_F(CostFilesTest, FiguresThatWereDisturbedAreNoted) {
  Calibration c = Figures();
  c.marks["l2_gbps"] = "disturbed: other programs took 40 % of a CPU (9 of 12 turns)";
  SaveCalibration(c);
  std::vector<std::string> notes;
  EXPECT_EQ(LoadCostModel({}, notes).machine.l2_gbps, 90);
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_THAT(notes[0], ::testing::AllOf(HasSubstr(DefaultCalibrationFile()),
                                         HasSubstr("1 figures were measured while")));
}

TEST_F(CostFilesTest, MessagesTellTheNumberThatIsWrong) {
  Calibration slow = Figures();
  slow.l2_gbps = 1e-300;
  SaveCalibration(slow, Path("slow.json"));
  EXPECT_THAT(Catch([&] { ReadCalibration(Path("slow.json")); }).message,
              HasSubstr("'l2_gbps' is 1e-300, expected a number from 1e-12 to 1e"));
  AddToTuningFile({{Key(1), {{"conv/a", {1e-3, 0}}}}}, Path("revision.json"));
  EXPECT_THAT(Catch([&] { ReadTuning(Path("revision.json")); }).message,
              HasSubstr("'revision' is 0, expected a whole number from 1 to "));
}

// Long ones are cut, and what would draw over the terminal is written out.
TEST_F(CostFilesTest, MessagesShowNamesOnOneShortLine) {
  const std::string odd = "a\nb\x1b[2J\x7f" + std::string(1000, 'x');
  Calibration c = Figures();
  c.share_of_peak[odd] = -1;
  SaveCalibration(c, Path("odd.json"));
  AddToTuningFile(table_, Path("tuning.json"));
  std::string tuning = Read(Path("tuning.json"));
  const std::size_t at = tuning.find("\"conv 1");
  ASSERT_NE(at, tuning.npos);
  Write(Path("tuning.json"),
        tuning.insert(at + 1, "a\\nb\\u001b[2J" + std::string(1000, 'x') + ' '));
  for (const std::string& message : {Catch([&] { ReadCalibration(Path("odd.json")); }).message,
                                     Catch([&] { ReadTuning(Path("tuning.json")); }).message}) {
    EXPECT_THAT(message, HasSubstr("'a\\nb\\u001b[2J"));
    EXPECT_THAT(message, HasSubstr("xxx'..."));
    EXPECT_LT(message.size(), Path("tuning.json").size() + 200);
    for (const char byte : message) EXPECT_TRUE(byte >= ' ' && byte < '\x7f') << message;
  }
}

TEST_F(CostFilesTest, ListsWithoutEndInTheHeadingAreNotTold) {
  constexpr std::size_t kDepth = 1'000'000;
  Write(Path("deep.json"), R"({"kinglet": "tuning", "format": )" + std::string(kDepth, '[') +
                               std::string(kDepth, ']') + "}");
  EXPECT_THAT(Catch([&] { ReadTuning(Path("deep.json")); }).message,
              HasSubstr("is for format a list, expected 2"));
}

TEST_F(CostFilesTest, NamedFilesMustBeUsable) {
  std::vector<std::string> notes;
  CostFiles missing;
  missing.calibration = Path("none");
  EXPECT_EQ(Catch([&] { LoadCostModel(missing, notes); }).code, ErrorCode::kIo);
  CostFiles folder;
  folder.tuning = Path("");
  EXPECT_EQ(Catch([&] { LoadCostModel(folder, notes); }).code, ErrorCode::kIo);
  Write(Path("mine.json"), "{\"notes\": 1}");
  EXPECT_EQ(Catch([&] { AddToTuningFile(table_, Path("mine.json")); }).code,
            ErrorCode::kInvalidInput);
  EXPECT_EQ(Read(Path("mine.json")), "{\"notes\": 1}");
  EXPECT_EQ(Catch([&] { SaveCalibration(Figures(), Path("mine.json/x.json")); }).code,
            ErrorCode::kIo);
}

TEST_F(CostFilesTest, WithoutAFolderThereIsNoCache) {
  setenv("XDG_CACHE_HOME", "relative/paths/do/not/count", 1);
  const char* home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  unsetenv("HOME");
  EXPECT_EQ(DefaultTuningFile(), "");
  std::vector<std::string> notes;
  EXPECT_EQ(LoadCostModel({}, notes).tuning, nullptr);
  EXPECT_EQ(Catch([&] { AddToTuningFile(table_, ""); }).code, ErrorCode::kIo);
  if (!before.empty()) setenv("HOME", before.c_str(), 1);
}

}  // namespace
}  // namespace kinglet::files_test
