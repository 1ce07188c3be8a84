// kinglet generate, predict, measure, dataset and fit, as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/apps/command.h"
#include "tests/support/sanitized.h"

namespace kinglet::testing::foresight_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kUsageStatus = 2;
constexpr int kIoStatus = 4;

TEST(GenerateCommandTest, WritesNetworksThatEveryCommandTakes) {
  const TemporaryFolder folder;
  const CommandResult made =
      Kinglet({"generate", "--space", "nasbench101", "--count", "2", "--seed", "3", "--width", "16",
               "-o", folder.Path("cells"), "--json"});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string name = made.OutJson()["networks"][1];
  const std::string file = folder.Path("cells/" + name + ".json");
  EXPECT_EQ(Kinglet({"info", file}).status, 0);
  const std::string onnx = folder.Path("cell.onnx");
  EXPECT_EQ(Kinglet({"export", file, "-o", onnx}).status, 0);
  const auto from_file = Kinglet({"predict", onnx, "--threads", "1", "--no-cache", "--json"});
  const auto from_descriptor = Kinglet({"predict", file, "--threads", "1", "--no-cache", "--json"});
  ASSERT_EQ(from_file.status, 0) << from_file.err;
  EXPECT_EQ(from_file.OutJson()["points"][0]["ms"], from_descriptor.OutJson()["points"][0]["ms"]);
}

TEST(GenerateCommandTest, MistakesAreNamed) {
  const TemporaryFolder folder;
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "generate");
    return Kinglet(arguments);
  };
  EXPECT_EQ(run({"--space", "ssd"}).status, kUsageStatus);
  EXPECT_THAT(run({"--space", "nets", "-o", folder.Path("x")}).err, HasSubstr("inception, layers"));
  EXPECT_THAT(run({"--space", "ssd", "--count", "0", "-o", folder.Path("x")}).err,
              HasSubstr("--count"));
  folder.Write("file", "");
  EXPECT_EQ(run({"--space", "ssd", "-o", folder.Path("file")}).status, kIoStatus);
}

TEST(PredictCommandTest, SaysTimesMemoryAndTheBestPoint) {
  const CommandResult result =
      Kinglet({"predict", "squeezenet", "--batch", "1,4", "--threads", "1", "--instances", "1,2",
               "--latency", "10s", "--memory", "1GB", "--layers", "--no-cache", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = result.OutJson();
  ASSERT_EQ(json["points"].size(), 4u);
  for (const auto& point : json["points"]) {
    EXPECT_LT(point["low_ms"], point["ms"]);
    EXPECT_LT(point["ms"], point["high_ms"]);
    EXPECT_TRUE(point["holds_latency"]);
    EXPECT_GT(point["memory"]["resident_bytes"], point["memory"]["session_bytes"]);
    EXPECT_GT(point["layers"].size(), 20u);
  }
  EXPECT_EQ(json["best"]["instances"], 2);
  const CommandResult none =
      Kinglet({"predict", "squeezenet", "--latency", "1us", "--no-cache", "--json"});
  EXPECT_TRUE(none.OutJson()["best"].is_null());
  EXPECT_GE(none.OutJson()["points"].size(), 6u);  // nothing was said of what to search
}

TEST(PredictCommandTest, TextIsForPeople) {
  const CommandResult result =
      Kinglet({"predict", "ssd_mobilenet_v1", "--threads", "1", "--latency", "20s", "--physical",
               "--layers", "--no-cache"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("80 % between"), HasSubstr("around it ms"),
                                HasSubstr("the physical part alone"), HasSubstr("best: batch 1"),
                                HasSubstr("conv/")));
}

// By the built-in predictor, without one, and by one that was learned elsewhere or here.
TEST(PredictCommandTest, InfoSaysTheSameTimes) {
  const std::string learned = SourcePath("characterize/predict/builtin/avx2.json").string();
  for (const std::vector<std::string>& predictor :
       std::vector<std::vector<std::string>>{{}, {"--physical"}, {"--predictor", learned}}) {
    for (const char* network : {"squeezenet", "demo_int8", "ssd_mobilenet_v1"}) {
      const auto json = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin() + 1, {network, "--batch", "1,3", "--threads", "1,2",
                                                 "--no-cache", "--quiet", "--json"});
        arguments.insert(arguments.end(), predictor.begin(), predictor.end());
        return Kinglet(arguments).OutJson();
      };
      const auto info = json({"info", "--kernels"});
      const auto predict = json({"predict", "--layers"});
      EXPECT_EQ(info.at("trust"), predict.at("trust"));
      ASSERT_EQ(info.at("points").size(), predict.at("points").size());
      for (std::size_t p = 0; p < info.at("points").size(); ++p) {
        const auto& here = info.at("points").at(p);
        const auto& there = predict.at("points").at(p);
        EXPECT_EQ(here.at("batch"), there.at("batch"));
        EXPECT_EQ(here.at("threads"), there.at("threads"));
        EXPECT_EQ(here.at("predicted_ms"), there.at("ms")) << network;
        EXPECT_EQ(here.at("low_ms"), there.at("low_ms"));
        EXPECT_EQ(here.at("high_ms"), there.at("high_ms"));
        ASSERT_EQ(here.at("kernels").size(), there.at("layers").size());
        for (std::size_t k = 0; k < here.at("kernels").size(); ++k) {
          EXPECT_EQ(here.at("kernels").at(k).at("predicted_us"), there.at("layers").at(k).at("us"));
          EXPECT_EQ(here.at("kernels").at(k).at("known"), there.at("layers").at(k).at("known"));
        }
      }
    }
  }
}

