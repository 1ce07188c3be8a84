// kinglet bench.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "kinglet/descriptor.h"
#include "kinglet/onnx.h"
#include "tests/apps/command.h"
#include "tests/apps/small_detector.h"
#include "tests/support/graph_builder.h"

namespace kinglet::testing::bench_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<nlohmann::json> Bench(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"bench", "demo", "--json"});
  const CommandResult result = Kinglet(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  std::vector<nlohmann::json> lines;
  for (const std::string& line : result.OutLines()) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(BenchTest, EveryPointIsALineOfJson) {
  const auto lines = Bench({"--batch", "1,3..4", "--threads", "1,2", "--repeat", "3"});
  std::vector<std::pair<int, int>> points;
  for (const auto& line : lines) points.emplace_back(line.at("threads"), line.at("batch"));
  using Point = std::pair<int, int>;
  EXPECT_THAT(points, ElementsAre(Point(1, 1), Point(1, 3), Point(1, 4), Point(2, 1), Point(2, 3),
                                  Point(2, 4)));
  std::vector<std::string> keys;
  for (const auto& [key, value] : lines.at(0).items()) keys.push_back(key);
  EXPECT_THAT(keys, ::testing::UnorderedElementsAre(
                        "model", "batch", "threads", "precision", "median_ms", "min_ms", "p95_ms",
                        "images_per_s", "gflops", "share_of_peak", "peak_rss_mb", "file_rss_mb",
                        "runs", "operations", "machine", "format"));
}

void ExpectStages(const nlohmann::json& line) {
  for (const char* stage : {"decode", "preprocess", "network", "postprocess"}) {
    EXPECT_GT(line.at("ms").at(stage).get<double>(), 0) << stage;
  }
  EXPECT_EQ(line.at("ms").at("network"), line.at("median_ms"));
}

TEST(BenchTest, DetectorsShowTheirStages) {
  const TemporaryFolder folder;
  const std::vector<std::string> bench = {
      "bench", WriteSmallDetector(folder), "--threads", "1", "--batch", "1,4", "--repeat", "3"};
  auto json = bench;
  json.push_back("--json");
  const CommandResult result = Kinglet(json);
  ASSERT_THAT(result.OutLines(), SizeIs(2)) << result.err;
  for (const std::string& line : result.OutLines()) ExpectStages(nlohmann::json::parse(line));
  const CommandResult table = Kinglet(bench);
  EXPECT_EQ(table.status, 0);
  EXPECT_THAT(table.out, HasSubstr("preprocess  median ms  postprocess  images/s"));
}

TEST(BenchTest, AModelFileIsADetectorByItsDescriptor) {
  const TemporaryFolder folder;
  const std::string small = WriteSmallDetector(folder);
  const std::string model = folder.Path("a.onnx");
  ASSERT_EQ(Kinglet({"export", small, "-o", model, "-q"}).status, 0);
  const std::string picture = SourcePath("models/demo/images/house.png").string();
  const std::vector<std::string> bench = {"bench",    model, "--threads", "1",
                                          "--repeat", "1",   "--json"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), bench.begin(), bench.end());
    return Kinglet(more);
  };
  EXPECT_FALSE(with({}).OutJson().contains("ms"));
  ExpectStages(with({"--descriptor", small, "--image", picture}).OutJson());
  EXPECT_EQ(with({"--descriptor", small, "--image", "none.jpg"}).status, 1);
  EXPECT_EQ(with({"--image", picture}).status, 2);
  EXPECT_EQ(with({"--descriptor", "mobilenet_v1", "--image", picture}).status, 2);
  EXPECT_EQ(Kinglet({"bench", "ultraface", "--descriptor", "ultraface"}).status, 2);
  // Anchors beside the model are those of the model.
  folder.Write("a.anchors.json", "[[0.5, 0.5, 1, 1]]");
  const CommandResult anchors = with({"--descriptor", small});
  EXPECT_EQ(anchors.status, 3);
  EXPECT_THAT(anchors.ErrLines(), ElementsAre(HasSubstr("expected 1 boxes")));
}

// Of an input with nothing fixed, --shape could say anything.
TEST(BenchTest, ADetectorsInputIsAColourPicture) {
  const TemporaryFolder folder;
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, -1, -1, -1});
  b.Output(b.Op("Reshape", {x, b.Ints({1, -1, 4})}), "boxes");
  b.Output(b.Op("Sigmoid", {b.Op("Reshape", {x, b.Ints({1, -1, 4})})}), "scores");
  WriteOnnx(folder.Path("a.onnx"), b.Take());
  folder.Write("a.json", R"({"task": "detect", "input": {"width": 8, "height": 8},
                             "output": {"boxes": "boxes", "scores": "scores"}})");
  const auto bench = [&](const std::string& shape) {
    return Kinglet({"bench", folder.Path("a.onnx"), "--threads", "1", "--repeat", "1", "--json",
                    "--shape", "x=" + shape});
  };
  const CommandResult picture = bench("1x3x8x12");
  ASSERT_EQ(picture.status, 0) << picture.err;
  ExpectStages(picture.OutJson());
  for (const char* shape : {"1x1x8x12", "4", "1x8x12x3", "1x3x2x3x4"}) {
    const CommandResult result = bench(shape);
    EXPECT_EQ(result.status, 2) << shape;
    EXPECT_THAT(result.ErrLines(), SizeIs(1));
  }
}

