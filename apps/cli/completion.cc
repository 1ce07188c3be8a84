// Scripts that complete the command line in bash, zsh and fish.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "apps/cli/manual.h"

namespace kinglet::cli {
namespace {

enum class Values { kNone, kWords, kFiles, kFolders, kNetworks };

struct Completed {
  Values kind = Values::kNone;
  std::vector<std::string> words{};
};

bool Has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

// What an option's value can be, by the text that stands for it: "slim|torch|caffe" are words,
// "NAME|FILE" the name of a network or a file.
Completed ValuesOf(const std::string& text) {
  const bool lower = std::all_of(text.begin(), text.end(), [](char c) {
    return std::islower(static_cast<unsigned char>(c)) != 0 || c == '|' || c == '-';
  });
  if (lower && Has(text, "|")) {
    Completed words{Values::kWords};
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find('|', begin), text.size());
      words.words.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return words;
  }
  if (Has(text, "DESCRIPTOR") || Has(text, "NAME|")) return {Values::kNetworks};
  if (Has(text, "FILE") || Has(text, "MODEL") || Has(text, "IMAGE")) return {Values::kFiles};
  if (Has(text, "FOLDER") || Has(text, "DIR")) return {Values::kFolders};
  return {};
}

// The words of a command's first argument that are no files: shells, commands, networks.
std::vector<std::string> WordsOf(const Completed& values,
                                 const std::vector<std::string>& networks) {
  return values.kind == Values::kNetworks ? networks : values.words;
}

Completed PositionalOf(const ProgramManual& program, const CommandManual& command) {
  if (command.positionals.empty()) return {};
  Completed values = ValuesOf(command.positionals.front().name);
  if (command.positionals.front().name.find("COMMAND") != std::string::npos) {
    values.kind = Values::kWords;
    for (const CommandManual& each : program.commands) values.words.push_back(each.name);
  }
  return values;
}

bool TakesFiles(Values kind) { return kind == Values::kFiles || kind == Values::kNetworks; }

// Text within single quotes of a shell.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + '\'';
}

std::vector<std::string> NamesOf(const OptionManual& option) {
  if (option.short_name.empty()) return {option.name};
  return {option.short_name, option.name};
}

// Where there is nothing to choose from, bash completes file names itself (-o default).
std::string BashReply(const Completed& values, const std::vector<std::string>& networks) {
  std::string reply;
  const std::vector<std::string> words = WordsOf(values, networks);
  if (!words.empty()) {
    reply += fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\")); ", fmt::join(words, " "));
  }
  if (values.kind == Values::kFolders) reply += "compopt -o dirnames; ";
  return reply + "return";
}

std::string Bash(const ProgramManual& program, const std::vector<std::string>& networks) {
  std::vector<std::string> commands;
  for (const CommandManual& command : program.commands) commands.push_back(command.name);
  std::string text =
      "# bash completion of kinglet\n"
      "_kinglet() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local command=${COMP_WORDS[1]}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n";
  text += fmt::format("    COMPREPLY=($(compgen -W '{} --help --version' -- \"$cur\"))\n",
                      fmt::join(commands, " "));
  text += "    return\n  fi\n  case $command in\n";
  for (const CommandManual& command : program.commands) {
    text += fmt::format("    {})\n      case $prev in\n", command.name);
    std::vector<std::string> names;
    for (const OptionManual& option : command.options) {
      const std::vector<std::string> both = NamesOf(option);
      names.insert(names.end(), both.begin(), both.end());
      if (option.value.empty()) continue;
      text += fmt::format("        {}) {} ;;\n", fmt::join(both, "|"),
                          BashReply(ValuesOf(option.value), networks));
    }
    text += "      esac\n";
    text += fmt::format(
        "      if [[ $cur == -* ]]; then\n"
        "        COMPREPLY=($(compgen -W '{}' -- \"$cur\"))\n"
        "        return\n      fi\n",
        fmt::join(names, " "));
    text += "      " + BashReply(PositionalOf(program, command), networks) + " ;;\n";
  }
  return text + "  esac\n}\ncomplete -o bashdefault -o default -F _kinglet kinglet\n";
}

