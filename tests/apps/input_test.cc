// What commands read: pipes, folders and what lies below them, formats that are passed over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>

#include "kinglet/image.h"
#include "tests/apps/command.h"

namespace kinglet::testing::input_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string Picture(const std::string& name) {
  return SourcePath("models/demo/images/" + name).string();
}
std::string DemoModel() { return SourcePath("models/demo/demo.onnx").string(); }

// Without what the demo network says about itself.
std::vector<std::string> Errors(const CommandResult& result) {
  std::vector<std::string> lines = result.ErrLines();
  std::erase_if(lines, [](const std::string& line) {
    return line.find("the built-in network knows") != line.npos;
  });
  return lines;
}

// What a shell makes of the line, in which `kinglet` is the command.
CommandResult Shell(const std::string& line) {
  const TemporaryFolder folder;
  const std::string script =
      folder.Write("script", "kinglet() { '" KINGLET_CLI "' \"$@\"; }\n" + line + "\n");
  CommandResult result;
  const int status = std::system(
      ("sh " + script + " > " + folder.Path("out") + " 2> " + folder.Path("err")).c_str());
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.out = ReadText(folder.Path("out"));
  result.err = ReadText(folder.Path("err"));
  return result;
}

TEST(PipeTest, PicturesComeThroughStandardInput) {
  const CommandResult result =
      Shell("cat " + Picture("house.png") + " | kinglet classify --json --quiet -");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.OutJson().at("image"), "-");
  const auto file = Kinglet({"classify", "--json", Picture("house.png")}).OutJson();
  EXPECT_EQ(result.OutJson().at("top"), file.at("top"));
}

TEST(PipeTest, DrawnCopiesOfStandardInputHaveAName) {
  const TemporaryFolder folder;
  const CommandResult result = Shell("cat " + Picture("house.png") + " | kinglet classify -q -o " +
                                     folder.Path("drawn") + " -");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_FALSE(ReadImage(folder.Path("drawn/standard_input.png")).empty());
}

TEST(PipeTest, NamedPipesAreFiles) {
  const TemporaryFolder folder;
  const std::string pipe = folder.Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const CommandResult result = Shell("cat " + Picture("house.png") + " > " + pipe +
                                     " &\nkinglet classify --json --quiet " + pipe);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.OutJson().at("image"), pipe);
}

TEST(PipeTest, NoPictureOnStandardInputIsAnInputThatFails) {
  const CommandResult text = Shell("echo no picture | kinglet classify -");
  EXPECT_EQ(text.status, 1);
  EXPECT_THAT(Errors(text), SizeIs(1)) << text.err;
  EXPECT_THAT(text.err, HasSubstr("standard input: "));
  EXPECT_THAT(Kinglet({"classify", "-"}).err, HasSubstr("standard input: the file is empty"));
  const CommandResult endless = Shell("kinglet classify --max-pixels 1000 - < /dev/zero");
  EXPECT_EQ(endless.status, 1);
  EXPECT_THAT(Errors(endless), SizeIs(1)) << endless.err;
}

TEST(PipeTest, ModelsComeThroughPipes) {
  const std::string cat = "cat " + DemoModel() + " | kinglet ";
  const TemporaryFolder folder;
  for (const std::string& command :
       {std::string("info --json -"), std::string("bench --json --repeat 1 --threads 1 -"),
        "classify --json -q --model - --descriptor demo " + Picture("house.png")}) {
    const CommandResult result = Shell(cat + command);
    ASSERT_EQ(result.status, 0) << command << ": " << result.err;
    EXPECT_EQ(result.out.find("/proc/"), std::string::npos) << result.out;
  }
  EXPECT_EQ(Shell(cat + "describe -q -").status, 0);
  EXPECT_EQ(Shell(cat + "optimise -q - -o " + folder.Path("a.onnx")).status, 0);
  EXPECT_EQ(Kinglet({"info", "-q", folder.Path("a.onnx")}).status, 0);
  const CommandResult bad = Shell("echo no model | kinglet info -");
  EXPECT_EQ(bad.status, 3);
  EXPECT_THAT(bad.ErrLines(), SizeIs(1)) << bad.err;
  EXPECT_THAT(bad.err, AllOf(HasSubstr("standard input: "), Not(HasSubstr("/proc/"))));
}

TEST(FolderTest, FoldersBelowAreLookedIntoWhenAsked) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.Path("a/deep"));
  folder.Copy(Picture("house.png"), "top.png");
  folder.Copy(Picture("house.png"), "a/middle.png");
  folder.Copy(Picture("fish.bmp"), "a/deep/low.bmp");
  std::filesystem::create_directory_symlink(folder.Path(), folder.Path("a/back"));
  const CommandResult flat = Kinglet({"classify", "--json", folder.Path()});
  EXPECT_EQ(flat.status, 0);
  EXPECT_THAT(flat.OutLines(), SizeIs(1));
  EXPECT_THAT(Errors(flat), SizeIs(1));
  EXPECT_THAT(flat.err, HasSubstr("passed over in folders: 1 folder (--recursive"));
  const CommandResult deep = Kinglet({"classify", "--json", "--recursive", folder.Path()});
  EXPECT_EQ(deep.status, 0);
  EXPECT_THAT(Errors(deep), IsEmpty());
  ASSERT_THAT(deep.OutLines(), SizeIs(3)) << deep.out;
  EXPECT_THAT(deep.OutLines()[2], HasSubstr("low.bmp"));
}

