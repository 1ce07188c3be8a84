#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/manual.h"
#include "apps/cli/output.h"

namespace kinglet::cli {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kTextColumn = 30;

// A name, and from kTextColumn on what it means.
std::string Entry(const std::string& name, const std::string& meaning) {
  std::string text = "  " + name;
  const std::string indent(kTextColumn, ' ');
  if (text.size() + 2 > kTextColumn) {
    text += '\n' + indent;
  } else {
    text.resize(kTextColumn, ' ');
  }
  for (const std::string& line : Wrapped(meaning, kWidth - kTextColumn)) {
    if (text.back() == '\n') text += indent;
    text += line + '\n';
  }
  return text;
}

std::string NameOf(const OptionManual& option) {
  std::string name = option.short_name;
  if (!name.empty()) name += ',';
  name += option.name;
  if (!option.value.empty()) name += ' ' + option.value;
  return name;
}

std::string Group(const std::string& title, const std::vector<OptionManual>& options) {
  if (options.empty()) return "";
  std::string text = '\n' + title + ":\n";
  for (const OptionManual& option : options) text += Entry(NameOf(option), option.help);
  return text;
}

std::string Lines(const std::string& paragraph) {
  std::string text;
  for (const std::string& line : Wrapped(paragraph, kWidth)) text += line + '\n';
  return text;
}

// A long one goes on in further lines, as a shell takes it.
std::string Example(const std::string& example) {
  constexpr std::size_t kIndent = 6, kEnd = 2;
  std::string text;
  for (const std::string& line : Wrapped(example, kWidth - kIndent - kEnd)) {
    text += (text.empty() ? "  " : " \\\n      ") + line;
  }
  return "\nExample:\n" + text + '\n';
}

}  // namespace

std::string HelpText(const ProgramManual& program, const CommandManual& command) {
  std::string text = Lines(command.summary);
  text += fmt::format("Usage: {} {} [OPTIONS]", program.name, command.name);
  for (const OptionManual& each : command.positionals) text += ' ' + each.name;
  return text + '\n' + Group("Arguments", command.positionals) + Group("Options", command.options) +
         Example(command.example);
}

std::string HelpText(const ProgramManual& program) {
  std::string text = Lines(program.summary);
  text += fmt::format("Usage: {} [OPTIONS] COMMAND\n", program.name);
  text += Group("Options", program.options);
  text += "\nCommands:\n";
  for (const CommandManual& command : program.commands)
    text += Entry(command.name, command.summary);
  text += "\nExit status:\n";
  for (const ExitStatus& each : ExitStatuses()) {
    text += Entry(std::to_string(each.status), each.meaning);
  }
  return text + Example(program.example);
}

const std::vector<ExitStatus>& ExitStatuses() {
  static const std::vector<ExitStatus> statuses = {
      {0, "All is done."},
      {1, "A picture or an input file failed; the others were done."},
      {2, "Wrong usage."},
      {3, "The model is malformed or not supported."},
      {4, "A file, memory or a limit."}};
  return statuses;
}

const std::vector<Variable>& Variables() {
  static const std::vector<Variable> variables = {
      {"OMP_NUM_THREADS", "Threads to use where no --threads is given."},
      {"XDG_CACHE_HOME",
       "The cache folder is kinglet/ in it, else in $HOME/.cache: there 'kinglet calibrate' and "
       "'kinglet tune' keep their files."},
      {"KINGLET_CPU",
       "Features of the CPU that kernels may use, like avx2,avx_vnni; none for none of them."},
      {"KINGLET_TARGET", "The instruction set: baseline, avx2, avx512 or neon."},
      {"COLUMNS", "Columns that tables may take where the terminal does not tell."}};
  return variables;
}

}  // namespace kinglet::cli
