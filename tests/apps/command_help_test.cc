// What the command line says about itself: help, version, manual page, completion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/apps/command.h"

namespace kinglet::testing::command_help_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::vector<std::string> kCommands = {
    "classify", "detect",   "evaluate", "run",       "info",    "bench", "calibrate", "tune",
    "optimise", "describe", "export",   "models",    "ops",     "help",  "version",   "completion",
    "man",      "generate", "predict",  "measure",   "dataset", "fit",   "score",     "sweep",
    "profile",  "cold",     "split",    "correlate", "study"};

std::size_t Widest(const CommandResult& result) {
  std::size_t widest = 0;
  for (const std::string& line : result.OutLines()) widest = std::max(widest, line.size());
  return widest;
}

// What the shell makes of a script; empty where there is no such shell.
bool HasProgram(const std::string& name) {
  return std::system(("command -v " + name + " > /dev/null 2>&1").c_str()) == 0;
}

TEST(HelpTest, HelpOfACommandIsItsHelpOption) {
  for (const std::string& command : kCommands) {
    const CommandResult help = Kinglet({"help", command});
    EXPECT_EQ(help.status, 0) << command;
    EXPECT_EQ(help.out, Kinglet({command, "--help"}).out);
    EXPECT_EQ(help.err, "");
    EXPECT_LE(Widest(help), 80u) << command;  // fits a terminal
  }
  EXPECT_LE(Widest(Kinglet({"--help"})), 80u);
  EXPECT_EQ(Kinglet({"help"}).out, Kinglet({"--help"}).out);
  EXPECT_THAT(Kinglet({"--help"}).out, HasSubstr("Exit status:"));
}

TEST(HelpTest, TheVersionIsACommandToo) {
  const CommandResult version = Kinglet({"version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.out, StartsWith("kinglet "));
  EXPECT_EQ(version.out, Kinglet({"--version"}).out);
}

struct Mistake {
  std::vector<std::string> arguments;
  std::string meant;  // "": nothing is like it
};

TEST(HelpTest, UnknownCommandsAndOptionsAreLikeOthers) {
  const std::vector<Mistake> mistakes = {
      {{"clasify", "a.jpg"}, "classify"},
      {{"detct", "a.jpg"}, "detect"},
      {{"optimize", "a.onnx"}, "optimise"},
      {{"desc", "a.onnx"}, "describe"},
      {{"benhc", "demo"}, "bench"},
      {{"paint"}, ""},
      {{"help", "clasify"}, "classify"},
      {{"info", "demo", "--kernel"}, "--kernels"},
      {{"info", "demo", "--bacth", "2"}, "--batch"},
      {{"classify", "--thread=2", "a.jpg"}, "--threads"},
      {{"classify", "--zzzzzz", "a.jpg"}, ""},
  };
  for (const Mistake& mistake : mistakes) {
    const CommandResult result = Kinglet(mistake.arguments);
    SCOPED_TRACE(::testing::PrintToString(mistake.arguments));
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.ErrLines(), SizeIs(1));
    const bool asked =
        result.err.find("did you mean '" + mistake.meant + "'?") != std::string::npos;
    EXPECT_EQ(asked, !mistake.meant.empty()) << result.err;
    EXPECT_EQ(result.err.find("did you mean") == std::string::npos, mistake.meant.empty());
  }
}

TEST(HelpTest, TheManualPageHasEveryCommandAndOption) {
  const CommandResult man = Kinglet({"man"});
  EXPECT_EQ(man.status, 0);
  EXPECT_THAT(man.out,
              AllOf(StartsWith(".TH KINGLET 1"), HasSubstr(".SH EXIT STATUS"),
                    HasSubstr(".SH ENVIRONMENT"), HasSubstr("\\fB\\-\\-max\\-pixels\\fR")));
  for (const std::string& command : kCommands) {
    EXPECT_THAT(man.out, HasSubstr("\n.SS " + command + "\n"));
  }
  // A line that begins so by accident would be a command.
  for (const std::string& line : man.OutLines()) {
    if (line.empty() || (line[0] != '.' && line[0] != '\'')) continue;
    EXPECT_THAT(line, ::testing::ContainsRegex("^\\.(TH|SH|SS|TP|PP|nf|fi|RS|RE)")) << line;
  }
  if (!HasProgram("groff")) return;
  const TemporaryFolder folder;
  const std::string page = folder.Write("kinglet.1", man.out);
  const std::string check =
      "groff -man -Tutf8 -ww " + page + " > /dev/null 2> " + folder.Path("log");
  EXPECT_EQ(std::system(check.c_str()), 0);
  EXPECT_EQ(ReadText(folder.Path("log")), "");
}

TEST(CompletionTest, EveryShellKnowsCommandsOptionsAndNetworks) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const CommandResult script = Kinglet({"completion", shell});
    EXPECT_EQ(script.status, 0);
    for (const std::string& command : kCommands) EXPECT_THAT(script.out, HasSubstr(command));
    EXPECT_THAT(script.out, AllOf(HasSubstr("recursive"), HasSubstr("mobilenet_v2"),
                                  HasSubstr("slim torch caffe")));
    if (!HasProgram(shell)) continue;
    const TemporaryFolder folder;
    const std::string file = folder.Write("script", script.out);
    EXPECT_EQ(std::system((std::string(shell) + " -n " + file).c_str()), 0) << shell;
  }
  EXPECT_EQ(Kinglet({"completion", "tcsh"}).status, 2);
  EXPECT_EQ(Kinglet({"completion"}).status, 2);
}

// What bash offers for the last of the words.
std::vector<std::string> Offered(const std::vector<std::string>& words) {
  const TemporaryFolder folder;
  std::string line = "COMP_WORDS=(kinglet";
  for (const std::string& word : words) line += " '" + word + "'";
  const std::string script =
      folder.Write("try", "source " + folder.Write("script", Kinglet({"completion", "bash"}).out) +
                              "\n" + line + ")\nCOMP_CWORD=" + std::to_string(words.size()) +
                              "\n_kinglet 2> /dev/null\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
  EXPECT_EQ(std::system(("bash " + script + " > " + folder.Path("out")).c_str()), 0);
  CommandResult result;
  result.out = ReadText(folder.Path("out"));
  std::vector<std::string> lines = result.OutLines();
  std::erase(lines, "");
  return lines;
}

TEST(CompletionTest, BashOffersWhatFits) {
  if (!HasProgram("bash")) GTEST_SKIP() << "there is no bash";
  using ::testing::Contains;
  using ::testing::ElementsAre;
  EXPECT_THAT(Offered({"cl"}), ElementsAre("classify"));
  EXPECT_THAT(Offered({"classify", "--rec"}), ElementsAre("--recursive"));
  EXPECT_THAT(Offered({"classify", "--preprocess", "t"}), ElementsAre("torch"));
  EXPECT_THAT(Offered({"info", "mobilenet_v"}), Contains("mobilenet_v1"));
  EXPECT_THAT(Offered({"help", "det"}), ElementsAre("detect"));
  EXPECT_THAT(Offered({"completion", "z"}), ElementsAre("zsh"));
  EXPECT_THAT(Offered({"classify", "--model", ""}), IsEmpty());  // bash completes files itself
}

}  // namespace
}  // namespace kinglet::testing::command_help_test