TEST(PredictCommandTest, InfoSaysWhatItsTimesAreMadeOf) {
  const std::string learned = SourcePath("characterize/predict/builtin/avx2.json").string();
  EXPECT_THAT(Kinglet({"info", "demo", "--physical"}).out,
              AllOf(HasSubstr("80 % between"), HasSubstr("the physical part alone")));
  EXPECT_THAT(Kinglet({"info", "demo", "--predictor", learned, "--batch", "1,2"}).out,
              HasSubstr("learned"));
  const auto physical = Kinglet({"info", "demo", "--physical", "--json", "--no-cache"}).OutJson();
  const auto corrected =
      Kinglet({"info", "demo", "--predictor", learned, "--json", "--no-cache"}).OutJson();
  EXPECT_NE(corrected.at("predicted_ms"), physical.at("predicted_ms"));
  EXPECT_GT(corrected.at("known_share"), 0.5);
}

// What the process of one point takes, measured by the system.
TEST(PredictCommandTest, ResidentMemoryIsWhatAProcessTakes) {
  if (kSanitized) GTEST_SKIP() << "the sanitizer takes memory of its own";
  for (const auto& [network, batch] : std::vector<std::pair<std::string, std::string>>{
           {"mobilenet_v1", "1"}, {"squeezenet", "8"}, {"inception_v2", "4"}}) {
    const auto foreseen =
        Kinglet({"predict", network, "--batch", batch, "--threads", "1", "--no-cache", "--json"});
    const auto measured = Kinglet(
        {"bench", network, "--batch", batch, "--threads", "1", "-r", "1", "--no-cache", "--json"});
    ASSERT_EQ(measured.status, 0) << measured.err;
    // Systems keep more or less of the program from one process to the next.
    const auto memory = foreseen.OutJson()["points"][0]["memory"];
    const double expected =
        (memory["resident_bytes"].get<double>() - memory["program_bytes"].get<double>()) /
        1048576.0;
    const double found = measured.OutJson()["peak_rss_mb"].get<double>() -
                         measured.OutJson()["file_rss_mb"].get<double>();
    EXPECT_NEAR(expected, found, 0.03 * found + 2) << network;
  }
}

TEST(PredictCommandTest, MistakesAreNamed) {
  const TemporaryFolder folder;
  const auto error = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"predict", "squeezenet", "--no-cache"});
    const CommandResult result = Kinglet(more);
    EXPECT_NE(result.status, 0);
    return result.err;
  };
  EXPECT_THAT(error({"--latency", "fast"}), HasSubstr("--latency: expected a time like 50ms"));
  EXPECT_THAT(error({"--latency", "-5ms"}), HasSubstr("--latency"));
  EXPECT_THAT(error({"--memory", "5"}), HasSubstr("--memory: expected a size like 500MB"));
  EXPECT_THAT(error({"--instances", "0"}), HasSubstr("--instances"));
  EXPECT_THAT(error({"--predictor", folder.Path("none.json")}), HasSubstr("none.json"));
  const std::string broken = folder.Write("broken.json", "{\"kinglet\": \"predictor\"");
  EXPECT_THAT(error({"--predictor", broken}), HasSubstr("is no predictor file"));
  EXPECT_THAT(error({"--machine", broken}), HasSubstr("is no calibration file"));
}

TEST(MeasureCommandTest, ResumesAndSaysWhyANetworkFailed) {
  const TemporaryFolder folder;
  const std::string file = folder.Path("times.csv");
  folder.Write("broken.onnx", "no model");
  const std::vector<std::string> arguments = {"measure",    "demo",      folder.Path("broken.onnx"),
                                              "--batch",    "1,2",       "--threads",
                                              "1",          "--seconds", "0.05",
                                              "--no-cache", "-o",        file,
                                              "--json"};
  const CommandResult first = Kinglet(arguments);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.OutJson()["measured"], 1);
  EXPECT_EQ(first.OutJson()["failed"], 1);
  EXPECT_THAT(first.err, HasSubstr("broken: not measured"));
  const std::string whole = ReadText(file);
  EXPECT_EQ(Kinglet(arguments).OutJson()["there_before"], 2);
  EXPECT_EQ(ReadText(file), whole);
  // As a kill leaves it: the last rows are part of a network.
  std::ofstream(file) << whole.substr(0, whole.rfind("failed,")) << "layer,other,oth";
  const CommandResult again = Kinglet(arguments);
  EXPECT_EQ(again.OutJson()["failed"], 1);
  EXPECT_EQ(again.OutJson()["measured"], 0);
  const auto info = Kinglet({"dataset", "info", file, "--json"}).OutJson();
  EXPECT_EQ(info["networks"], 1);
  EXPECT_EQ(info["failed"], 1);
  EXPECT_EQ(info["points"], 2);
  EXPECT_EQ(info["families"]["demo"], 1);
}