// Text of a specification of zsh's _arguments, within single quotes.
std::string ZshText(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return escaped;
}

std::string ZshAction(const Completed& values, const std::vector<std::string>& networks) {
  const std::string words = fmt::format("({})", fmt::join(WordsOf(values, networks), " "));
  switch (values.kind) {
    case Values::kNone:
      return "";
    case Values::kWords:
      return words;
    case Values::kFiles:
      return "_files";
    case Values::kFolders:
      return "_files -/";
    case Values::kNetworks:
      return "{_alternative \"networks\\:network\\:" + words + "\" \"files\\:file\\:_files\"}";
  }
  return "";
}

std::string ZshOption(const OptionManual& option, const std::vector<std::string>& networks) {
  const std::string help = ZshText(option.help);
  std::string value;
  if (!option.value.empty()) {
    value =
        fmt::format(":{}:{}", ZshText(option.value), ZshAction(ValuesOf(option.value), networks));
  }
  if (option.short_name.empty()) return fmt::format("'{}[{}]{}'", option.name, help, value);
  return fmt::format("'({0} {1})'{{{0},{1}}}'[{2}]{3}'", option.short_name, option.name, help,
                     value);
}

std::string Zsh(const ProgramManual& program, const std::vector<std::string>& networks) {
  std::string text =
      "#compdef kinglet\n"
      "_kinglet() {\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const CommandManual& command : program.commands) {
    text += fmt::format("    '{}:{}'\n", command.name, ZshText(command.summary));
  }
  text +=
      "  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case $command in\n";
  for (const CommandManual& command : program.commands) {
    text += fmt::format("    {})\n      _arguments", command.name);
    for (const OptionManual& option : command.options) {
      text += " \\\n        " + ZshOption(option, networks);
    }
    const Completed values = PositionalOf(program, command);
    if (values.kind != Values::kNone) {
      text += fmt::format(" \\\n        '*:{}:{}'", ZshText(command.positionals.front().name),
                          ZshAction(values, networks));
    }
    text += " ;;\n";
  }
  return text + "  esac\n}\nif [ \"$funcstack[1]\" = _kinglet ]; then\n  _kinglet \"$@\"\nelse\n" +
         "  compdef _kinglet kinglet\nfi\n";
}

std::string Fish(const ProgramManual& program, const std::vector<std::string>& networks) {
  std::string text = "# fish completion of kinglet\ncomplete -c kinglet -f\n";
  for (const CommandManual& command : program.commands) {
    text += fmt::format("complete -c kinglet -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        Quoted(command.summary));
  }
  for (const CommandManual& command : program.commands) {
    const std::string begin =
        fmt::format("complete -c kinglet -n '__fish_seen_subcommand_from {}'", command.name);
    const auto values = [&](const Completed& completed) {
      const std::vector<std::string> words = WordsOf(completed, networks);
      std::string given = words.empty() ? "" : fmt::format(" -a '{}'", fmt::join(words, " "));
      if (completed.kind == Values::kFolders) given += " -a '(__fish_complete_directories)'";
      return given + (TakesFiles(completed.kind) ? " -F" : "");
    };
    for (const OptionManual& option : command.options) {
      text += begin;
      if (!option.short_name.empty()) text += " -s " + option.short_name.substr(1);
      text += " -l " + option.name.substr(2);
      if (!option.value.empty()) text += " -r" + values(ValuesOf(option.value));
      text += " -d " + Quoted(option.help) + '\n';
    }
    const std::string given = values(PositionalOf(program, command));
    if (!given.empty()) text += begin + given + '\n';
  }
  return text;
}

}  // namespace

std::string Completion(const ProgramManual& program, const std::string& shell,
                       const std::vector<std::string>& networks) {
  if (shell == "bash") return Bash(program, networks);
  return shell == "zsh" ? Zsh(program, networks) : Fish(program, networks);
}

}  // namespace kinglet::cli