TEST(FolderTest, FormatsThatAreNotReadAreNamedOnceAtTheEnd) {
  const TemporaryFolder folder;
  folder.Copy(Picture("house.png"), "house.png");
  for (const char* name : {"a.heic", "b.HEIC", "c.tiff", "notes.txt"}) folder.Write(name, "x");
  ASSERT_EQ(mkfifo(folder.Path("pipe.jpg").c_str(), 0600), 0);
  const CommandResult result = Kinglet({"classify", "--json", folder.Path()});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.OutLines(), SizeIs(1));
  EXPECT_THAT(Errors(result),
              ::testing::ElementsAre("kinglet: note: passed over in folders: 2 .heic, 1 .tiff"));
  EXPECT_THAT(Kinglet({"classify", "--quiet", folder.Path()}).err, IsEmpty());
  std::filesystem::remove(folder.Path("house.png"));
  const CommandResult none = Kinglet({"classify", folder.Path()});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, AllOf(HasSubstr("has no pictures (.jpg"), HasSubstr("2 .heic, 1 .tiff")));
}

TEST(LimitTest, HelpSaysTheLimit) {
  const std::string limit = std::to_string(ImageLimits().max_pixels);
  for (const char* command : {"classify", "detect", "evaluate"}) {
    EXPECT_THAT(Kinglet({command, "--help"}).out, HasSubstr("(default: " + limit + ")"));
  }
}

TEST(AdviceTest, ADetectorIsNotToldOfOptionsThatItLacks) {
  const TemporaryFolder folder;
  const std::string model = folder.Copy(DemoModel(), "net.onnx");
  const CommandResult detect = Kinglet({"detect", "--model", model, Picture("house.png")});
  EXPECT_EQ(detect.status, 2);
  EXPECT_THAT(detect.err, AllOf(HasSubstr("no descriptor"), Not(HasSubstr("--preprocess"))));
  EXPECT_THAT(Kinglet({"classify", "--model", model, Picture("house.png")}).err,
              HasSubstr("--preprocess"));
}

TEST(OutputFileTest, EveryCommandTreatsFoldersAlike) {
  const TemporaryFolder folder;
  const std::string model = DemoModel();
  const std::vector<std::vector<std::string>> commands = {{"export", "demo"},
                                                          {"optimise", model},
                                                          {"describe", model},
                                                          {"tune", "demo", "--threads", "1"},
                                                          {"calibrate", "--turns", "1"}};
  for (const auto& command : commands) {
    SCOPED_TRACE(command.front());
    const auto with = [&](const std::string& output) {
      std::vector<std::string> arguments = command;
      arguments.insert(arguments.end(), {"-q", "-o", output});
      return Kinglet(arguments);
    };
    const CommandResult onto = with(folder.Path());
    EXPECT_EQ(onto.status, 4);
    EXPECT_THAT(onto.ErrLines(), SizeIs(1));
    EXPECT_THAT(onto.err, HasSubstr("is a folder"));
    EXPECT_EQ(with(folder.Write("file", "") + "/out").status, 4);
    const CommandResult missing = with(folder.Path("missing/out"));
    EXPECT_EQ(missing.status, 4);
    EXPECT_THAT(missing.ErrLines(), SizeIs(1)) << missing.err;
    EXPECT_FALSE(std::filesystem::exists(folder.Path("missing")));
    const std::string file = folder.Path(command.front());
    const CommandResult made = with(file);
    EXPECT_EQ(made.status, 0) << made.err;
    EXPECT_TRUE(std::filesystem::is_regular_file(file));
  }
}

// The variable for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value, 1);
  }
  ~Variable() { before_.empty() ? unsetenv(name_) : setenv(name_, before_.c_str(), 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::string before_;
};

TEST(ThreadsTest, TheVariableOfOpenMpCountsBelowTheOption) {
  const auto threads = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"info", "demo", "--json"});
    return Kinglet(more).OutJson().at("threads").get<int>();
  };
  const int free = threads({});
  {
    const Variable variable("OMP_NUM_THREADS", "3,2");
    EXPECT_EQ(threads({}), 3);
    EXPECT_EQ(threads({"--threads", "2"}), 2);
    EXPECT_THAT(Kinglet({"classify", Picture("house.png")}).out, HasSubstr("3 threads"));
  }
  for (const char* wrong : {"many", "0", "-2", "100000000000", ""}) {
    const Variable variable("OMP_NUM_THREADS", wrong);
    EXPECT_EQ(threads({}), free) << wrong;
  }
}

TEST(TuneTest, ACacheThatCannotBeWrittenIsAWarning) {
  const TemporaryFolder folder;
  const Variable cache("XDG_CACHE_HOME", folder.Write("file", "").c_str());
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"classify", "--json", "--tune", "--threads", "1", Picture("house.png")},
           {"info", "demo", "--json", "--tune", "--threads", "1"},
           {"bench", "demo", "--json", "--tune", "--threads", "1", "--repeat", "1"}}) {
    const CommandResult result = Kinglet(command);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.OutLines(), SizeIs(1));
    EXPECT_THAT(result.err, HasSubstr("measured kernels are not kept"));
  }
  EXPECT_EQ(Kinglet({"tune", "demo", "--threads", "1"}).status, 4);
}

TEST(VerboseTest, SaysWhatIsDone) {
  const CommandResult info = Kinglet({"info", "demo", "--verbose", "--json"});
  EXPECT_EQ(info.status, 0);
  EXPECT_THAT(info.OutLines(), SizeIs(1));
  EXPECT_THAT(info.err, AllOf(HasSubstr("read demo in "), HasSubstr("compiled in "),
                              HasSubstr("planning for input 1x3x128x128")));
  const CommandResult classify = Kinglet({"classify", "-v", "--json", Picture("house.png")});
  EXPECT_THAT(classify.err, HasSubstr("descriptor 'demo'"));
  EXPECT_EQ(Kinglet({"info", "demo", "--verbose", "--quiet"}).status, 2);
}

}  // namespace
}  // namespace kinglet::testing::input_test
