// kinglet tune under a bound, and the profiles that other commands load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "kinglet/onnx.h"
#include "tests/apps/command.h"
#include "tests/support/graph_builder.h"

namespace kinglet::testing::tune_bound_test {
namespace {

using ::testing::AllOf;

using ::testing::HasSubstr;

using ::testing::SizeIs;

// A profile of a network for tests: measured elsewhere, and found nowhere.
std::string ProfileWith(const std::string& network_key, int batch, int threads, int instances,
                        const std::string& precision) {
  const nlohmann::json json = {{"kinglet", "profile"},
                               {"format", 1},
                               {"network", "demo"},
                               {"network_key", network_key},
                               {"settings",
                                {{"batch", batch},
                                 {"threads", threads},
                                 {"instances", instances},
                                 {"as", "threads"},
                                 {"precision", precision}}},
                               {"goal", {{"latency_ms", 50}, {"percentile", 99}}},
                               {"measured",
                                {{"images_per_s", 100},
                                 {"mean_ms", 10},
                                 {"p50_ms", 10},
                                 {"p90_ms", 10},
                                 {"p95_ms", 10},
                                 {"p99_ms", 10},
                                 {"runs", 100},
                                 {"peak_rss_mb", 30}}},
                               {"machine",
                                {{"cpu", "a made-up CPU"},
                                 {"instruction_set", "avx2"},
                                 {"cpus", 64},
                                 {"peak_gflops", 0},
                                 {"kinglet", "0.1.0"}}}};
  return json.dump();
}

TEST(TuneBoundTest, FindsAPointAndWritesItsProfile) {
  const TemporaryFolder folder;
  const std::string file = folder.Path("demo.profile.json");
  const CommandResult tuned =
      Kinglet({"tune",       "demo",     "--latency",   "10s",     "--percentile",
               "50",         "--memory", "4GB",         "--batch", "1",
               "--threads",  "1",        "--instances", "1",       "--no-cache",
               "--duration", "0.06",     "--output",    file,      "--json"});
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  const nlohmann::json line = tuned.OutJson();
  EXPECT_EQ(line.at("grid"), 1);
  ASSERT_THAT(line.at("trials"), SizeIs(2));
  EXPECT_EQ(line.at("trials").at(1).at("confirms"), true);
  EXPECT_EQ(line.at("chosen").at("batch"), 1);
  EXPECT_GT(line.at("chosen").at("images_per_s").get<double>(), 0);
  EXPECT_EQ(line.at("file"), file);
  const nlohmann::json profile = nlohmann::json::parse(ReadText(file));
  EXPECT_EQ(profile.at("kinglet"), "profile");
  EXPECT_EQ(profile.at("goal").at("latency_ms"), 10000);
  EXPECT_EQ(profile.at("goal").at("memory_mb"), 4096);

  const CommandResult bench =
      Kinglet({"bench", "demo", "--profile", file, "--repeat", "1", "--no-cache", "--json"});
  EXPECT_EQ(bench.status, 0) << bench.err;
  EXPECT_EQ(bench.err, "");  // the same machine
  EXPECT_EQ(bench.OutJson().at("threads"), 1);

  // The same file for other machines, with other settings.
  const std::string key = profile.at("network_key");
  const std::string other = folder.Write("other.json", ProfileWith(key, 3, 2, 2, "bf16"));
  const CommandResult noted =
      Kinglet({"bench", "demo", "--profile", other, "--repeat", "1", "--no-cache", "--json"});
  EXPECT_EQ(noted.status, 0) << noted.err;
  EXPECT_THAT(noted.err, AllOf(HasSubstr("another machine (a made-up CPU, 64 CPUs, avx2)"),
                               HasSubstr("kinglet sweep")));
  EXPECT_EQ(noted.OutJson().at("batch"), 3);
  EXPECT_EQ(noted.OutJson().at("threads"), 2);
  EXPECT_EQ(noted.OutJson().at("precision"), "bf16");
  const CommandResult given =
      Kinglet({"bench", "demo", "--profile", other, "--batch", "1", "--threads", "1", "--precision",
               "f32", "--repeat", "1", "--quiet", "--no-cache", "--json"});
  EXPECT_EQ(given.OutJson().at("batch"), 1);
  EXPECT_EQ(given.OutJson().at("threads"), 1);
  EXPECT_EQ(given.OutJson().at("precision"), "f32");

  const std::string cup = SourcePath("models/demo/images/cup.jpg").string();
  const CommandResult classify = Kinglet({"classify", cup, "--profile", other, "--json"});
  EXPECT_EQ(classify.status, 0) << classify.err;
  EXPECT_THAT(classify.err, HasSubstr("one by one"));
  const CommandResult detect = Kinglet({"detect", cup, "--profile", other});
  EXPECT_EQ(detect.status, 2);  // another network
  EXPECT_THAT(detect.err, AllOf(HasSubstr("a profile of demo"), HasSubstr("another network")));
}

TEST(TuneBoundTest, NothingHoldsAnImpossibleBound) {
  const TemporaryFolder folder;
  const std::string file = folder.Path("p.json");
  const CommandResult result =
      Kinglet({"tune", "demo", "--latency", "1us", "--batch", "1", "--threads", "1", "--no-cache",
               "--duration", "0.06", "--output", file});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("nothing holds latency p99 at most 0.001 ms"),
                                HasSubstr("nearest is batch 1, 1 thread")));
  EXPECT_THAT(result.out, HasSubstr("over the bound"));
  EXPECT_FALSE(std::filesystem::exists(file));
}

