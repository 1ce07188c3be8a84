// The command line itself: help, wrong arguments, output that cannot be written.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <regex>
#include <string>
#include <thread>

#include "kinglet/descriptor.h"
#include "tests/apps/command.h"

namespace kinglet::testing::command_line_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::vector<std::string> kCommands = {"classify",  "run",    "info",     "bench",
                                            "calibrate", "tune",   "optimise", "describe",
                                            "export",    "models", "ops",      "sweep"};

TEST(CommandLineTest, HelpHasAnExampleAndTheCommonOptions) {
  for (const std::string& command : kCommands) {
    const CommandResult help = Kinglet({command, "--help"});
    EXPECT_EQ(help.status, 0) << command;
    EXPECT_EQ(help.err, "");
    EXPECT_THAT(help.out, AllOf(HasSubstr("Example:\n  kinglet " + command), HasSubstr("--json"),
                                HasSubstr("--quiet")));
    // Calibration is that of one thread and of all of them.
    EXPECT_EQ(help.out.find("--threads") != help.out.npos, command != "calibrate") << command;
  }
  const CommandResult help = Kinglet({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const std::string& command : kCommands) EXPECT_THAT(help.out, HasSubstr(command));
  EXPECT_THAT(Kinglet({"--version"}).out, StartsWith("kinglet "));
}

TEST(CommandLineTest, MistakesAreOneLineAndStatusTwo) {
  const std::vector<std::vector<std::string>> mistakes = {
      {},
      {"paint"},
      {"classify"},
      {"classify", "--top"},
      {"classify", "--top", "0", "a.jpg"},
      {"classify", "--top", "many", "a.jpg"},
      {"classify", "--threads", "0", "a.jpg"},
      {"classify", "--threads", "99999999999999999999", "a.jpg"},
      {"classify", "--preprocess", "photoshop", "a.jpg"},
      {"classify", "--max-pixels", "-1", "a.jpg"},
      {"classify", "--nonsense", "a.jpg"},
      {"classify", "--descriptor", "mobilenet_v1", "a.jpg"},
      {"run"},
      {"run", "a.onnx"},
      {"run", "a.onnx", "b.onnx", "--output-dir", "x"},
      {"info"},
      {"info", "mobilenet"},
      {"info", "mobilenet_v1", "--batch", "0"},
      {"info", "mobilenet_v1", "--shape", "input"},
      {"info", "mobilenet_v1", "--shape", "input=1x"},
      {"info", "mobilenet_v1", "--shape", "input=1x-3"},
      {"info", "mobilenet_v1", "--batch", "1,,2"},
      {"tune"},
      {"tune", "demo", "--threads", "0"},
      {"calibrate", "demo"},
      {"calibrate", "--turns", "0"},
      {"models", "mobilenet_v1"},
      {"info", "demo", "--as-read"},
      {"optimise"},
      {"optimise", "demo"},
      {"describe"},
      {"export"},
      {"export", "mobilenet_v1"},
      {"export", "-o", "x.onnx"},
      {"export", "mobilenet_v9", "-o", "x.onnx"},
      {"export", "mobilenet_v1", "vgg16", "-o", "x.onnx"},
  };
  for (const auto& arguments : mistakes) {
    const CommandResult result = Kinglet(arguments);
    SCOPED_TRACE(::testing::PrintToString(arguments));
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
    EXPECT_THAT(result.err, StartsWith("kinglet: "));
  }
}

TEST(CommandLineTest, VariablesThatNameNoInstructionsHereAreMistakes) {
  for (const char* variable : {"KINGLET_CPU", "KINGLET_TARGET"}) {
    const char* value = std::getenv(variable);
    const std::string before = value == nullptr ? "" : value;
    setenv(variable, "avx9", 1);
    const CommandResult result = Kinglet({"models"});
    const std::vector<CommandResult> texts = {Kinglet({"--help"}), Kinglet({"--version"}),
                                              Kinglet({"models", "--help"})};
    setenv(variable, before.c_str(), 1);
    if (value == nullptr) unsetenv(variable);
    EXPECT_EQ(result.status, 2) << variable;
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
    EXPECT_THAT(result.err, HasSubstr(std::string(variable) + "=avx9: "));
    for (const CommandResult& text : texts) {
      EXPECT_EQ(text.status, 0) << text.err;
      EXPECT_THAT(text.out, HasSubstr("kinglet"));
    }
  }
  EXPECT_EQ(Kinglet({"models"}).status, 0);
}

// The options of a command that take a value, as --help lists them.
std::vector<std::string> OptionsWithValue(const std::string& command) {
  std::vector<std::string> options;
  for (const std::string& line : Kinglet({command, "--help"}).OutLines()) {
    std::smatch match;
    static const std::regex kOption("^  (?:-\\w,)?(--[a-z-]+) [^ ].*");
    if (std::regex_match(line, match, kOption)) options.push_back(match[1]);
  }
  return options;
}

TEST(CommandLineTest, EmptyValuesAreMistakes) {
  // One rule for all options of a command: another of them in each is enough.
  std::size_t turn = 0;
  for (const char* command :
       {"classify", "detect",    "evaluate", "run",     "info",    "bench",   "calibrate",
        "tune",     "optimise",  "describe", "export",  "sweep",   "profile", "cold",
        "split",    "correlate", "study",    "predict", "measure", "fit"}) {
    const std::vector<std::string> options = OptionsWithValue(command);
    ASSERT_FALSE(options.empty()) << command;
    const std::string& option = options[turn++ % options.size()];
    SCOPED_TRACE(command + (' ' + option));
    const CommandResult result = Kinglet({command, option, "", "nothing.onnx"});
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
    EXPECT_THAT(result.err, HasSubstr(option));
  }
  for (const char* command : {"classify", "info", "export"}) {
    const CommandResult positional = Kinglet({command, ""});
    EXPECT_EQ(positional.status, 2) << command;
    EXPECT_THAT(positional.ErrLines(), SizeIs(1)) << positional.err;
  }
  EXPECT_EQ(Kinglet({"detect", "--output=", "a.jpg"}).status, 2);
}

TEST(CommandLineTest, AMissingValueIsCalledByItsName) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> missing = {
      {{"study", "--pictures"}, "--pictures: expected FOLDER after it, found nothing"},
      {{"sweep", "demo", "--batch"}, "--batch: expected LIST after it"},
      {{"profile", "demo", "-b"}, "--batch: expected N after it"},
      {{"info", "demo", "--shape"}, "--shape: expected NAME=Nx3x224x224 after it"}};
  for (const auto& [arguments, message] : missing) {
    const CommandResult result = Kinglet(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
  }
}

TEST(CommandLineTest, ControlCharactersDoNotReachTheTerminal) {
  const CommandResult result = Kinglet({"info", "a\nb\x1b[2J.onnx"});
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.ErrLines(), SizeIs(1));
  EXPECT_THAT(result.err, HasSubstr("a\\x0ab\\x1b[2J.onnx"));
}