TEST(MeasureCommandTest, TimeLimitsAndShards) {
  const TemporaryFolder folder;
  const std::string file = folder.Path("times.csv");
  ASSERT_EQ(
      Kinglet({"generate", "--space", "layers", "--count", "3", "-o", folder.Path("nets")}).status,
      0);
  const auto shard = [&](const char* which) {
    return Kinglet({"measure", folder.Path("nets"), "--shard", which, "--batch", "1", "--threads",
                    "1", "--seconds", "0.02", "--no-cache", "-o", file, "--json"});
  };
  EXPECT_EQ(shard("1/2").OutJson()["measured"], 2);
  EXPECT_EQ(shard("2/2").OutJson()["measured"], 1);
  EXPECT_EQ(shard("2/2").OutJson()["measured"], 0);
  EXPECT_THAT(shard("3/2").err, HasSubstr("--shard: expected I/N"));
  const CommandResult late =
      Kinglet({"measure", "demo", "--batch", "1", "--threads", "1", "--seconds", "60",
               "--time-limit", "1", "--no-cache", "-o", folder.Path("late.csv")});
  EXPECT_THAT(late.err, HasSubstr("took longer than 1 s"));
  EXPECT_EQ(late.status, 1);
}

TEST(DatasetCommandTest, MergesAndSplits) {
  const TemporaryFolder folder;
  for (const char* name : {"demo", "demo_int8"}) {
    ASSERT_EQ(Kinglet({"measure", name, "--batch", "1", "--threads", "1", "--seconds", "0.02",
                       "--no-cache", "-o", folder.Path(std::string(name) + ".csv")})
                  .status,
              0);
  }
  const std::string all = folder.Path("all.csv");
  ASSERT_EQ(Kinglet({"dataset", "merge", folder.Path("demo.csv"), folder.Path("demo_int8.csv"),
                     "-o", all})
                .status,
            0);
  EXPECT_EQ(Kinglet({"dataset", "info", all, "--json"}).OutJson()["networks"], 2);
  ASSERT_EQ(Kinglet({"dataset", "split", all, "--share", "1", "-o", folder.Path("a.csv"), "-o",
                     folder.Path("b.csv")})
                .status,
            0);
  EXPECT_EQ(Kinglet({"dataset", "info", folder.Path("b.csv"), "--json"}).OutJson()["networks"], 2);
  EXPECT_EQ(Kinglet({"dataset", "merge", all, "-o", all}).status, kUsageStatus);
  EXPECT_EQ(Kinglet({"dataset", "split", all, "-o", folder.Path("a.csv")}).status, kUsageStatus);
  EXPECT_EQ(Kinglet({"dataset", "info", folder.Path("none.csv")}).status, kIoStatus);
  const CommandResult few = Kinglet({"fit", all, "-o", folder.Path("predictor.json")});
  EXPECT_NE(few.status, 0);
  EXPECT_THAT(few.err, ::testing::AnyOf(HasSubstr("expected 10 or more"), HasSubstr("XGBoost")));
  EXPECT_FALSE(std::filesystem::exists(folder.Path("predictor.json")));
}

TEST(ScoreCommandTest, SaysHowWellAPredictorDoes) {
  const TemporaryFolder folder;
  const std::string times = folder.Path("times.csv");
  ASSERT_EQ(Kinglet({"measure", "demo", "--batch", "1", "--threads", "1", "--seconds", "0.02",
                     "--no-cache", "-o", times})
                .status,
            0);
  const CommandResult none = Kinglet({"score", times, "--predictor", folder.Path("none.json")});
  EXPECT_EQ(none.status, kIoStatus);
  EXPECT_THAT(none.err, HasSubstr("none.json"));
  EXPECT_THAT(Kinglet({"score", folder.Path("none.csv")}).err, HasSubstr("none.csv"));
  const CommandResult empty = Kinglet({"score", folder.Write("empty.csv", "")});
  EXPECT_EQ(empty.status, kUsageStatus);
  EXPECT_THAT(empty.err, HasSubstr("empty.csv: is empty"));
  EXPECT_THAT(empty.err, ::testing::Not(HasSubstr("schema")));
  const std::string broken = folder.Write("broken.json", "{}");
  EXPECT_THAT(Kinglet({"score", times, "--predictor", broken}).err,
              HasSubstr("is no predictor file"));
  EXPECT_EQ(Kinglet({"score"}).status, kUsageStatus);
}

}  // namespace
}  // namespace kinglet::testing::foresight_test
