// kinglet quantize and kinglet check, as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/apps/command.h"

namespace kinglet::testing::quantize_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string DemoPictures() { return SourcePath("models/demo/images").string(); }

CommandResult Quantize(std::vector<std::string> more, const std::string& output) {
  std::vector<std::string> arguments = {"quantize",     "demo",      "--calibrate",
                                        DemoPictures(), "--output",  output,
                                        "--no-cache",   "--threads", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Kinglet(arguments);
}

TEST(QuantizeTest, WritesAModelThatRunsInIntegers) {
  const TemporaryFolder folder;
  const std::string file = folder.Path("demo_int8.onnx");
  const CommandResult made = Quantize({"--json", "--report", folder.Path("report.json")}, file);
  ASSERT_EQ(made.status, 0) << made.err;
  const nlohmann::json report = made.OutJson();
  EXPECT_EQ(report["file"], file);
  EXPECT_EQ(report["within_budget"], true);
  EXPECT_EQ(report["agreement"]["kind"], "classes");
  EXPECT_GT(report["layers"].size(), 20u);
  EXPECT_EQ(nlohmann::json::parse(ReadText(folder.Path("report.json"))), report);
  const CommandResult kernels =
      Kinglet({"info", file, "--kernels", "--no-cache", "--precision", "int8"});
  EXPECT_EQ(kernels.status, 0) << kernels.err;
  EXPECT_THAT(kernels.out, HasSubstr("_u8"));
}

TEST(QuantizeTest, TablesNameTheNoisiestLayers) {
  const TemporaryFolder folder;
  const CommandResult made = Quantize({}, folder.Path("q.onnx"));
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out,
              AllOf(HasSubstr("signal to noise"), HasSubstr("is written"), HasSubstr("held out")));
}

TEST(QuantizeTest, MistakesAreOneErrorAndNoFile) {
  const TemporaryFolder folder;
  const std::string file = folder.Path("q.onnx");
  const std::string picture = (std::filesystem::path(DemoPictures()) / "cup.jpg").string();
  struct Case {
    std::vector<std::string> arguments;
    int status;
    const char* says;
  };
  const Case cases[] = {
      {{"demo", "--calibrate", picture}, 2, "at least two pictures"},
      {{"demo", "--calibrate", folder.Path("none")}, 1, "none"},
      {{"demo", "--calibrate", picture, "--budget", "half"}, 2, "--budget"},
      {{"demo", "--calibrate", picture, "--budget", "120%"}, 2, "--budget"},
      {{"demo", "--calibrate", picture, "--range", "best"}, 2, "--range"},
      {{folder.Path("missing.onnx"), "--calibrate", picture}, 4, "missing.onnx"},
      {{"demo"}, 2, "--calibrate"},
  };
  for (const Case& each : cases) {
    std::vector<std::string> arguments = {"quantize", "--output", file, "--no-cache"};
    arguments.insert(arguments.end(), each.arguments.begin(), each.arguments.end());
    const CommandResult result = Kinglet(arguments);
    EXPECT_EQ(result.status, each.status) << result.err;
    EXPECT_THAT(result.err, HasSubstr(each.says));
    EXPECT_EQ(result.out, "");
    EXPECT_FALSE(std::filesystem::exists(file));
  }
  const std::string model = folder.Copy(SourcePath("models/demo/demo.onnx"), "demo.onnx");
  const CommandResult same = Kinglet({"quantize", model, "--descriptor", "demo", "--calibrate",
                                      DemoPictures(), "--output", model});
  EXPECT_EQ(same.status, 2) << same.err;
  EXPECT_EQ(ReadText(model), ReadText(SourcePath("models/demo/demo.onnx")));
  const CommandResult nowhere = Quantize({}, folder.Path("no/such/folder/q.onnx"));
  EXPECT_EQ(nowhere.status, 4) << nowhere.err;
}

TEST(CheckTest, TellsWhatAutoTakes) {
  const TemporaryFolder folder;
  const std::string verdicts = folder.Path("verdicts.json");
  const CommandResult checked = Kinglet({"check", "demo", "--pictures", DemoPictures(), "--json",
                                         "--output", verdicts, "--no-cache", "--threads", "1"});
  ASSERT_EQ(checked.status, 0) << checked.err;
  const nlohmann::json report = checked.OutJson();
  ASSERT_THAT(report["precisions"], SizeIs(2));  // the demo is in float32
  EXPECT_EQ(report["precisions"][0]["precision"], "f32");
  EXPECT_EQ(report["precisions"][1]["precision"], "bf16");
  EXPECT_EQ(report["file"], verdicts);
  const CommandResult bench =
      Kinglet({"bench", "demo", "--precision", "auto", "--verdicts", verdicts, "--no-cache",
               "--repeat", "3", "--threads", "1", "--json"});
  ASSERT_EQ(bench.status, 0) << bench.err;
  EXPECT_EQ(bench.OutJson()["precision"], report["auto"]);
  const CommandResult forced =
      Kinglet({"bench", "demo", "--precision", "bf16", "--verdicts", verdicts, "--no-cache",
               "--repeat", "3", "--threads", "1", "--json"});
  ASSERT_EQ(forced.status, 0) << forced.err;
  EXPECT_EQ(forced.OutJson()["agreement"], report["precisions"][1]["agreement"]["share"]);
}

TEST(CheckTest, WithoutACheckAutoSaysSo) {
  const TemporaryFolder folder;
  const CommandResult result =
      Kinglet({"classify", "--precision", "auto", "--no-cache", "--threads", "1",
               (std::filesystem::path(DemoPictures()) / "cup.jpg").string()});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.err, HasSubstr("no check of this network"));
}

}  // namespace
}  // namespace kinglet::testing::quantize_test