TEST(CommandLineTest, OutputThatCannotBeWrittenIsAnError) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"models", "--json"}, {"ops"}, {"--help"}, {"info", "demo", "--json"}}) {
    const CommandResult result = Kinglet(arguments, "/dev/full");
    EXPECT_EQ(result.status, 4);
    EXPECT_THAT(result.err, HasSubstr("standard output cannot be written"));
  }
}

TEST(CommandLineTest, ABrokenPipeIsQuiet) {
  const TemporaryFolder folder;
  const std::string pipe = folder.Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  // The reader opens the pipe, takes nothing and goes away while the command starts.
  std::thread reader([&] { close(open(pipe.c_str(), O_RDONLY)); });
  const CommandResult result = Kinglet({"models", "--json"}, pipe);
  reader.join();
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.err, "");
}

TEST(ModelsTest, ListsTheDescriptors) {
  const nlohmann::json json = Kinglet({"models", "--json"}).OutJson();
  std::vector<std::string> names;
  for (const auto& model : json.at("models")) {
    names.push_back(model.at("name"));
    EXPECT_NO_THROW(ParseDescriptor(model.dump(), "models"));
  }
  EXPECT_EQ(names, ListDescriptors());
  const std::string table = Kinglet({"models"}).out;
  for (const std::string& name : names) EXPECT_THAT(table, HasSubstr(name));
}

TEST(OpsTest, ListsOperatorsWithTheirOpsets) {
  const nlohmann::json json = Kinglet({"ops", "--json"}).OutJson();
  bool conv = false;
  for (const auto& op : json.at("operators")) {
    EXPECT_LE(op.at("since").get<int>(), op.at("until").get<int>());
    if (op.at("name") != "Conv") continue;
    conv = true;
    EXPECT_THAT(op.at("attributes"), ::testing::Contains("dilations"));
  }
  EXPECT_TRUE(conv);
  EXPECT_THAT(Kinglet({"ops"}).out, HasSubstr("Conv  "));
}

}  // namespace
}  // namespace kinglet::testing::command_line_test