// A network of one convolution, whose kernels are soon measured.
std::string WriteConvolution(const TemporaryFolder& folder) {
  GraphBuilder b;
  const ValueId w = b.Floats({8, 3, 3, 3}, std::vector<float>(8 * 3 * 9, 0.1f));
  b.Output(b.Op("Conv", {b.Input("x", {1, 3, 16, 16}), w}), "y");
  WriteOnnx(folder.Path("conv.onnx"), b.Take());
  return folder.Path("conv.onnx");
}

TEST(TuneBoundTest, MeasuredKernelsAreTriedInTurnsWithTheOthers) {
  const TemporaryFolder folder;
  const std::string network = WriteConvolution(folder);
  std::filesystem::create_directory(folder.Path("profiles"));
  const std::string file = folder.Path("profiles/p.json");
  const CommandResult tuned =
      Kinglet({"tune", network, "--latency", "10s", "--batch", "1", "--threads", "1", "--kernels",
               "--no-cache", "--duration", "0.06", "--output", file, "--json"});
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  const nlohmann::json line = tuned.OutJson();
  ASSERT_THAT(line.at("trials"), SizeIs(3));
  const nlohmann::json& last = line.at("trials").at(2);
  EXPECT_EQ(line.at("trials").at(1).at("kernels"), "chosen");
  EXPECT_EQ(last.at("kernels"), "measured");
  EXPECT_THAT(last.at("verdict").get<std::string>(), HasSubstr("in turns with the others"));
  // The file is there where the profile names it, by its folder.
  const nlohmann::json settings = nlohmann::json::parse(ReadText(file)).at("settings");
  const std::string kernels = folder.Path("profiles/p.tuning.json");
  EXPECT_EQ(settings.contains("tuning"), std::filesystem::exists(kernels));
  EXPECT_EQ(settings.value("tuning", "p.tuning.json"), "p.tuning.json");
  const CommandResult bench =
      Kinglet({"bench", network, "--profile", file, "--repeat", "1", "--no-cache"});
  EXPECT_EQ(bench.status, 0) << bench.err;
}

TEST(TuneBoundTest, PicturesAreInputsAndProcessesMayBeChosen) {
  const TemporaryFolder folder;
  const std::string pictures = SourcePath("models/demo/images").string();
  const CommandResult tuned = Kinglet({"tune",
                                       SourcePath("models/demo/demo.onnx").string(),
                                       "--descriptor",
                                       "demo",
                                       "--input",
                                       pictures,
                                       "--latency",
                                       "10s",
                                       "--batch",
                                       "1",
                                       "--threads",
                                       "1",
                                       "--instances",
                                       "2",
                                       "--as",
                                       "both",
                                       "--no-cache",
                                       "--duration",
                                       "0.06",
                                       "--output",
                                       folder.Path("p.json"),
                                       "--json"});
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_EQ(tuned.OutJson().at("grid"), 2);
  const nlohmann::json profile = nlohmann::json::parse(ReadText(folder.Path("p.json")));
  EXPECT_EQ(profile.at("settings").at("descriptor"), "demo");
  EXPECT_EQ(profile.at("settings").at("instances"), 2);
}

TEST(TuneBoundTest, MistakesAreSaidBeforeAnythingIsMeasured) {
  const TemporaryFolder folder;
  const std::string file = folder.Path("p.json");
  struct Mistake {
    std::vector<std::string> arguments;
    int status;
    const char* message;
  };
  const Mistake mistakes[] = {
      {{"tune", "demo", "--latency", "50ms"}, 2, "--output is missing"},
      {{"tune", "demo", "--latency", "fast", "-o", file}, 2, "--latency"},
      {{"tune", "demo", "--latency", "-1", "-o", file}, 2, "--latency"},
      {{"tune", "demo", "--latency", "5ms", "--percentile", "42", "-o", file}, 2, "--percentile"},
      {{"tune", "demo", "--memory", "much", "-o", file}, 2, "--memory"},
      {{"tune", "demo", "--latency", "5ms", "--instances", "0", "-o", file}, 2, "--instances"},
      {{"tune", "demo", "--instances", "2"}, 2, "--latency"},
      {{"tune", "demo", "--input", folder.Path()}, 2, "--latency"},
      {{"tune", "demo", "--latency", "5ms", "-o", file, "-d", "demo"}, 2, "for a model file"},
      {{"tune", "demo", "--latency", "5ms", "-o", file, "--input", folder.Path()}, 2, "found none"},
      {{"tune", "-", "--latency", "5ms", "-o", file}, 2, "expected a file"},
      {{"tune", "demo", "--latency", "5ms", "-o", folder.Path("none/p.json")}, 4, "none"},
      {{"tune", "no_such_network", "--latency", "5ms", "-o", file}, 2, "no_such_network"},
      {{"bench", "demo", "--profile", folder.Path("missing.json")}, 4, "missing.json"},
      {{"bench", "demo", "--profile", folder.Write("bad.json", "{}")}, 2, "expected a profile"},
      {{"bench", "demo", "--profile",
        folder.Write("wrong.json", ProfileWith("0000000000000000", 1, 1, 1, "f32"))},
       2,
       "another network"},
  };
  for (const Mistake& mistake : mistakes) {
    const CommandResult result = Kinglet(mistake.arguments);
    SCOPED_TRACE(::testing::PrintToString(mistake.arguments));
    EXPECT_EQ(result.status, mistake.status) << result.err;
    EXPECT_THAT(result.err, HasSubstr(mistake.message));
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
    EXPECT_EQ(result.out, "");
  }
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace kinglet::testing::tune_bound_test
