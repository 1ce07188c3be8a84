// kinglet sweep.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <tuple>

#include "kinglet/onnx.h"
#include "tests/apps/command.h"
#include "tests/support/graph_builder.h"

namespace kinglet::testing::sweep_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A sweep of the demo network, as short as can be; `more` stands before what it has by itself.
std::vector<std::string> Short(const std::string& folder, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"sweep", "demo", "--no-pictures", "--output", folder};
  const std::pair<std::string, std::string> usual[] = {{"--threads", "1"}, {"--duration", "0.08"}};
  for (const auto& [option, value] : usual) {
    if (std::find(more.begin(), more.end(), option) != more.end()) continue;
    arguments.insert(arguments.end(), {option, value});
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::size_t LinesOf(const std::string& path) {
  const std::string text = ReadText(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(SweepTest, EveryPointIsALineOfJsonAndOfTheTable) {
  const TemporaryFolder folder;
  const CommandResult result = Kinglet(Short(
      folder.Path("made/here"), {"--batch", "2", "--instances", "1,2", "--as", "both", "--json"}));
  ASSERT_EQ(result.status, 0) << result.err;
  using Point = std::tuple<int, int, std::string>;
  std::vector<Point> points;
  for (const std::string& line : result.OutLines()) {
    const auto json = nlohmann::json::parse(line);
    points.emplace_back(json.at("batch"), json.at("instances"), json.at("as"));
    EXPECT_GT(json.at("p50_ms").get<double>(), 0);
    EXPECT_LE(json.at("p50_low_ms").get<double>(), json.at("p50_ms").get<double>());
    EXPECT_GE(json.at("p99_ms").get<double>(), json.at("p50_ms").get<double>());
    EXPECT_GT(json.at("images_per_s").get<double>(), 0);
    EXPECT_GT(json.at("peak_rss_mb").get<double>(), 2);
    EXPECT_GE(json.at("turns").get<int>(), 1);
  }
  EXPECT_THAT(points, ElementsAre(Point(2, 1, "threads"), Point(2, 2, "threads"),
                                  Point(2, 2, "processes")));
  EXPECT_EQ(LinesOf(folder.Path("made/here/sweep.csv")), 4u);
  EXPECT_GE(LinesOf(folder.Path("made/here/sweep.jsonl")), 1u + 3 * 3);
}

TEST(SweepTest, AFinishedSweepIsOnlyShownAgain) {
  const TemporaryFolder folder;
  ASSERT_EQ(Kinglet(Short(folder.Path("s"))).status, 0);
  const std::string file = folder.Path("s/sweep.jsonl");
  const std::string before = ReadText(file);
  const CommandResult again = Kinglet(Short(folder.Path("s")));
  EXPECT_EQ(again.status, 0);
  EXPECT_THAT(again.err, HasSubstr("goes on with the"));
  EXPECT_THAT(again.out, AllOf(HasSubstr("p50 ms"), HasSubstr("images/s")));
  EXPECT_EQ(ReadText(file), before);
  const CommandResult other = Kinglet(Short(folder.Path("s"), {"--batch", "2"}));
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.ErrLines(), ElementsAre(AllOf(HasSubstr("--batch"), HasSubstr("--restart"))));
  EXPECT_EQ(ReadText(file), before);
  EXPECT_EQ(Kinglet(Short(folder.Path("s"), {"--batch", "2", "--restart"})).status, 0);
  EXPECT_NE(ReadText(file), before);
}

// Killed in the middle: no finished turn is lost, and what was cut is taken again.
TEST(SweepTest, AKilledSweepGoesOn) {
  const TemporaryFolder folder;
  const std::vector<std::string> arguments = Short(folder.Path("s"), {"--batch", "1..3", "-q"});
  const std::string file = folder.Path("s/sweep.jsonl");
  const pid_t child = fork();
  if (child == 0) {
    std::vector<std::string> words = arguments;
    words.insert(words.begin(), KINGLET_CLI);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (freopen("/dev/null", "w", stdout) == nullptr) _exit(126);
    execv(argv[0], argv.data());
    _exit(127);
  }
  ASSERT_GT(child, 0);
  const auto lines = [&] { return std::filesystem::exists(file) ? LinesOf(file) : 0; };
  while (lines() < 4 && waitpid(child, nullptr, WNOHANG) == 0) usleep(2000);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  std::string before = ReadText(file);
  std::ofstream(file, std::ios::app) << "{\"point\":{\"netw";  // as when a write was cut
  before.resize(before.rfind('\n') + 1);
  ASSERT_GE(std::count(before.begin(), before.end(), '\n'), 4);
  const CommandResult result = Kinglet(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  const std::string after = ReadText(file);
  EXPECT_EQ(after.substr(0, before.size()), before);
  EXPECT_EQ(LinesOf(folder.Path("s/sweep.csv")), 4u);
  std::istringstream stream(after);
  for (std::string line; std::getline(stream, line);) {
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  }
}

// No file of this process and those that it starts may be larger, as long as it is there: as on a
// disk that is full.
class LargestFile {
 public:
  explicit LargestFile(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~LargestFile() { setrlimit(RLIMIT_FSIZE, &before_); }
  LargestFile(const LargestFile&) = delete;
  LargestFile& operator=(const LargestFile&) = delete;

 private:
  rlimit before_{};
};

TEST(SweepTest, AFullDiskIsOneErrorAndTheSweepGoesOn) {
  const TemporaryFolder folder;
  const std::vector<std::string> arguments =
      Short(folder.Path("s"), {"--batch", "1,2", "-q", "--within", "100%"});
  const std::string file = folder.Path("s/sweep.jsonl");
  ASSERT_EQ(Kinglet(arguments).status, 0);
  const std::string whole = ReadText(file);
  const std::size_t two_turns = whole.find('\n', whole.find('\n', whole.find('\n') + 1) + 1);
  std::filesystem::remove_all(folder.Path("s"));
  CommandResult full;
  {
    const LargestFile limit(two_turns + 200);
    full = Kinglet(arguments);
  }
  EXPECT_EQ(full.status, 4);
  EXPECT_THAT(full.ErrLines(), ElementsAre(AllOf(HasSubstr("sweep.jsonl"), HasSubstr("written"))));
  EXPECT_EQ(full.out, "");
  std::string kept = ReadText(file);
  kept.resize(kept.rfind('\n') + 1);
  EXPECT_GE(std::count(kept.begin(), kept.end(), '\n'), 2);
  const CommandResult rest = Kinglet(arguments);
  EXPECT_EQ(rest.status, 0) << rest.err;
  EXPECT_THAT(ReadText(file), ::testing::StartsWith(kept));
  EXPECT_EQ(LinesOf(folder.Path("s/sweep.csv")), 3u);
}

TEST(SweepTest, BatchesArriveInAnOpenLoop) {
  const TemporaryFolder folder;
  for (const char* kind : {"threads", "processes"}) {
    const CommandResult result =
        Kinglet(Short(folder.Path(kind), {"--rate", "100", "--instances", "2", "--as", kind,
                                          "--duration", "0.2", "--json"}));
    ASSERT_EQ(result.status, 0) << result.err;
    const auto point = result.OutJson();
    EXPECT_EQ(point.at("rate"), 100);
    // Twenty come in 0.2 s; turns may be taken twice.
    EXPECT_GE(point.at("runs").get<int>(), 2);
    EXPECT_LE(point.at("runs").get<int>(), 80);
  }
}

TEST(SweepTest, PicturesAreInputs) {
  const TemporaryFolder folder;
  const std::string pictures = SourcePath("models/demo/images").string();
  EXPECT_EQ(Kinglet(Short(folder.Path("s"), {"--input", pictures})).status, 0);
  const CommandResult none = Kinglet(Short(folder.Path("n"), {"--input", folder.Path("s")}));
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.ErrLines(), ElementsAre(HasSubstr("expected pictures")));
  EXPECT_EQ(Kinglet(Short(folder.Path("n"), {"--input", folder.Path("no")})).status, 4);
  EXPECT_FALSE(std::filesystem::exists(folder.Path("n")));
}

TEST(SweepTest, PicturesNeedGnuplotBeforeAnythingIsMeasured) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = Short(folder.Path("s"), {"--batch", "1,2"});
  std::erase(arguments, "--no-pictures");
  const char* path = std::getenv("PATH");
  const std::string before = path == nullptr ? "" : path;
  setenv("PATH", folder.Path().c_str(), 1);
  const CommandResult without = Kinglet(arguments);
  setenv("PATH", before.c_str(), 1);
  EXPECT_EQ(without.status, 4);
  EXPECT_THAT(without.ErrLines(), ElementsAre(HasSubstr("gnuplot")));
  EXPECT_FALSE(std::filesystem::exists(folder.Path("s")));
  if (std::system("command -v gnuplot > /dev/null 2>&1") != 0) GTEST_SKIP() << "no gnuplot";
  const CommandResult with = Kinglet(arguments);
  EXPECT_EQ(with.status, 0) << with.err;
  EXPECT_GT(std::filesystem::file_size(folder.Path("s/report.html")), 1000u);
  EXPECT_FALSE(std::filesystem::is_empty(folder.Path("s/pictures")));
}

TEST(SweepTest, WrongArgumentsAreUsage) {
  const TemporaryFolder folder;
  const std::vector<std::vector<std::string>> wrong = {
      {"--batch", "0"},
      {"--threads", "x"},
      {"--instances", "0"},
      {"--instances", "257"},
      {"--as", "fibres"},
      {"--precision", "f64"},
      {"--precision", "f32,"},
      {"--precision", "int8"},
      {"--duration", "0"},
      {"--duration", "nan"},
      {"--rate", "-1"},
      {"--rate", "1e5", "--duration", "2000"},
      {"--seed", "-1"},
      {"--within", "2"},
      {"--shape", "input=1x3x128x128", "--batch", "2"},
      {"nosuch"},
      {"-"},
      {"--batch", "1..5000", "--threads", "1..3"}};
  for (const auto& options : wrong) {
    const CommandResult result = Kinglet(Short(folder.Path("s"), options));
    EXPECT_EQ(result.status, 2) << options.front() << ' ' << options.back();
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
    EXPECT_EQ(result.out, "");
  }
  EXPECT_EQ(Kinglet({"sweep", "demo", "--no-pictures"}).status, 2);
  EXPECT_EQ(Kinglet({"sweep", "-o", folder.Path("s"), "--no-pictures"}).status, 2);
  EXPECT_FALSE(std::filesystem::exists(folder.Path("s")));
}

TEST(SweepTest, ABatchThatTheModelDoesNotTakeIsFoundBefore) {
  const TemporaryFolder folder;
  GraphBuilder b;
  b.Output(b.Op("Relu", {b.Input("x", {1, 3, 8, 8})}), "y");
  WriteOnnx(folder.Path("fixed.onnx"), b.Take());
  const CommandResult result = Kinglet({"sweep", folder.Path("fixed.onnx"), "--batch", "1,2",
                                        "--no-pictures", "-o", folder.Path("s")});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.ErrLines(), ElementsAre(HasSubstr("fixed batch of 1")));
  EXPECT_FALSE(std::filesystem::exists(folder.Path("s")));
}

TEST(SweepTest, FoldersThatCannotBeWrittenAreErrorsBefore) {
  const TemporaryFolder folder;
  folder.Write("file", "text");
  for (const std::string& path :
       {folder.Path("file"), folder.Path("file/in"), std::string("/proc/no/sweep")}) {
    const CommandResult result = Kinglet(Short(path));
    EXPECT_EQ(result.status, 4) << path;
    EXPECT_THAT(result.ErrLines(), SizeIs(1));
  }
  // A device that is always full in place of the file.
  std::filesystem::create_directory(folder.Path("full"));
  std::filesystem::create_symlink("/dev/full", folder.Path("full/sweep.jsonl"));
  const CommandResult full = Kinglet(Short(folder.Path("full")));
  EXPECT_EQ(full.status, 4);
  EXPECT_THAT(full.ErrLines(), SizeIs(1));
}

TEST(SweepTest, ANetworkOfAnotherContentIsAnotherSweep) {
  const TemporaryFolder folder;
  const auto write = [&](const char* op) {
    GraphBuilder b;
    b.Output(b.Op(op, {b.Input("x", {1, 3, 8, 8})}), "y");
    WriteOnnx(folder.Path("a.onnx"), b.Take());
  };
  const std::vector<std::string> sweep = {"sweep",         folder.Path("a.onnx"), "--duration",
                                          "0.04",          "--no-pictures",       "-o",
                                          folder.Path("s")};
  write("Relu");
  EXPECT_EQ(Kinglet(sweep).status, 0);
  write("Sigmoid");
  const CommandResult result = Kinglet(sweep);
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.ErrLines(), ElementsAre(HasSubstr("the content of")));
}

}  // namespace
}  // namespace kinglet::testing::sweep_test