TEST(BenchTest, SpeedsFollowFromTheMedian) {
  const auto info = Kinglet({"info", "demo", "--json", "--batch", "8"}).OutJson();
  const double operations = 2 * info.at("multiply_adds").get<double>();
  for (const auto& line : Bench({"--batch", "8", "--threads", "1", "--repeat", "5"})) {
    const double median = line.at("median_ms");
    EXPECT_GT(line.at("min_ms").get<double>(), 0);
    EXPECT_LE(line.at("min_ms").get<double>(), median);
    EXPECT_GE(line.at("p95_ms").get<double>(), median);
    EXPECT_NEAR(line.at("images_per_s").get<double>() * median, 8e3, 8);
    EXPECT_NEAR(line.at("gflops").get<double>() * median, operations * 1e-6,
                operations * 1e-6 * 0.02);
    EXPECT_GT(line.at("share_of_peak").get<double>(), 0);
  }
}

TEST(BenchTest, OneRunIsMedianMinimumAndTail) {
  const auto lines = Bench({"--threads", "1", "--repeat", "1"});
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].at("batch"), 1);
  EXPECT_EQ(lines[0].at("min_ms"), lines[0].at("median_ms"));
  EXPECT_EQ(lines[0].at("p95_ms"), lines[0].at("median_ms"));
}

TEST(BenchTest, PeakMemoryIsThatOfThePointAlone) {
  const auto lines = Bench({"--batch", "96,1", "--threads", "1", "--repeat", "1"});
  ASSERT_THAT(lines, SizeIs(2));
  const double large = lines[0].at("peak_rss_mb");
  const double small = lines[1].at("peak_rss_mb");
  EXPECT_GT(small, 2);
  EXPECT_GT(large, small + 96 * 3 * 128 * 128 * 4 / 1048576.0);  // the inputs at least
}

TEST(BenchTest, PrintsATable) {
  const CommandResult result =
      Kinglet({"bench", "demo", "--threads", "1", "--batch", "1,2", "--repeat", "1"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto lines = result.OutLines();
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_THAT(lines[0], AllOf(HasSubstr("demo"), HasSubstr("GFLOP/s")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("median ms"), HasSubstr("images/s")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("% peak"), HasSubstr("MiB")));
}

TEST(BenchTest, WrongListsAreUsage) {
  const std::vector<std::vector<std::string>> wrong = {
      {"--batch", "0"},       {"--batch", ""},          {"--batch", "1,"},
      {"--batch", "5..2"},    {"--batch", "1..x"},      {"--batch", "1...3"},
      {"--batch", "-1"},      {"--batch", "1.5"},       {"--batch", "99999999999999999999"},
      {"--threads", "0..2"},  {"--threads", "100000"},  {"--batch", "1..60000"},
      {"--repeat", "0"},      {"--shape", "input=1xx"}, {"--batch", "1..200", "--threads", "1..64"},
      {"--shape", "input=1x"}};
  for (const auto& options : wrong) {
    std::vector<std::string> arguments = {"bench", "demo"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const CommandResult result = Kinglet(arguments);
    EXPECT_EQ(result.status, 2) << options[1];
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

TEST(BenchTest, AShapeFollowsTheBatch) {
  EXPECT_THAT(Bench({"--shape", "input=Nx3x128x128", "--batch", "2", "--repeat", "1"}), SizeIs(1));
  const CommandResult fixed =
      Kinglet({"bench", "demo", "--shape", "input=1x3x128x128", "--batch", "2"});
  EXPECT_EQ(fixed.status, 2);
  EXPECT_THAT(fixed.err, AllOf(HasSubstr("--batch 2"), HasSubstr("input=1x3x128x128")));
}

TEST(BenchTest, NetworksThatCannotRunAreOneError) {
  const TemporaryFolder folder;
  const std::string broken = folder.Write("bad.onnx", "no model");
  const CommandResult bad = Kinglet({"bench", broken, "--batch", "1..8"});
  EXPECT_EQ(bad.status, 3);
  EXPECT_THAT(bad.ErrLines(), ElementsAre(HasSubstr("bad.onnx")));
  const CommandResult missing = Kinglet({"bench", folder.Path("no such.onnx")});
  EXPECT_EQ(missing.status, 4);
  EXPECT_THAT(missing.ErrLines(), ElementsAre(HasSubstr("no such.onnx")));
  EXPECT_EQ(Kinglet({"bench", "nosuch"}).status, 2);
}

TEST(BenchTest, APointThatDiesIsOneError) {
  // A second of CPU time is less than a million runs take.
  FILE* pipe = popen("ulimit -c 0; ulimit -t 1; exec '" KINGLET_CLI
                     "' bench demo --threads 1 --batch 8 --repeat 1000000 2>&1",
                     "r");
  ASSERT_NE(pipe, nullptr);
  std::string text;
  char buffer[512];
  while (fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  const int status = pclose(pipe);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 4);
  EXPECT_THAT(text, AllOf(HasSubstr("batch 8, threads 1"), HasSubstr("signal")));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

}  // namespace
}  // namespace kinglet::testing::bench_test
